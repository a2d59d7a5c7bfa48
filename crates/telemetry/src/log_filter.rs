//! Log levels: one switch per service, changeable while it runs, and never in the way of traces.

use std::str::FromStr;
use std::sync::RwLock;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};

use crate::identity::Identity;

/// The log levels of one service: a default level and exceptions by target, such as `info,sqlx=warn`.
pub(crate) struct LevelSwitch(RwLock<(String, Targets)>);

/// A log level text that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a log level: use off, error, warn, info, debug or trace, with exceptions such as `info,auth=debug`"
)]
pub struct BadLevel(String);

impl LevelSwitch {
    pub(crate) fn new(text: &str) -> Result<Self, BadLevel> {
        Ok(Self(RwLock::new((text.to_owned(), parse(text)?))))
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.read(|targets| targets.would_enable(metadata.target(), metadata.level()))
    }

    fn read<T>(&self, f: impl FnOnce(&Targets) -> T) -> T {
        f(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).1)
    }
}

impl Identity {
    /// The log levels in force, as they were set.
    #[must_use]
    pub fn log_level(self) -> String {
        self.service().levels.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).0.clone()
    }

    /// Changes the log levels of this service at once.
    ///
    /// # Errors
    /// If the text is not a list of levels; the levels then stay as they were.
    pub fn set_log_level(self, text: &str) -> Result<(), BadLevel> {
        let targets = parse(text)?;
        *self.service().levels.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
            (text.trim().to_owned(), targets);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }
}

/// Lets an event pass if the running thread's service wants it.
pub(crate) struct LogFilter;

impl<S: Subscriber> Filter<S> for LogFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.is_event()
            && match Identity::current() {
                Some(identity) => identity.service().levels.enabled(metadata),
                None => *metadata.level() <= LevelFilter::WARN && !is_silent(metadata.target()),
            }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let wanted = metadata.is_event()
            && (*metadata.level() <= LevelFilter::WARN
                || Identity::all().iter().any(|identity| identity.service().levels.enabled(metadata)));
        if wanted { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let widest = |targets: &Targets| targets.iter().map(|(_, level)| level).chain(targets.default_level()).max();
        Identity::all()
            .iter()
            .filter_map(|identity| identity.service().levels.read(widest))
            .chain([LevelFilter::WARN])
            .max()
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

fn is_silent(target: &str) -> bool {
    SILENT.iter().any(|library| is_of(target, library))
}

fn parse(text: &str) -> Result<Targets, BadLevel> {
    let text = text.trim();
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word.trim()));
    let mut defaults = 0;
    for part in text.split(',') {
        let level = part.split_once('=').map_or(part, |(_, level)| level);
        defaults += usize::from(!part.contains('='));
        if !is_level(level) {
            return Err(BadLevel(text.to_owned()));
        }
    }
    if defaults != 1 {
        return Err(BadLevel(text.to_owned()));
    }
    let targets = Targets::from_str(text).map_err(|_| BadLevel(text.to_owned()))?;
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
