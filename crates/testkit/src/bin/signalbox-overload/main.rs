//! `make overload`: starts the whole stack in this process, measures what total outages and three times too much load
//! do to it, prints both as tables and fails if an objective is missed.

mod cpu;
mod generator;
mod goodput;
mod outage;
mod report;
mod stand;
mod tally;
mod terminal;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::generator::THREADS;
use crate::goodput::{Goodput, Plan};
use crate::outage::Outage;
use crate::stand::Stand;
use crate::terminal::say;

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Measures the whole stack in one process under overload and during outages; fails if an objective is missed"
)]
struct Arguments {
    /// Seconds of each phase of load
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Pairs of peak and overload for each operation
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    pairs: u8,
    /// Milliseconds after which a client gives up
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    deadline: u64,
    /// Requests a second in each of the outages
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(20..=1000))]
    rate: u16,
    /// What to measure
    #[arg(long, value_enum, default_value = "all")]
    only: Only,
    /// File for the figures
    #[arg(long, value_name = "FILE", default_value = "target/overload.json")]
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    All,
    Outage,
    Reads,
    Logins,
    /// Reads with nothing slow behind the gateway: the limit is the CPU, of which the load takes its share; not judged
    Machine,
}

impl Only {
    fn wants(self, part: Self) -> bool {
        self == part || (self == Self::All && part != Self::Machine)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name(THREADS).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(async { tokio::spawn(run(arguments)).await }),
        Err(error) => Ok(Err(error.to_string())),
    };
    match outcome {
        Ok(Ok(missed)) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(Ok(missed)) => {
            say(&format!("\nMISSED: {}", missed.join("; ")));
            ExitCode::from(3)
        }
        Ok(Err(error)) => {
            say(&format!("signalbox-overload: {error}"));
            ExitCode::FAILURE
        }
        Err(panic) => {
            say(&format!("signalbox-overload: broke off: {panic}"));
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; answers what was missed.
async fn run(arguments: Arguments) -> Result<Vec<String>, String> {
    say(&format!("starting the stack; about {} s to go", estimate(&arguments)));
    let stand = Stand::start().await.map_err(|error| error.to_string())?;
    let (outages, goodputs) = measure(&stand, &arguments).await;
    if !stand.answers().await {
        return Err("the gateway does not answer any more".to_owned());
    }
    let _ = stand.stack.stop().await;
    report::write(&arguments.path, &outages, &goodputs)
        .map_err(|error| format!("cannot write {}: {error}", arguments.path.display()))?;
    say(&report::text(&outages, &goodputs));
    say(&format!("\nall figures: {}", arguments.path.display()));
    let missed = outages.iter().flat_map(Outage::missed);
    let judged = goodputs.iter().filter(|_| arguments.only != Only::Machine);
    Ok(missed.chain(judged.flat_map(Goodput::missed)).collect())
}

async fn measure(stand: &Stand, arguments: &Arguments) -> (Vec<Outage>, Vec<Goodput>) {
    let phase = Duration::from_secs(arguments.seconds);
    let pairs = usize::from(arguments.pairs);
    let plan = Plan { pairs, phase, deadline: Duration::from_millis(arguments.deadline) };
    let mut outages = Vec::new();
    let mut goodputs = Vec::new();
    if arguments.only.wants(Only::Outage) {
        outages = outage::measure(stand, f64::from(arguments.rate)).await;
    }
    if arguments.only.wants(Only::Logins) {
        let logins = stand.logins(stand.gateway());
        goodputs.push(goodput::measure("POST /v1/auth/login", &logins, plan).await);
    }
    if arguments.only.wants(Only::Reads) {
        let (_door, gateway) = stand.slow_products().await;
        let reads = stand.product_reads(&gateway);
        goodputs.push(goodput::measure("GET /v1/products/{id}, slow store", &reads, plan).await);
    }
    if arguments.only.wants(Only::Machine) {
        let reads = stand.product_reads(stand.gateway());
        goodputs.push(goodput::measure("GET /v1/products/{id}, nothing slow", &reads, plan).await);
    }
    (outages, goodputs)
}

/// Seconds a run takes, roughly.
fn estimate(arguments: &Arguments) -> u64 {
    let pairs = u64::from(arguments.pairs) * (arguments.seconds * 7 / 2 + 1) + 8;
    let part = |part, seconds| if arguments.only.wants(part) { seconds } else { 0 };
    part(Only::Outage, 36) + part(Only::Logins, pairs) + part(Only::Reads, pairs) + part(Only::Machine, pairs)
}
