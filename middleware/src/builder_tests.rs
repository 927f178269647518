use super::*;
use crate::export::Environment;

#[test]
fn clients_are_known_from_the_builder_and_the_environment_and_wrong_ones_are_refused_unless_all_is_off() {
    let clients = || Clients::default().client("desk-cli", "Desk");
    let told = || clients().from_env("TOOLSIGHT_CLIENTS");
    for (case, clients, variables, name) in [
        ("nothing told", Clients::default(), &[][..], Some("desk-cli")),
        ("the builder tells", clients(), &[], Some("Desk")),
        (
            "a variable tells",
            told(),
            &[("TOOLSIGHT_CLIENTS", "a=A")],
            Some("Desk"),
        ),
        (
            "a variable that is empty",
            told(),
            &[("TOOLSIGHT_CLIENTS", " ")],
            Some("Desk"),
        ),
        ("a variable that is wrong", told(), &[("TOOLSIGHT_CLIENTS", "a")], None),
        (
            "a variable that is wrong and not asked for",
            clients(),
            &[("TOOLSIGHT_CLIENTS", "a")],
            Some("Desk"),
        ),
        (
            "all is off",
            told(),
            &[("TOOLSIGHT_CLIENTS", "a"), ("OTEL_SDK_DISABLED", "true")],
            Some("desk-cli"),
        ),
    ] {
        let mut builder = Toolsight::builder().clients(clients);
        builder.otlp.environment = Environment::of(variables);
        let found = builder.build().map(|toolsight| {
            let mut client = Peer {
                name: "desk-cli".into(),
                version: "1".into(),
            };
            toolsight
                .layer
                .recorder
                .observer
                .identity
                .clients
                .recognise(&mut client);
            client.name
        });
        assert_eq!(found.ok().as_deref(), name, "{case}");
    }
}

#[test]
fn options_out_of_their_range_are_brought_into_it() {
    let (none, long) = (Duration::ZERO, Duration::from_secs(3600));
    for (given, expected) in [(none, 1), (long, 3_600_000)] {
        let timeout = Toolsight::builder().export_timeout(given).otlp.timeout;
        assert_eq!(timeout, Some(Duration::from_millis(expected)), "export_timeout");
    }
    for (given, expected) in [(none, 100), (long, 3_600_000)] {
        let interval = Toolsight::builder().metric_interval(given).metric_interval;
        assert_eq!(interval, Some(Duration::from_millis(expected)), "metric_interval");
    }
    for (given, expected) in [(10, 10), (usize::MAX, 1 << 20)] {
        assert_eq!(Toolsight::builder().sessions(given).sessions, expected, "sessions");
    }
}

#[test]
fn every_option_stands_in_the_table_of_the_readme_once_with_its_default() {
    let source = include_str!("builder.rs");
    let options = source.split("pub ").filter_map(|item| {
        let (name, arguments) = item.trim_start_matches("const ").strip_prefix("fn ")?.split_once('(')?;
        arguments.starts_with("mut self").then_some(name)
    });
    let readme = include_str!("../README.md");
    let table: Vec<Vec<_>> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').collect())
        .collect();
    let mut count = 0;
    for option in options {
        let rows = table.iter().filter(|row| row[1].contains(&format!("`{option}`")));
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows.len(), 1, "{option}");
        let before = source
            .split(&format!("fn {option}(mut self"))
            .next()
            .unwrap_or_default();
        let documentation = before.rsplit("\n\n").next().unwrap_or_default();
        let default = documentation.rsplit_once("Default:").map(|(_, default)| default);
        let default = default.unwrap_or_else(|| panic!("{option} has no default"));
        let numbers = rows[0][2].split(|character: char| !(character.is_ascii_digit() || character == ','));
        for number in numbers.filter(|number| number.starts_with(|first: char| first.is_ascii_digit())) {
            assert!(default.contains(number), "{option}: {number} is not in {default}");
        }
        count += 1;
    }
    assert_eq!(count, 20, "options");
    let default = Toolsight::builder();
    assert_eq!((default.sessions, default.shutdown_timeout.as_secs()), (10_000, 5));
    assert_eq!(default.detail.idle_gap.as_secs(), 10 * 60);
}
