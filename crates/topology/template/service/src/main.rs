//! The sample item service as a process of its own.

fn main() -> std::process::ExitCode {
    chassis::main_of(&sample_item::SPEC)
}
