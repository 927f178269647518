//! The Grafana boards, the alert rules of Grafana and Prometheus, and the compose file.
//!
//! Every SQL runs on the real engine, expanded as the browser and the plugin expand it, over rows of known content, and
//! what it answers is compared with numbers that are computed from those rows here.
//!
//! No test covers: provisioning by a running Grafana, the plugin's own backend (`macros` is a port of what it does), how
//! panels are drawn, and containers.

mod alerts;
mod board;
mod compose;
mod engine;
mod expected;
mod frame;
mod grafana_json;
mod health;
mod macros;
mod mutants;
mod numbers;
mod prometheus;
mod seed;
mod sql;
mod states;

use std::{fs, path::PathBuf, process::Command};

/// A path of the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Runs a program in a folder of the repository and fails the test with what it printed if it does.
fn run(folder: &str, program: &str, arguments: &[&str], how_to_get_it: &str) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(repository(folder))
        .output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be started ({error}): {how_to_get_it}"));
    assert!(
        output.status.success(),
        "{program} {}: {}\n{}{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
