//! From the text of `services.yaml` to a [`Topology`]; every error names the entry and the key.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Mapping;

use crate::check;
use crate::error::TopologyError;
use crate::model::{Part, Service, Topology};

/// The list of this repository, as it was when the program was built.
static OURS: LazyLock<Topology> = LazyLock::new(|| {
    Topology::parse(include_str!("../../../services.yaml")).expect("services.yaml is correct, which `make test` checks")
});

/// The list before its entries are read, so that an error in one can name it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    services: Mapping,
    parts: Mapping,
}

impl Topology {
    /// The list of this repository.
    #[must_use]
    pub fn ours() -> &'static Self {
        &OURS
    }

    /// Reads and checks a list.
    ///
    /// # Errors
    /// If it is no YAML, has an unknown or missing key, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        let list: List = serde_yaml_ng::from_str(text)
            .map_err(|error| TopologyError { place: "the list".to_owned(), problem: error.to_string() })?;
        let services = entries("service", list.services, |name, entry: &mut Service| entry.name = name)?;
        let parts = entries("part", list.parts, |name, entry: &mut Part| entry.name = name)?;
        let topology = Self { services, parts };
        check::all(&topology)?;
        Ok(topology)
    }
}

fn entries<T: DeserializeOwned>(
    kind: &str,
    mapping: Mapping,
    name_it: impl Fn(String, &mut T),
) -> Result<Vec<T>, TopologyError> {
    let read = |(key, value): (serde_yaml_ng::Value, serde_yaml_ng::Value)| {
        let name = key.as_str().unwrap_or_default().to_owned();
        let wrong = |error: serde_yaml_ng::Error| TopologyError {
            place: format!("{kind} `{name}`"),
            problem: error.to_string(),
        };
        let mut entry: T = serde_yaml_ng::from_value(value).map_err(wrong)?;
        name_it(name, &mut entry);
        Ok(entry)
    };
    mapping.into_iter().map(read).collect()
}
