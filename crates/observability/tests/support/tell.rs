//! Counts that `make test` shows.

use std::io::Write as _;

/// Prints a line also when the test passes: unlike `println!`, this is not captured.
pub(crate) fn tell(line: &str) {
    writeln!(std::io::stdout(), "\n{line}").expect("standard output");
}
