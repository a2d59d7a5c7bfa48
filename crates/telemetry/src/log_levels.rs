//! The log levels of one service: how their text is read, and a switch that changes them while the service runs.

use std::str::FromStr;
use std::sync::{RwLock, RwLockReadGuard};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The log levels of one service: a default level and exceptions by target, such as `info,sqlx=warn`.
pub(crate) struct LogLevels(RwLock<(String, Targets)>);

/// A log level text that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a log level: use off, error, warn, info, debug or trace, with exceptions such as `info,auth=debug`"
)]
pub struct InvalidLogLevel(String);

impl LogLevels {
    pub(crate) fn new(text: &str) -> Result<Self, InvalidLogLevel> {
        Ok(Self(RwLock::new((text.to_owned(), parse(text)?))))
    }

    /// As they were set.
    pub(crate) fn text(&self) -> String {
        self.lock().0.clone()
    }

    /// Changes them; a text that is no list of levels changes nothing.
    pub(crate) fn set(&self, text: &str) -> Result<(), InvalidLogLevel> {
        let targets = parse(text)?;
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = (text.trim().to_owned(), targets);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    pub(crate) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lock().1.would_enable(metadata.target(), metadata.level())
    }

    /// The most verbose level that any target has.
    pub(crate) fn most_verbose(&self) -> Option<LevelFilter> {
        let targets = &self.lock().1;
        targets.iter().map(|(_, level)| level).chain(targets.default_level()).max()
    }

    fn lock(&self) -> RwLockReadGuard<'_, (String, Targets)> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The levels there are; `Targets` by itself also takes numbers, the empty text, and any word for a target.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Libraries that log as errors what they also answer to us, and again at every attempt. They are heard if they are
/// named, as in `info,lapin=warn`.
const SILENT: [&str; 1] = ["lapin"];

fn is_of(target: &str, library: &str) -> bool {
    target.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a target belongs to a library that is heard only by name.
pub(crate) fn is_silent(target: &str) -> bool {
    SILENT.iter().any(|library| is_of(target, library))
}

fn parse(text: &str) -> Result<Targets, InvalidLogLevel> {
    let text = text.trim();
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word.trim()));
    let mut defaults = 0;
    for part in text.split(',') {
        let level = part.split_once('=').map_or(part, |(_, level)| level);
        defaults += usize::from(!part.contains('='));
        if !is_level(level) {
            return Err(InvalidLogLevel(text.to_owned()));
        }
    }
    if defaults != 1 {
        return Err(InvalidLogLevel(text.to_owned()));
    }
    let targets = Targets::from_str(text).map_err(|_| InvalidLogLevel(text.to_owned()))?;
    let named: Vec<_> =
        text.split(',').filter_map(|part| part.split_once('=')).map(|(target, _)| target.trim()).collect();
    let silent = SILENT.iter().filter(|library| !named.iter().any(|target| is_of(target, library)));
    Ok(silent.fold(targets, |targets, library| targets.with_target(*library, LevelFilter::OFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_exceptions_are_understood() {
        for good in ["info", "warn,auth=debug", "OFF", "info,sqlx::query=warn"] {
            parse(good).expect(good);
        }
    }

    #[test]
    fn a_library_that_repeats_itself_is_heard_only_by_name() {
        let heard = |text: &str, target: &str| parse(text).expect(text).would_enable(target, &tracing::Level::ERROR);
        for target in ["lapin", "lapin::channels"] {
            assert!(!heard("info", target) && !heard("debug,user=trace", target) && is_silent(target));
            assert!(heard("info,lapin=warn", target) && heard("info, lapin=warn", target));
        }
        assert!(heard("info,lapin::channels=warn", "lapin::channels"));
        assert!(heard("info", "sqlx::query") && !is_silent("sqlx::query") && !is_silent("lapinator"));
    }

    #[test]
    fn a_mistyped_level_is_named() {
        for bad in ["", "inof", "auth=debug", "info,auth=loud"] {
            let error = parse(bad).expect_err(bad).to_string();
            assert!(error.contains(bad), "{error}");
        }
    }
}
