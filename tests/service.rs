//! The systemd unit, as far as that goes without starting it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use regex::Regex;
use tempfile::TempDir;
use toolsight_collector::config::{self, Config, settings::SETTINGS};
use toolsight_collector::store::Location;

use crate::support::{program, root};

const NAME: &str = "toolsight-collector.service";
/// Where the unit has the program.
const INSTALLED: &str = "/usr/local/bin/toolsight-collector";

fn unit() -> String {
    std::fs::read_to_string(root().join("collector").join(NAME)).unwrap()
}

/// The values of a key, in their order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| *name == key).map(|(_, value)| value).collect()
}

fn systemd_analyze(arguments: &[&str], unit: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(NAME);
    // It has to be there for systemd to believe in it.
    let installed = program("toolsight-collector");
    std::fs::write(&path, unit.replace(INSTALLED, installed.to_str().unwrap())).unwrap();
    let output = Command::new("systemd-analyze").args(arguments).arg(&path).output();
    output.expect("install systemd")
}

#[test]
fn systemd_has_nothing_against_the_unit() {
    let told = |unit: &str| String::from_utf8(systemd_analyze(&["verify", "--man=no"], unit).stderr).unwrap();
    let about_it = |told: String| told.lines().any(|line| line.contains(NAME));
    let unit = unit();
    assert!(unit.contains(&format!("ExecStart={INSTALLED}\n")));
    assert!(!about_it(told(&unit)), "{}", told(&unit));
    // It would say so: a key that it does not know is no error for systemd, only a line.
    assert!(about_it(told(&unit.replace("Restart=", "Restrat="))));
}

#[test]
fn its_exposure_is_what_the_document_says() {
    let document = std::fs::read_to_string(root().join("collector/docs/operations.md")).unwrap();
    let rated = Regex::new(r"rates its exposure (\d+)\.(\d) of 10").unwrap();
    let rated = rated.captures(&document).unwrap();
    let threshold = format!("--threshold={}{}", &rated[1], &rated[2]);
    let output = systemd_analyze(&["security", "--offline=true", "--no-pager", &threshold], &unit());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn its_settings_are_settings_and_its_folders_are_those_that_it_may_write() {
    let unit = unit();
    let folder = format!("/var/lib/{}", values(&unit, "StateDirectory")[0]);
    let variables: Vec<_> = values(&unit, "Environment")
        .into_iter()
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    for (name, value) in &variables {
        let is_known = *name == "HOME" || SETTINGS.iter().any(|setting| setting.variable() == *name);
        assert!(is_known, "{name}");
        assert!(value.contains(&folder), "{name}={value} is not below {folder}");
    }
    let of = |name: String| variables.iter().find(|(other, _)| *other == name);
    let loaded = config::load(
        None,
        |setting| of(setting.variable()).map(|(_, value)| (*value).to_owned()),
        |_| None,
    );
    let Some(Location::Embedded(store)) = loaded.unwrap().config.store.location else {
        panic!("the store is embedded");
    };
    assert!(store.starts_with(Path::new(&folder)));
}

#[test]
fn it_has_the_time_to_end_in_order() {
    let unit = unit();
    let seconds = values(&unit, "TimeoutStopSec")[0]
        .trim_end_matches('s')
        .parse()
        .unwrap();
    // Requests that are at work have five seconds, then what waits is brought to the store, then the engine has twenty.
    let least = Config::default().batch.drain_time + Duration::from_secs(25);
    assert!(Duration::from_secs(seconds) >= least);
}
