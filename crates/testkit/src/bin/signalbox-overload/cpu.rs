//! CPU time by part of the process, from what Linux keeps for each thread: the services name their threads.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// CPU time by thread name, of the threads that are alive. Empty where there is no `/proc`.
pub(crate) fn by_thread_name() -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let spent = read("schedstat").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        *times.entry(read("comm").trim().to_owned()).or_default() += Duration::from_nanos(spent);
    }
    times
}

/// What was spent since `before`, for one name.
pub(crate) fn since(before: &BTreeMap<String, Duration>, name: &str) -> Duration {
    let now = by_thread_name().get(name).copied().unwrap_or_default();
    now.saturating_sub(before.get(name).copied().unwrap_or_default())
}
