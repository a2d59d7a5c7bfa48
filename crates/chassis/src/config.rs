//! Configuration: a commented `config.toml` compiled into each service, overridden by a file, by the
//! environment and by the host, in that order. The compiled-in file is the manual: a key that does not
//! stand there does not exist, and using it is an error that names it. Ranges of numbers stand there too ([`range`]), and
//! are checked when a value is laid over a default.

pub mod range;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use self::range::{Range, ranges};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not TOML, or a value is not of the type or not in the range of its key.
    #[error("{origin}: {message}")]
    Invalid {
        /// File or variable.
        origin: String,
        /// What is wrong, with the key.
        message: String,
    },
    /// A value that is of the right type and makes no sense.
    #[error("key `{key}`: {reason}")]
    Value {
        /// The key, dotted.
        key: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// File or variable.
        origin: String,
        /// The key, dotted.
        key: String,
        /// A key that looks like it.
        suggestion: Option<String>,
    },
}

/// Layers of configuration, last one wins.
#[derive(Clone, Debug)]
pub struct Layers {
    prefix: String,
    defaults: Table,
    ranges: BTreeMap<String, Range>,
    merged: Table,
}

impl Layers {
    /// Starts with the defaults of a service. The prefix of its variables is `SIGNALBOX_<SERVICE>_`.
    ///
    /// # Errors
    /// If the defaults are not TOML, which is a bug of the service.
    pub fn new(service: &str, defaults: &str) -> Result<Self, ConfigError> {
        let ranges = ranges(defaults);
        let defaults = parse(&format!("defaults of {service}"), defaults)?;
        Ok(Self { prefix: variable_prefix(service), merged: defaults.clone(), defaults, ranges })
    }

    /// Lays a file over.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, or holds an unknown key.
    pub fn file(self, path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let origin = path.display().to_string();
        let table = parse(&origin, &text)?;
        self.table(&origin, table)
    }

    /// Lays a table over; `origin` names it in errors.
    ///
    /// # Errors
    /// If it holds an unknown key, or a value of the wrong type or out of range.
    pub fn table(mut self, origin: &str, table: Table) -> Result<Self, ConfigError> {
        merge(origin, "", &self.defaults, &mut self.merged, table)?;
        self.check_ranges(origin)?;
        Ok(self)
    }

    /// Lays variables over: `SIGNALBOX_AUTH_DATABASE_URL` is `database.url` of auth. Lists are separated by commas.
    ///
    /// # Errors
    /// If a variable with the service's prefix names no key, or its value does not fit.
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut keys = BTreeMap::new();
        leaves("", &self.defaults, &mut keys);
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(&self.prefix) else { continue };
            if rest == "CONFIG" {
                continue; // names the file
            }
            let wanted = |key: &&String| key.to_uppercase().replace('.', "_") == rest;
            let Some(key) = keys.keys().find(wanted) else {
                let guess = rest.to_lowercase();
                return Err(unknown(&format!("variable {name}"), &guess.replacen('_', ".", 1), &keys));
            };
            let value = typed(&text, &keys[key]).map_err(|expected| ConfigError::Invalid {
                origin: format!("variable {name}"),
                message: format!("`{text}` is not {expected} (key `{key}`)"),
            })?;
            set(&mut self.merged, key, value);
            self.check_ranges(&format!("variable {name}"))?;
        }
        Ok(self)
    }

    /// Each layer is checked when it is laid, so a value out of range is of the layer that `origin` names.
    fn check_ranges(&self, origin: &str) -> Result<(), ConfigError> {
        let mut values = BTreeMap::new();
        leaves("", &self.merged, &mut values);
        for (key, range) in &self.ranges {
            if let Some(value) = values.get(key).filter(|value| !range.contains(value)) {
                let message = format!("`{key}` must be {range}, not {value}");
                return Err(ConfigError::Invalid { origin: origin.to_owned(), message });
            }
        }
        Ok(())
    }

    /// Lays the variables of this process over; see [`Layers::env`].
    ///
    /// # Errors
    /// As [`Layers::env`].
    pub fn environment(self) -> Result<Self, ConfigError> {
        self.env(crate::environment::variables())
    }

    /// Reads the result into a struct that takes the keys it knows, as what they are: durations, addresses, URLs.
    ///
    /// # Errors
    /// If a value does not fit; the message names the key.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(self.merged.clone()).map_err(|error| ConfigError::Value {
            key: error.path().to_string(),
            reason: error.inner().message().trim().replace('\n', " "),
        })
    }

    /// The variable that names a service's configuration file.
    #[must_use]
    pub fn file_variable(&self) -> String {
        format!("{}CONFIG", self.prefix)
    }
}

/// What the names of a service's variables begin with.
pub(crate) fn variable_prefix(service: &str) -> String {
    format!("SIGNALBOX_{}_", service.to_uppercase().replace('-', "_"))
}

fn parse(origin: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| ConfigError::Invalid {
        origin: origin.to_owned(),
        message: error.to_string().trim().to_owned(),
    })
}

fn merge(origin: &str, path: &str, known: &Table, into: &mut Table, from: Table) -> Result<(), ConfigError> {
    for (name, value) in from {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (known.get(&name), value) {
            (None, _) => {
                let mut keys = BTreeMap::new();
                leaves(path, known, &mut keys);
                return Err(unknown(origin, &key, &keys));
            }
            (Some(Value::Table(known)), Value::Table(inner)) => {
                if let Some(Value::Table(target)) = into.get_mut(&name) {
                    merge(origin, &key, known, target, inner)?;
                }
            }
            (Some(Value::Float(_)), Value::Integer(value)) => {
                #[allow(clippy::cast_precision_loss, reason = "configuration values are small")]
                into.insert(name, Value::Float(value as f64));
            }
            (Some(known), value) if known.same_type(&value) => {
                into.insert(name, value);
            }
            (Some(known), value) => {
                let message = format!("`{key}` must be {}, not {}", article(known.type_str()), value.type_str());
                return Err(ConfigError::Invalid { origin: origin.to_owned(), message });
            }
        }
    }
    Ok(())
}

fn leaves(path: &str, table: &Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) => leaves(&key, inner, into),
            leaf => {
                into.insert(key, leaf.clone());
            }
        }
    }
}

fn typed(text: &str, like: &Value) -> Result<Value, String> {
    let wrong = || article(like.type_str());
    Ok(match like {
        Value::Integer(_) => Value::Integer(text.parse().map_err(|_| wrong())?),
        Value::Float(_) => Value::Float(text.parse().map_err(|_| wrong())?),
        Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| "true or false".to_owned())?),
        Value::Array(items) => {
            let items = |text| items.first().map_or_else(|| Ok(Value::from(text)), |first| typed(text, first));
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(items).collect::<Result<_, _>>()?)
        }
        _ => Value::from(text),
    })
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(first) {
                set(inner, rest, value);
            }
        }
    }
}

fn unknown(origin: &str, key: &str, keys: &BTreeMap<String, Value>) -> ConfigError {
    // Few enough edits to be a mistyped key and not another one.
    let nearest = keys.keys().map(|known| (strsim::levenshtein(known, key), known)).min();
    let suggestion = nearest.filter(|(distance, _)| *distance <= 3).map(|(_, known)| known.clone());
    ConfigError::UnknownKey { origin: origin.to_owned(), key: key.to_owned(), suggestion }
}

fn article(noun: &str) -> String {
    let an = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if an { "an" } else { "a" })
}

#[cfg(test)]
mod tests;
