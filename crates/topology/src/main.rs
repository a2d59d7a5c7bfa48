//! `signalbox-services`: writes what repeats `services.yaml`, or checks that it is up to date.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match topology::run(Path::new("."), &words) {
        Ok(text) => {
            print_line(&text);
            ExitCode::SUCCESS
        }
        Err(text) => {
            print_line(&format!("signalbox-services: {text}"));
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "what the user has to know and do")]
fn print_line(text: &str) {
    if !text.is_empty() {
        eprintln!("{}", text.trim_end());
    }
}
