//! What the README promises is what there is.

use crate::support::collector::run;
use crate::support::root;

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The lines of all shell blocks.
fn commands() -> Vec<String> {
    let text = readme();
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Each command of the README is run somewhere; a new one has to be added here with the test that runs it.
#[test]
fn every_command_is_known_to_a_test() {
    let known = [
        ("cargo run --release -p toolsight-collector -- demo", "demo.rs"),
        ("tests/run", ".ci/run"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf python server.py",
            "sdk.rs",
        ),
        ("cargo run --release -p toolsight-collector", "calls.rs"),
        (
            "TOOLSIGHT_STORE=http://user:password@clickhouse:8123/toolsight cargo run --release -p toolsight-collector",
            "bad_input.rs and outages.rs",
        ),
    ];
    for command in commands() {
        assert!(
            known.iter().any(|(name, _)| *name == command),
            "no test runs {command:?}"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = readme();
    let targets = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for target in targets.filter(|target| !target.starts_with("http")) {
        assert!(root().join(target).exists(), "{target}");
    }
}

#[tokio::test]
async fn the_settings_are_listed_with_their_defaults() {
    let help = run(&["--help"]).await;
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for part in [
        "--store",
        "--grpc-listen",
        "127.0.0.1:4317",
        "TOOLSIGHT_STORE",
        "check-config",
        "demo",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let settings = run(&["check-config"]).await;
    assert!(settings.status.success());
    assert!(String::from_utf8_lossy(&settings.stdout).contains("page_listen = \"127.0.0.1:4319\""));
}
