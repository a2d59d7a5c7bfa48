//! The names of the two caches in metrics, and the counter of their look-ups.

/// Products by id.
pub(super) const PRODUCTS: &str = "product";

/// Pages of searches.
pub(super) const PAGES: &str = "product_page";

/// Counts a look-up in `cache`.
pub(super) fn count(cache: &'static str, outcome: &'static str) {
    telemetry::counter!("cache_lookups_total", "cache" => cache, "outcome" => outcome).increment(1);
}
