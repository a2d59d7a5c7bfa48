//! `signalbox-dlq`: looks at the dead letters of a RabbitMQ, puts them back or deletes them.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use messaging::{Broker, BrokerError, DeadLetterError, DeadLetters, RabbitMq, RabbitSettings};

/// Looks at the dead letters of a RabbitMQ, puts them back or deletes them.
#[derive(Parser)]
#[command(name = "signalbox-dlq", version)]
struct Arguments {
    /// The broker: `amqp://user:password@host:5672/%2f`.
    #[arg(
        long,
        env = "SIGNALBOX_BROKER_URL",
        hide_env_values = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f"
    )]
    url: String,
    /// The queue of the dead letters.
    #[arg(long, default_value = "dead-letters")]
    queue: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists them, the oldest first: parked at, failed attempts, type, reason, id.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Shows one with headers and body, as JSON.
    Show {
        /// Its id, as `list` shows it.
        id: String,
    },
    /// Puts some back into the queues they came from, as if they had never been tried.
    Replay {
        /// Their ids, as `list` shows them.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Deletes some.
    Drop {
        /// Their ids, as `list` shows them.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = run(Arguments::parse()).await else { return ExitCode::SUCCESS };
    // If even that cannot be written, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "signalbox-dlq: {error}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    let settings = RabbitSettings { dead_letters: arguments.queue, ..RabbitSettings::new(&arguments.url, "dlq") };
    let broker = RabbitMq::new(settings)?;
    broker.check().await?;
    let letters = broker.dead_letters();
    let mut out = std::io::stdout().lock();
    match arguments.command {
        Command::List { limit } => list(&letters, limit, &mut out).await?,
        Command::Show { id } => {
            let letter = letters.show(&id).await?;
            serde_json::to_writer_pretty(&mut out, &letter).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Command::Replay { ids } => {
            for id in ids {
                let letter = letters.replay(&id).await?;
                writeln!(out, "{id} is back in {}", letter.queue)?;
            }
        }
        Command::Drop { ids } => {
            for id in ids {
                letters.discard(&id).await?;
                writeln!(out, "{id} is deleted")?;
            }
        }
    }
    Ok(())
}

async fn list(letters: &Arc<dyn DeadLetters>, limit: usize, out: &mut impl Write) -> Result<(), Error> {
    let found = letters.list(limit).await?;
    for letter in &found {
        let or = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let (parked, kind, reason) = (or(&letter.parked_at), or(&letter.kind), letter.reason.escape_debug());
        writeln!(out, "{parked}\t{}\t{kind}\t{reason}\t{}", letter.attempts, letter.id)?;
    }
    writeln!(out, "{} dead letters", found.len())?;
    Ok(())
}
