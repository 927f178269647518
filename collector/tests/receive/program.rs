//! The program itself: what it prints, and with what it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use toolsight_collector::config::settings::SETTINGS;

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolsight-collector"));
    for setting in SETTINGS {
        command.env_remove(setting.variable());
    }
    command.env_remove("TOOLSIGHT_CONFIG").args(arguments);
    command
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn failure(output: &Output) -> &str {
    let message = failures(output);
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

fn failures(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(&output.stderr).trim_end()
}

#[test]
fn an_occupied_port_ends_the_program_with_one_line_that_names_address_and_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--grpc-listen", "--http-listen", "--page-listen"] {
        let mut arguments = vec!["serve", "--store", "http://127.0.0.1:1", "--spool-folder", "/nowhere"];
        for other in ["--grpc-listen", "--http-listen", "--page-listen"] {
            arguments.extend([other, if other == flag { &address } else { "127.0.0.1:0" }]);
        }
        let output = program(&arguments).output().unwrap();
        let message = failure(&output);
        assert!(
            message.starts_with(&format!("toolsight-collector: cannot listen on {address} for ")),
            "{message}"
        );
        assert!(
            message.ends_with(&format!("choose another address with {flag}")),
            "{message}"
        );
    }
}

#[test]
fn help_names_every_setting_and_check_config_prints_a_file_that_has_the_same_effect() {
    let help = program(&["--help"]).output().unwrap();
    for setting in SETTINGS {
        assert!(
            text(&help.stdout).contains(&format!("--{} ", setting.flag())),
            "{}",
            setting.name
        );
        assert!(text(&help.stdout).contains(&setting.variable()), "{}", setting.name);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector.toml");
    let printed = program(&["--spool-bytes", "12345678", "check-config", "--log-format", "json"])
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    assert!(
        text(&printed.stdout).contains("(--spool-bytes)\nspool_bytes = 12345678\n"),
        "{}",
        text(&printed.stdout)
    );
    std::fs::write(&file, &printed.stdout).unwrap();
    let again = program(&["check-config"])
        .env("TOOLSIGHT_CONFIG", &file)
        .output()
        .unwrap();
    let values = |output: &Output| -> Vec<_> {
        text(&output.stdout)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(values(&printed), values(&again), "{again:?}");
}

#[test]
fn the_cluster_of_the_file_is_in_the_statements_that_make_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector.toml");
    let printed = |written: &str| {
        std::fs::write(&file, written).unwrap();
        let output = program(&["print-ddl", "--config"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout).to_owned()
    };
    let (alone, together) = (printed(""), printed("cluster = \"pair\""));
    assert!(
        alone.contains("ENGINE = MergeTree") && !alone.contains("ON CLUSTER"),
        "{alone}"
    );
    assert!(!together.contains("ENGINE = MergeTree"), "{together}");
    for part in ["ON CLUSTER `pair`", "ReplicatedMergeTree", "Distributed("] {
        assert!(together.contains(part), "{part} is not in {together}");
    }
}

#[test]
fn a_wrong_setting_ends_the_program_with_one_line() {
    let output = program(&["check-config"])
        .env("TOOLSIGHT_SPOOL_BYTES", "many")
        .output()
        .unwrap();
    assert_eq!(
        failure(&output),
        "toolsight-collector: TOOLSIGHT_SPOOL_BYTES: spool_bytes: expected a whole number from 4194304 to 1125899906842624, not \"many\""
    );
}

#[test]
fn check_config_says_which_place_cannot_be_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector.toml");
    let name = file.display().to_string();
    let store = format!("embedded:{name}");
    let [certificate, other_key] =
        ["server.pem", "other.key"].map(|name| folder.path().join(name).display().to_string());
    let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    std::fs::write(&certificate, one.cert.pem()).unwrap();
    std::fs::write(&other_key, other.signing_key.serialize_pem()).unwrap();
    for (written, arguments, expected) in [
        (
            "spool_bites = 5000000",
            &[][..],
            format!("{name}:1: there is no setting \"spool_bites\"; did you mean \"spool_bytes\"?"),
        ),
        (
            "",
            &["--engine-library", "/nowhere/lib.so"],
            "engine_library: there is no file /nowhere/lib.so".to_owned(),
        ),
        ("", &["--store", &store], format!("store: {name} is not a folder")),
        (
            "",
            &["--spool-folder", &name],
            format!("spool_folder: {name} is not a folder"),
        ),
        (
            "",
            &["--tokens-file", "/nowhere/tokens.toml"],
            "tokens_file: there is no file /nowhere/tokens.toml".to_owned(),
        ),
        (
            "",
            &["--tls-certificate", &name, "--tls-key", "/nowhere/key.pem"],
            "tls_key: there is no file /nowhere/key.pem".to_owned(),
        ),
        (
            "",
            &["--tokens-file", &certificate],
            format!("tokens_file: {certificate}"),
        ),
        (
            "",
            &["--tls-certificate", &certificate, "--tls-key", &other_key],
            "tls_certificate: ".to_owned(),
        ),
        (
            "",
            &["--cluster", "pair", "--store", "embedded"],
            "a cluster needs a remote store".to_owned(),
        ),
        (
            "",
            &["--grpc-listen", "0.0.0.0:4317", "--http-listen", "127.0.0.1:4317"],
            "http_listen: 127.0.0.1:4317 is taken by grpc_listen; name another port".to_owned(),
        ),
        (
            "",
            &["--spool-folder", &name, "--engine-library", "/nowhere/lib.so"],
            format!(
                "engine_library: there is no file /nowhere/lib.so; leave the setting out to have it fetched\nspool_folder: {name} is not a folder"
            ),
        ),
        (
            "",
            &["--retain-calls-days", "0"],
            "--retain-calls-days: retain_calls_days: expected a whole number".to_owned(),
        ),
    ] {
        std::fs::write(&file, written).unwrap();
        let mut command = program(&["check-config", "--config", &name]);
        let output = command.args(arguments).output().unwrap();
        let message = failures(&output);
        assert!(
            message.starts_with(&format!("toolsight-collector: {expected}")),
            "{message}"
        );
    }
}

#[test]
fn check_config_warns_of_a_misspelt_variable_and_says_that_it_prints_no_password() {
    let output = program(&["check-config", "--store", "http://user:secret@host:8123/database"])
        .env("TOOLSIGHT_SPOOL_BYTE", "5000")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("did you mean TOOLSIGHT_SPOOL_BYTES?"),
        "{output:?}"
    );
    let printed = text(&output.stdout);
    assert!(!printed.contains("secret"), "{printed}");
    assert!(
        printed.contains(
            "(--store)\n# Without user and password, which are not printed: add them here\nstore = \"http://host:8123/database\""
        ),
        "{printed}"
    );
}

#[test]
fn a_signal_ends_the_program_in_order_even_while_the_store_is_down() {
    for signal in [Signal::TERM, Signal::INT] {
        let spool = tempfile::tempdir().unwrap();
        let mut arguments = vec![
            "--store",
            "http://127.0.0.1:1",
            "--spool-folder",
            spool.path().to_str().unwrap(),
            "--log-format",
            "json",
            "--drain-seconds",
            "0",
        ];
        arguments.extend([
            "--grpc-listen",
            "127.0.0.1:0",
            "--http-listen",
            "127.0.0.1:0",
            "--page-listen",
            "127.0.0.1:0",
        ]);
        let mut child = program(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"listening\"") {
            line.clear();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "the program ended before it listened"
            );
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
        assert!(rest.contains("\"shutting down\""), "{rest}");
    }
}

#[test]
fn a_token_is_printed_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    let run = |arguments: &[&str]| program(arguments).env("TOOLSIGHT_TOKENS_FILE", &file).output().unwrap();
    let made = run(&["token", "new", "--tenant", "acme", "--role", "ingest"]);
    assert!(made.status.success(), "{made:?}");
    let token = text(&made.stdout).trim();
    assert!(token.starts_with("toolsight_ingest_") && token.len() == 60, "{token}");
    assert!(run(&["token", "new", "--role", "admin"]).status.success());
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(token), "{kept}");
    assert_eq!(kept.matches("[[token]]").count(), 2, "{kept}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let listed = run(&["token", "list"]);
    let lines: Vec<_> = text(&listed.stdout).lines().collect();
    assert!(
        lines[0].starts_with("acme-ingest-") && lines[0].ends_with("  ingest  acme"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("all-admin-") && lines[1].ends_with("  admin  all tenants"),
        "{lines:?}"
    );

    for (arguments, expected) in [
        (
            &["new", "--role", "read"][..],
            "the roles ingest and read need a tenant",
        ),
        (
            &["new", "--role", "admin", "--tenant", "acme"],
            "stands for all tenants",
        ),
    ] {
        let output = run(&[&["token"], arguments].concat());
        assert!(failure(&output).contains(expected), "{output:?}");
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            kept,
            "a wrong token is not kept"
        );
    }
    let printed = program(&["token", "new", "--tenant", "acme", "--role", "read"])
        .output()
        .unwrap();
    assert!(
        text(&printed.stdout).contains("[[token]]\nname = \"acme-read-"),
        "{printed:?}"
    );
    assert_eq!(
        failure(&program(&["token", "list"]).output().unwrap()),
        "toolsight-collector: no tokens file is set: add --tokens-file FILE"
    );
}

#[test]
fn a_collector_that_others_can_reach_without_tokens_warns_and_one_with_broken_tokens_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    std::fs::write(&file, "[[token]]\n").unwrap();
    let spool = folder.path().join("spool");
    let store = [
        "--store",
        "http://127.0.0.1:1",
        "--spool-folder",
        spool.to_str().unwrap(),
    ];
    let output = program(&[&store[..], &["--tokens-file", file.to_str().unwrap()]].concat())
        .output()
        .unwrap();
    let message = failure(&output);
    assert!(
        message.contains("tokens_file: ") && message.contains("line 1: missing field"),
        "{message}"
    );

    for (address, warned) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let listen = [
            "--grpc-listen",
            address,
            "--http-listen",
            address,
            "--page-listen",
            address,
        ];
        let mut child = program(&[&store[..], &listen].concat())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains(" listening ") {
            assert!(log.read_line(&mut lines).unwrap() > 0, "the program ended: {lines}");
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap();
        assert_eq!(lines.contains("set tokens_file"), warned, "{address}: {lines}");
    }
}
