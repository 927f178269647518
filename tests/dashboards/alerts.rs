//! Grafana's alert rules: the shape that its engine turns into one alert per row, and what fires.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::{
    board::Board,
    engine::{number, text},
    frame::{Frame, Kind},
    health,
    macros::{self, Range},
    read, seed,
};

fn rules() -> Vec<Value> {
    let file: Value = yaml("dashboards/grafana/provisioning/alerting/tools.yaml");
    let groups = file["groups"].as_array().expect("groups").clone();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules").clone())
        .collect()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn query(rule: &Value) -> &Value {
    rule["data"]
        .as_array()
        .expect("data")
        .iter()
        .find(|part| part["datasourceUid"] != "__expr__")
        .expect("a query")
}

/// Labels of the rows that the rule's threshold lets fire.
fn firing(rule: &Value) -> BTreeSet<(String, String)> {
    let frame = answer(rule);
    let threshold = rule["data"]
        .as_array()
        .expect("data")
        .iter()
        .find(|part| part["refId"] == rule["condition"]);
    let evaluator = &threshold.expect("the condition")["model"]["conditions"][0]["evaluator"];
    assert_eq!(evaluator["type"], "gt");
    let limit = evaluator["params"][0].as_f64().expect("a limit");
    let value = frame.names(Kind::Number)[0];
    let fire = frame
        .rows
        .iter()
        .filter(|row| number(&row[value]).is_some_and(|value| value > limit));
    let ours = fire.filter(|row| row["server"] == health::SERVER);
    ours.map(|row| (text(&row["server"]), text(&row["tool"]))).collect()
}

fn answer(rule: &Value) -> Frame {
    let range = Range {
        from_ms: (seed::now() - 900) * 1_000,
        to_ms: seed::now() * 1_000,
        step_s: 60,
    };
    let sql = macros::backend(query(rule)["model"]["rawSql"].as_str().expect("SQL"), &range).unwrap();
    Frame::of_expanded(&sql).unwrap_or_else(|error| panic!("{}: {error}", rule["title"]))
}

#[test]
fn each_rule_fires_for_the_tools_in_its_state_and_no_others() {
    health::seeded();
    for (uid, state) in [("toolsight-tool-flaky", "flaky"), ("toolsight-tool-broken", "broken")] {
        let rules = rules();
        let rule = rules.iter().find(|rule| rule["uid"] == uid).expect("the rule");
        let sick = health::SICK.iter().filter(|(_, is)| *is == state);
        let expected: BTreeSet<_> = sick
            .map(|(tool, _)| (health::SERVER.to_owned(), (*tool).to_owned()))
            .collect();
        assert_eq!(firing(rule), expected, "{uid}");
    }
}

#[test]
fn each_rule_answers_with_labels_and_exactly_one_number() {
    let label = Regex::new(r"\$labels\.(\w+)").unwrap();
    for rule in rules() {
        let frame = answer(&rule);
        assert_eq!(query(&rule)["model"]["format"], 1, "{}", rule["title"]);
        assert_eq!(
            frame.names(Kind::Number).len(),
            1,
            "{}: {:?}",
            rule["title"],
            frame.columns
        );
        assert_eq!(
            frame.names(Kind::Text),
            ["server", "tool"],
            "{}: {:?}",
            rule["title"],
            frame.columns
        );
        assert_eq!(frame.columns.len(), 3, "{}: {:?}", rule["title"], frame.columns);
        for used in label.captures_iter(&rule["annotations"].to_string()) {
            assert!(
                frame.names(Kind::Text).contains(&&used[1]),
                "{}: no label {}",
                rule["title"],
                &used[1]
            );
        }
    }
}

#[test]
fn rules_use_only_macros_and_read_through_the_data_source_that_is_provisioned() {
    let sources = yaml("dashboards/grafana/provisioning/datasources/clickhouse.yaml");
    for rule in rules() {
        let sql = text(&query(&rule)["model"]["rawSql"]);
        assert!(
            !sql.contains("${") && !sql.contains("$__conditionalAll"),
            "rules have no variables: {sql}"
        );
        assert_eq!(query(&rule)["datasourceUid"], sources["datasources"][0]["uid"]);
    }
}

#[test]
fn rules_link_to_a_panel_that_exists() {
    let board = Board::overview();
    for rule in rules() {
        assert_eq!(rule["dashboardUid"], board.json["uid"]);
        let panel = board
            .list("/panels")
            .iter()
            .find(|panel| panel["id"] == rule["panelId"])
            .expect("the panel");
        assert_eq!(panel["title"], health::PANEL);
    }
}

#[test]
fn a_tool_that_is_well_and_an_empty_table_are_not_an_alert_but_an_error_is() {
    for rule in rules() {
        assert_eq!(rule["noDataState"], "OK", "{}", rule["title"]);
        assert_eq!(rule["execErrState"], "Error", "{}", rule["title"]);
    }
}

#[test]
fn rules_and_board_contain_the_one_definition_of_flaky_and_broken() {
    let file = read("collector/queries/tool_health.sql");
    let code: Vec<_> = file
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    let definition = words(
        &code
            .join("\n")
            .replace("({tenant:String} = '' OR tenant = {tenant:String})", "true"),
    );
    let holders = rules()
        .iter()
        .map(|rule| (text(&rule["title"]), text(&query(rule)["model"]["rawSql"])))
        .collect::<Vec<_>>();
    let panel = Board::overview().panel(health::PANEL);
    for (name, sql) in holders.iter().chain([&(panel.title, panel.sql)]) {
        assert!(
            words(sql).contains(&definition),
            "{name}: not the text of tool_health.sql, which is\n{definition}"
        );
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
