//! The sample item service as a process of its own.

fn main() -> std::process::ExitCode {
    chassis::service_main(&sample_item::SPEC)
}
