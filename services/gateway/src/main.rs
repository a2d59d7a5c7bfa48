//! The gateway as a process of its own.

fn main() -> std::process::ExitCode {
    chassis::service_main(&gateway::SPEC)
}
