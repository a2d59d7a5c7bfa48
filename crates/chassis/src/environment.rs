//! The only reader of environment variables.

/// All variables that are valid Unicode.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// One variable, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    variables().find(|(known, _)| known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}
