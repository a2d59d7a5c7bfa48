//! `backends check` on a machine that has the programs, which every machine that runs these tests has.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::process::Command;

#[test]
fn each_program_has_a_version_and_a_path() {
    let output = Command::new(env!("CARGO_BIN_EXE_backends")).arg("check").output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    let rows: Vec<Vec<_>> = stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[0]).collect::<Vec<_>>(),
        [
            "Postgres",
            "Redis",
            "RabbitMQ",
            "Prometheus",
            "Prometheus",
            "Alertmanager",
            "Alertmanager",
            "postgres_exporter",
            "redis_exporter",
            "node_exporter",
        ]
    );
    for row in rows {
        assert!(row[1].starts_with(|c: char| c.is_ascii_digit()), "{row:?}");
        assert!(Path::new(row[2]).is_file(), "{row:?}");
    }
}
