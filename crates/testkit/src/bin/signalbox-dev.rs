//! `make dev`: Postgres, Redis, RabbitMQ and every service as a process, on this machine, until Ctrl-C. Data stays in
//! a folder, so the next start goes on where this one ended.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testkit::{ProcessOptions, Processes, SERVICES};

#[derive(Parser)]
#[command(version, about = "Runs the services as processes on private Postgres, Redis and RabbitMQ until Ctrl-C")]
struct Arguments {
    /// Folder for the data of everything; by default target/dev, for root /var/tmp/signalbox-dev
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    // Root's Postgres runs as another user, who reaches no folder that is root's alone.
    let usual = || PathBuf::from(if backends::is_root() { "/var/tmp/signalbox-dev" } else { "target/dev" });
    let folder = Arguments::parse().folder.unwrap_or_else(usual);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(run(folder))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: PathBuf) -> Result<(), String> {
    let mut stop = std::pin::pin!(chassis::stop_signal());
    let options = ProcessOptions { folder: Some(folder), ..ProcessOptions::default() };
    let start = move || Processes::start(&options, |what| say(&format!("starting {what}")));
    let (sender, started) = tokio::sync::oneshot::channel();
    // A thread that nobody waits for: when this process ends during the start, so does what it has started.
    std::thread::spawn(move || drop(sender.send(start())));
    let processes = tokio::select! {
        started = started => started.map_err(|_| "the start panicked")?.map_err(|error| error.to_string())?,
        () = &mut stop => return Err("stopped before everything had started".to_owned()),
    };
    say(&map(&processes));
    stop.await;
    say("stopping");
    processes.stop().map_err(|error| error.to_string())
}

/// What is where.
fn map(processes: &Processes) -> String {
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
    lines.push("\nready; Ctrl-C stops everything, and the data stays".to_owned());
    lines.join("\n")
}

#[allow(clippy::print_stdout, reason = "a program for people")]
fn say(text: &str) {
    println!("{text}");
}
