//! What the README promises is what there is.

use crate::support::collector::{Collector, command, finished, run};
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
        ("toolsight wrap -- python server.py", "wrap.rs"),
        (
            "toolsight proxy http://127.0.0.1:3000 --listen 127.0.0.1:8080",
            "proxy.rs",
        ),
        ("cargo run --release -p toolsight-collector", "calls.rs"),
        ("toolsight-collector ", "below, all of them in their order"),
        (
            "TOOLSIGHT_STORE=http://user:password@clickhouse:8123/toolsight cargo run --release -p toolsight-collector",
            "bad_input.rs and outages.rs",
        ),
    ];
    for command in commands() {
        assert!(
            known
                .iter()
                .any(|(name, _)| *name == command || (name.ends_with(' ') && command.starts_with(name))),
            "no test runs {command:?}"
        );
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

/// Token, settings, backup, restore and deletion, word for word, beside a collector that runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_operators_commands_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("server.pem"), certified.cert.pem()).unwrap();
    std::fs::write(folder.path().join("server.key"), certified.signing_key.serialize_pem()).unwrap();
    let store = format!("embedded:{}", folder.path().join("store").display());
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;

    let mut outputs = Vec::new();
    for line in commands()
        .iter()
        .filter(|line| line.starts_with("toolsight-collector "))
    {
        let mut words = line.split(' ').skip(1).collect::<Vec<_>>();
        if matches!(words[0], "backup" | "forget-user") {
            words.extend(["--store", &store]);
        }
        let mut program = command();
        program.args(words).current_dir(folder.path());
        let output = finished(program).await;
        assert!(output.status.success(), "{line}: {output:?}");
        outputs.push(String::from_utf8(output.stdout).unwrap());
    }
    let [token, settings, _, _, forgotten] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert!(token.starts_with("toolsight_ingest_"), "{token}");
    assert!(settings.contains("tls_key = \"server.key\""), "{settings}");
    assert!(folder.path().join("restored").is_dir());
    assert!(forgotten.contains("calls"), "{forgotten}");
}
