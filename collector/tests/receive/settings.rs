//! The settings: what wins, and what is said when something is wrong.

use std::fs;

use toolsight_collector::config::settings::{SETTINGS, Setting};
use toolsight_collector::config::{Config, Loaded, load, misspelt_variables};

fn with(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("collector.toml");
    fs::write(&path, file).unwrap();
    let look_up = |values: &[(&str, &str)], setting: &Setting| {
        values
            .iter()
            .find(|(name, _)| *name == setting.name)
            .map(|(_, value)| (*value).to_owned())
    };
    let loaded = load(
        Some(&path),
        |setting| look_up(variables, setting),
        |setting| look_up(flags, setting),
    );
    loaded.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file_and_that_over_defaults() {
    let all = ("spool_bytes", "10000001");
    let file = "spool_bytes = 10000003\n";
    for (case, file, variables, flags, rows, source) in [
        ("nothing", "", &[][..], &[][..], 10 << 30, "default"),
        ("a file", file, &[], &[], 10_000_003, "collector.toml:1"),
        (
            "a variable",
            file,
            &[("spool_bytes", "10000002")],
            &[],
            10_000_002,
            "TOOLSIGHT_SPOOL_BYTES",
        ),
        (
            "a flag",
            file,
            &[("spool_bytes", "10000002")],
            &[all],
            10_000_001,
            "--spool-bytes",
        ),
    ] {
        let loaded = with(file, variables, flags).unwrap();
        assert_eq!(loaded.config.spool.bytes, rows, "{case}");
        let (_, value, from) = loaded
            .values()
            .find(|(setting, ..)| setting.name == "spool_bytes")
            .unwrap();
        assert_eq!(value, rows.to_string(), "{case}");
        assert!(from.to_string().ends_with(source), "{case}: {from}");
    }
}

#[test]
fn a_wrong_setting_is_answered_with_its_place_and_what_would_be_right() {
    for (file, variables, flags, expected) in [
        (
            "# rows\nspool_byte = 5",
            &[][..],
            &[][..],
            "collector.toml:2: there is no setting \"spool_byte\"; did you mean \"spool_bytes\"?",
        ),
        (
            "listen_grpc = \"127.0.0.1:1\"",
            &[],
            &[],
            "collector.toml:1: there is no setting \"listen_grpc\"; did you mean \"grpc_listen\"?",
        ),
        (
            "anything = 1",
            &[],
            &[],
            "collector.toml:1: there is no setting \"anything\"; check-config lists all",
        ),
        (
            "[spool]\nbytes = 5",
            &[],
            &[],
            "collector.toml:1: there is no section \"spool\" with \"bytes\", all settings stand at the top; did you mean \"spool_bytes\"?",
        ),
        (
            "storage.cluster = \"pair\"",
            &[],
            &[],
            "collector.toml:1: there is no section \"storage\" with \"cluster\", all settings stand at the top; did you mean \"cluster\"?",
        ),
        (
            "spool_byte = 5\nlog_format = \"xml\"",
            &[("durability", "memory")],
            &[],
            "collector.toml:1: there is no setting \"spool_byte\"; did you mean \"spool_bytes\"?\n\
            collector.toml:2: log_format: expected \"text\" or \"json\", not \"xml\"\n\
            TOOLSIGHT_DURABILITY: durability: expected \"fsync\" or \"os\", not \"memory\"",
        ),
        (
            "\n\nspool_bytes = 5",
            &[],
            &[],
            "collector.toml:3: spool_bytes: expected a whole number from 4194304 to 1125899906842624, not \"5\"",
        ),
        (
            "spool_bytes = [5]",
            &[],
            &[],
            "collector.toml:1: spool_bytes has to be a text or a number",
        ),
        (
            "grpc_listen = \"4317\"",
            &[],
            &[],
            "collector.toml:1: grpc_listen: expected an address and a port such as 127.0.0.1:4317, not \"4317\"",
        ),
        (
            "",
            &[("log_format", "xml")],
            &[],
            "TOOLSIGHT_LOG_FORMAT: log_format: expected \"text\" or \"json\", not \"xml\"",
        ),
        (
            "",
            &[],
            &[("store", "tcp://user:secret@host")],
            "--store: store: the store is neither embedded, embedded:FOLDER nor http(s)://user:password@host:8123/database",
        ),
        (
            "",
            &[],
            &[("instance", "a:b")],
            "--instance: instance: expected 1 to 64 letters, digits, dots, dashes or underscores, not \"a:b\"",
        ),
        (
            "",
            &[("durability", "memory")],
            &[],
            "TOOLSIGHT_DURABILITY: durability: expected \"fsync\" or \"os\", not \"memory\"",
        ),
        (
            "tls_certificate = \"server.pem\"",
            &[],
            &[],
            "tls_certificate: tls_key has to be set too",
        ),
        (
            "tls_client_ca = \"ca.pem\"",
            &[],
            &[],
            "tls_client_ca: tls_certificate has to be set too",
        ),
        (
            "spool_bytes = ",
            &[],
            &[],
            "collector.toml:1: string values must be quoted, expected literal string",
        ),
        (
            "spool_bytes = 5000000\nspool_bytes = 5000000",
            &[],
            &[],
            "collector.toml:2: duplicate key",
        ),
    ] {
        assert_eq!(with(file, variables, flags).unwrap_err(), expected, "{file}");
    }
}

#[test]
fn a_misspelt_variable_is_answered_with_the_right_one() {
    for (variable, meant) in [
        ("TOOLSIGHT_SPOOL_BYTE", Some("TOOLSIGHT_SPOOL_BYTES")),
        ("TOOLSIGHT_SPOOL_BYTES", None),
        ("TOOLSIGHT_spool_bytes", Some("TOOLSIGHT_SPOOL_BYTES")),
        ("TOOLSIGHT_CONFIG", None),
        ("TOOLSIGHT_STORES", Some("TOOLSIGHT_STORE")),
        ("TOOLSIGHT_PORT_4317_TCP", None),
        ("OTEL_SPOOL_BYTE", None),
    ] {
        let expected = meant.map(|meant| format!("there is no setting {variable}; did you mean {meant}?"));
        assert_eq!(misspelt_variables([variable.to_owned()]).pop(), expected, "{variable}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = std::path::Path::new("no/such/file.toml");
    let error = load(Some(path), |_| None, |_| None).unwrap_err().to_string();
    assert!(error.starts_with("no/such/file.toml: No such file"), "{error}");
}

#[test]
fn every_default_is_a_value_that_its_setting_takes() {
    let defaults = Config::default();
    let all: Vec<_> = SETTINGS
        .iter()
        .map(|setting| (setting.name, setting.value_in(&defaults)))
        .collect();
    let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(with("", &all, &[]).unwrap().config, defaults);
}

#[test]
fn a_password_in_the_stores_address_is_not_shown() {
    let loaded = with("", &[("store", "http://user:secret@host:8123/database")], &[]).unwrap();
    let (_, value, _) = loaded.values().find(|(setting, ..)| setting.name == "store").unwrap();
    assert_eq!(value, "http://host:8123/database");
}
