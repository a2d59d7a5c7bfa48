//! What tests stand on: the whole stack in-process on free ports with data of its own, an HTTP client that
//! takes note of what it has seen, waits for conditions, and stand-ins for a collector and for services.

mod client;
mod fake;
mod lines;
pub mod observe;
mod processes;
mod samples;
mod stack;

pub use all_in_one::SERVICES;
pub use backends::{eventually, eventually_within};
pub use client::{Answer, Client, NoAnswer, Seen};
pub use fake::FakeService;
pub use lines::Lines;
pub use processes::{ProcessOptions, Processes, ServiceProcess, executable};
pub use samples::value_of;
pub use stack::{TestStack, TestStackBuilder, local_ports};
pub use telemetry::testing::Collector;
