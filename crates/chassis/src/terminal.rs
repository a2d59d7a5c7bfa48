//! What a program itself says on the terminal, besides its log: the only place that prints.

/// Writes a line that the user asked for on the command line to standard output.
#[allow(clippy::print_stdout, reason = "what the user asked for on the command line")]
pub(crate) fn print_line(text: &str) {
    println!("{text}");
}

/// Writes a line to standard error.
#[allow(clippy::print_stderr, reason = "there is no log yet when the start fails")]
pub(crate) fn print_error(text: &str) {
    eprintln!("{text}");
}
