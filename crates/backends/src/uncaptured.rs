//! Counts and skips that `make test` shows.

use std::io::Write as _;

/// Prints a line also when the test passes: unlike `println!`, this is not captured.
pub fn print_uncaptured(line: &str) {
    // Whoever closed the output does not want the line.
    let _ = writeln!(std::io::stdout(), "\n{line}");
}
