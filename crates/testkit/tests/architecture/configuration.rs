//! Every key of a service's configuration has its comment.

use crate::house::{files, none, services};

/// How many keys the text has, and those without a comment above.
fn silent(text: &str) -> (usize, Vec<&str>) {
    let (mut keys, mut silent, mut comment) = (0, Vec::new(), false);
    for line in text.lines() {
        if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            keys += 1;
            if !comment {
                silent.push(key.trim());
            }
        }
        comment = line.starts_with('#');
    }
    (keys, silent)
}

#[test]
fn every_configuration_key_has_a_comment() {
    let files = files("config.toml");
    for service in services().1 {
        let path = format!("services/{service}/config.toml");
        assert!(files.iter().any(|(file, _)| *file == path), "{path} is missing");
    }
    assert!(files.iter().map(|(_, text)| silent(text).0).sum::<usize>() > 60, "too few keys found");
    let problems =
        files.iter().flat_map(|(path, text)| silent(text).1.into_iter().map(move |key| format!("{path}: {key}")));
    none(problems.collect());
}

#[test]
fn a_key_without_a_comment_is_found() {
    assert_eq!(silent("# What.\na = 1\n[b]\n# x = 2\n# Why.\nc = 1"), (2, vec![]));
    assert_eq!(silent("# What.\na = 1\nb = 2\n\n# Gone.\n\nc = 3"), (3, vec!["b", "c"]));
}
