//! A URL that cannot be used. It is shown without what may be a password.

/// A URL is of no store we know, or of one that this program was built without.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is {expected}")]
pub struct BadUrl {
    shown: String,
    expected: String,
}

impl BadUrl {
    /// `expected` completes "it is".
    pub(crate) fn new(url: &str, expected: &str) -> Self {
        Self { shown: without_credentials(url), expected: expected.to_owned() }
    }

    /// Of a `store` for which a feature is missing.
    #[cfg(not(all(feature = "postgres", feature = "redis")))]
    pub(crate) fn not_built(url: &str, store: &str) -> Self {
        Self::new(url, &format!("of {store}, which {}", chassis::settings::NOT_BUILT))
    }
}

/// What stands behind the last `@`; before it may be a password.
pub(crate) fn without_credentials(url: &str) -> String {
    url.rsplit('@').next().unwrap_or_default().to_owned()
}
