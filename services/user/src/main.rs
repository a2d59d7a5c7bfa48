//! The user service as a process of its own.

fn main() -> std::process::ExitCode {
    chassis::service_main(&user::SPEC)
}
