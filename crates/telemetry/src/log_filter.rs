//! Which log lines are written: those that the running thread's service wants. Never in the way of traces.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use crate::identity::Identity;
use crate::log_levels::is_silent;

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
        Identity::all()
            .iter()
            .filter_map(|identity| identity.service().levels.most_verbose())
            .chain([LevelFilter::WARN])
            .max()
    }
}
