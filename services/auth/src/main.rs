//! Auth as a process of its own.

fn main() -> std::process::ExitCode {
    chassis::main_of(&auth::SPEC)
}
