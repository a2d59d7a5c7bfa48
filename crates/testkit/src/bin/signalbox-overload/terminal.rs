//! What the program says on the terminal while it measures.

#[allow(clippy::print_stdout, reason = "a program for people")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
