//! `docs/openapi.json` is what the gateway serves. `make openapi` writes it again.

use std::path::Path;

#[test]
fn the_checked_in_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let value: serde_json::Value = serde_json::from_str(&gateway::openapi_json()).expect("JSON");
    let current = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
    if std::env::vars_os().any(|(name, _)| name == "UPDATE_OPENAPI") {
        std::fs::write(&path, &current).expect("docs/openapi.json can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == current, "docs/openapi.json differs from the code: run `make openapi` and commit it");
}
