//! Durations by label set with the metric handles kept: a look-up per request, not a registration.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock};

use metrics::Histogram;

/// Histogram handles by key. The key must be bounded: routes and statuses, never paths.
/// Handles belong to the service whose thread asked first, so each service needs a table of its own.
pub(crate) struct HistogramCache<K>(Arc<RwLock<HashMap<K, Histogram>>>);

impl<K: Hash + Eq> HistogramCache<K> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Keeps a handle that has been registered already.
    pub(crate) fn insert(&self, key: K, handle: Histogram) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key, handle);
    }

    /// Observes `seconds` under `key`, which `register` turns into a handle the first time.
    pub(crate) fn record<Q>(&self, key: &Q, seconds: f64, register: impl FnOnce() -> (K, Histogram))
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(key).cloned();
        let handle = known.unwrap_or_else(|| {
            let (key, handle) = register();
            self.insert(key, handle.clone());
            handle
        });
        handle.record(seconds);
    }
}

impl<K> Clone for HistogramCache<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
