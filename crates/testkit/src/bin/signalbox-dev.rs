//! `make dev`: Postgres, Redis, RabbitMQ and every service as a process, on this machine, until Ctrl-C. Data stays in
//! a folder, so the next start goes on where this one ended. `make up` is the same with `--observe`: Prometheus,
//! Alertmanager and exporters around it, a low steady load, and every alert as a line.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use testkit::observe::{ADMIN, Load, Observability, Profile, Receiver};
use testkit::{ProcessOptions, Processes, SERVICES};

/// Where Alertmanager's shipped configuration sends everything.
const RECEIVER: u16 = 9099;

/// Time between two rounds of what the load does beside shopping.
const ROUND: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(version, about = "Runs the services as processes on private Postgres, Redis and RabbitMQ until Ctrl-C")]
struct Arguments {
    /// Folder for the data of everything; by default target/dev, for root /var/tmp/signalbox-dev
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Start Prometheus, Alertmanager, exporters and a load, too, and print alerts
    #[arg(long)]
    observe: bool,
    /// Times of rules and scrapes: prod, or demo, where every window is sixty times shorter
    #[arg(long, value_enum, default_value = "prod", requires = "observe")]
    profile: Profile,
    /// Walks the shopper starts per second
    #[arg(long, default_value_t = 0.5, requires = "observe", value_parser = rate)]
    walks: f64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.01..=10.0).contains(rate));
    rate.ok_or_else(|| "a number from 0.01 to 10".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let mut stop = std::pin::pin!(chassis::stop_signal());
    // Root's Postgres runs as another user, who reaches no folder that is root's alone.
    let usual = || PathBuf::from(if backends::is_root() { "/var/tmp/signalbox-dev" } else { "target/dev" });
    let folder = arguments.folder.clone().unwrap_or_else(usual);
    let receiver = if arguments.observe { Some(receiver(&folder, arguments.profile).await?) } else { None };
    let webhook = receiver.as_ref().map(Receiver::address);
    let admin = arguments.observe.then(|| ADMIN.to_owned());
    let options = ProcessOptions { folder: Some(folder), admin, ..ProcessOptions::default() };
    let starting = |what: &str| say(&format!("starting {what}"));
    let start = move || {
        let processes = Processes::start(&options, starting)?;
        let start = |webhook| Observability::start(&processes, arguments.profile, webhook, None, starting);
        let observed = webhook.map(start).transpose()?;
        Ok::<_, backends::BackendError>((observed, processes))
    };
    let (sender, started) = tokio::sync::oneshot::channel();
    // A thread that nobody waits for: when this process ends during the start, so does what it has started.
    std::thread::spawn(move || drop(sender.send(start())));
    let (observed, processes) = tokio::select! {
        started = started => started.map_err(|_| "the start panicked")?.map_err(|error| error.to_string())?,
        () = &mut stop => return Err("stopped before everything had started".to_owned()),
    };
    let load = if observed.is_some() { Some(load(&processes, arguments.walks)?) } else { None };
    say(&map(&processes, observed.as_ref()));
    stop.await;
    say("stopping");
    if let Some(failure) = load.and_then(|load| load.tally().first_failure()) {
        say(&format!("the load failed first at: {failure}"));
    }
    let watched = observed.map_or(Ok(()), |observed| observed.stop());
    processes.stop().and(watched).map_err(|error| error.to_string())
}

/// Prints what comes and keeps it in the file `alerts` of the folder.
async fn receiver(folder: &Path, profile: Profile) -> Result<Receiver, String> {
    let path = folder.join("alerts");
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let print_line = move |line: &str| {
        say(line);
        // The line was printed; a full disk has alerts of its own.
        let _ = writeln!(&file, "{line}");
    };
    Receiver::start(RECEIVER, profile.watchdog_timeout(), print_line).await.map_err(|error| error.to_string())
}

fn load(processes: &Processes, walks: f64) -> Result<Load, String> {
    let password = processes.secret("admin_password").map_err(|error| error.to_string())?;
    let gateway = processes.service("gateway").address().ok_or("the gateway serves nothing")?;
    Ok(Load::start(gateway, &password, walks, ROUND))
}

/// What is where.
fn map(processes: &Processes, observed: Option<&Observability>) -> String {
    let mut lines = vec![String::new()];
    for name in SERVICES.iter().rev() {
        let service = processes.service(name);
        let served = service.address().map_or_else(|| "-".to_owned(), |address| address.to_string());
        let admin = service.admin().map_or_else(|| "-".to_owned(), |address| format!("http://{address}"));
        lines.push(format!("{name:<14} {served:<18} admin {admin}"));
    }
    lines.push(format!("{:<14} {}", "Postgres", processes.postgres.url()));
    lines.push(format!("{:<14} {}", "Redis", processes.redis.url()));
    lines.push(format!("{:<14} {}", "RabbitMQ", processes.rabbitmq.url()));
    lines.push(format!("{:<14} {}", "mails", processes.mail().display()));
    lines.push(format!("{:<14} {}/<name>/output", "output", processes.folder().display()));
    if let Some(observed) = observed {
        lines.push(format!("{:<14} http://{}/alerts", "Prometheus", observed.prometheus.address()));
        lines.push(format!("{:<14} http://{}", "Alertmanager", observed.alertmanager.address()));
        let alerts = processes.folder().join("alerts");
        lines.push(format!("{:<14} below, and in {}", "alerts", alerts.display()));
    }
    lines.push("\nready; Ctrl-C stops everything, and the data stays".to_owned());
    lines.join("\n")
}

#[allow(clippy::print_stdout, reason = "a program for people")]
fn say(text: &str) {
    println!("{text}");
}
