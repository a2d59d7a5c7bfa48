//! Migrations: the same for both databases, and none that takes away in silence.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::house::{files, folders, root, services};

/// The file names of a folder; none if it is not there.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect()
}

/// What only one of the databases has.
fn lonely(folder: &Path) -> Vec<String> {
    let (lite, postgres) = (names(&folder.join("sqlite")), names(&folder.join("postgres")));
    lite.symmetric_difference(&postgres).map(|name| format!("{} has {name} once", folder.display())).collect()
}

#[test]
fn migrations_are_twins() {
    for folder in folders() {
        assert_eq!(lonely(&root().join(&folder).join("migrations")), [""; 0], "{folder}");
    }
    for service in services().0 {
        let folder = root().join("services").join(&service).join("migrations/sqlite");
        assert!(!names(&folder).is_empty(), "{service} has no migrations");
    }
}

#[test]
fn a_migration_without_its_twin_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    for (database, file) in [("sqlite", "1.sql"), ("postgres", "1.sql"), ("postgres", "2.sql")] {
        fs::create_dir_all(folder.path().join(database)).expect("a folder");
        fs::write(folder.path().join(database).join(file), "").expect("a file");
    }
    assert_eq!(lonely(folder.path()).len(), 1);
}

/// Whether older programs may miss something after it, and its name does not say which (decision 14).
fn takes_away_in_silence(file: &str, sql: &str) -> bool {
    let text = sql.to_lowercase();
    let words: Vec<_> =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let taken = words.windows(2).any(|pair| matches!(pair, ["drop", "table" | "column"] | ["rename", "to" | "column"]));
    let (version, rest) = file.split_once("_since_").unwrap_or_default();
    let since: u64 = rest.split('_').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
    taken && !version.parse().is_ok_and(|version: u64| since < version)
}

#[test]
fn migrations_that_take_away_say_since_when_nobody_misses_it() {
    for (path, text) in files(".sql") {
        let name = path.rsplit('/').next().unwrap_or_default();
        assert!(!takes_away_in_silence(name, &text), "{path}: name it NNNN_since_MMMM_what.sql, see decision 14");
    }
    let drop = "-- Nobody reads it.\nALTER TABLE users\n  DROP COLUMN nickname;";
    assert!(takes_away_in_silence("0009_drop_nickname.sql", drop));
    assert!(takes_away_in_silence("0009_since_0009_drop_nickname.sql", drop));
    assert!(!takes_away_in_silence("0009_since_0007_drop_nickname.sql", drop));
    assert!(takes_away_in_silence("0002_people.sql", "alter table users rename to people"));
    assert!(!takes_away_in_silence("0002_nickname.sql", "ALTER TABLE users ADD COLUMN nickname TEXT -- to drop later"));
}
