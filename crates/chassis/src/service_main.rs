//! `main` of a service that has a process to itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use telemetry::LogOutput;

use crate::config::{Layers, variable_prefix};
use crate::host::{HostOptions, start};
use crate::settings::Common;
use crate::spec::Spec;
use crate::start_error::StartError;
use crate::terminal::{print_error, print_line};

/// Exit code of `sysexits.h` for a wrong configuration.
const EX_CONFIG: u8 = 78;

#[derive(Parser)]
struct Arguments {
    /// Configuration file to lay over the defaults
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print the defaults, which are also the manual of every key, and exit
    #[arg(long)]
    print_config: bool,
    /// What to do instead of serving
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Subcommand)]
enum Command {
    /// Bring the schema of the database up to date and exit; waits for a server that is not up yet
    Migrate,
    /// Ask the service that runs with this configuration whether it is ready; exits with 0 if it is
    Health,
}

/// Configures and runs the service until it is told to stop by SIGINT or SIGTERM.
pub fn service_main(spec: &Spec) -> ExitCode {
    let arguments = arguments(spec.name);
    if arguments.print_config {
        print_line(spec.defaults);
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(spec, arguments)),
        Err(source) => Err(StartError::System { what: "a runtime", source }),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print_error(&format!("{}: {error}", spec.name));
            ExitCode::from(EX_CONFIG)
        }
    }
}

fn arguments(service: &'static str) -> Arguments {
    let command = Arguments::command().name(service).version(telemetry::BUILD.version).about(format!(
        "The {service} service of Signalbox. Variables {}* override its keys.",
        variable_prefix(service)
    ));
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

async fn run(spec: &Spec, arguments: Arguments) -> Result<bool, StartError> {
    let layers = layers(spec.name, spec.defaults, arguments.config)?;
    let common: Common = layers.read()?;
    match arguments.command {
        None => serve(spec, &layers, &common).await,
        Some(Command::Migrate) => migrate(spec, &layers).await,
        Some(Command::Health) => Ok(crate::health::ask(spec.name, common.admin.address).await),
    }
}

async fn serve(spec: &Spec, layers: &Layers, common: &Common) -> Result<bool, StartError> {
    let _logs = telemetry::install(common.telemetry.log_format.into(), &LogOutput::Stdout)?;
    let mut stop = std::pin::pin!(stop_signal());
    let running = tokio::select! {
        running = start(spec, layers, HostOptions::default()) => running?,
        // It may wait for a server that never comes.
        () = &mut stop => return Ok(true),
    };
    stop.await;
    Ok(running.stop().await)
}

/// Says what happens on standard error, where the waiting is told too: no service runs whose log it could be.
async fn migrate(spec: &Spec, layers: &Layers) -> Result<bool, StartError> {
    let name = spec.name;
    let Some(migrate) = spec.migrate else {
        print_line(&format!("{name}: there is no database to migrate"));
        return Ok(true);
    };
    let on_retry = move |error: &dyn std::error::Error| print_error(&format!("{name}: waiting: {error}"));
    let version = migrate(layers.clone(), Box::new(on_retry)).await?;
    print_line(&format!("{name}: the schema is at version {version}"));
    Ok(true)
}

/// Defaults, then the file named on the command line or by `SIGNALBOX_<SERVICE>_CONFIG`, then the environment.
///
/// # Errors
/// If the file or a variable is wrong.
pub fn layers(name: &str, defaults: &str, file: Option<PathBuf>) -> Result<Layers, StartError> {
    let mut layers = Layers::new(name, defaults)?;
    let variable = layers.file_variable();
    if let Some(path) = file.or_else(|| crate::environment::variable(&variable).map(PathBuf::from)) {
        layers = layers.file(&path)?;
    }
    Ok(layers.environment()?)
}

/// Listens for SIGINT and SIGTERM from now on; the future ends with the first of them. Call it before anything
/// is announced: a signal that comes earlier ends the process without a drain.
pub fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Without signals only a kill ends the process, which is still better than not serving.
            _ => std::future::pending().await,
        }
    }
}
