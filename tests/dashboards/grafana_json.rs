//! What can be said of the boards without running anything.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Value, json};

use super::{board::Board, run};

/// Everything that is wrong with these boards.
pub(super) fn problems(boards: &[Board]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut files = BTreeMap::new();
    for board in boards {
        let uid = board.json["uid"].as_str().unwrap_or_default();
        if let Some(other) = files.insert(uid, &board.file) {
            problems.push(format!("{} and {other} have the same uid", board.file));
        }
    }
    for board in boards {
        let found = [
            root(board),
            grid(board),
            panels(board),
            variables(board),
            links(board, boards),
        ]
        .concat();
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", board.file)));
    }
    problems
}

fn root(board: &Board) -> Vec<String> {
    let mut problems = Vec::new();
    if board.json.get("id").is_some() {
        problems.push("an id at the root belongs to one Grafana's database".to_owned());
    }
    if board.json["schemaVersion"] != 42 {
        problems.push("schemaVersion must be 42".to_owned());
    }
    problems
}

fn grid(board: &Board) -> Vec<String> {
    let mut problems = Vec::new();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeMap::new());
    for panel in board.list("/panels") {
        if !ids.insert(panel["id"].as_u64()) {
            problems.push(format!("the panel id {} is there twice", panel["id"]));
        }
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(u64::MAX / 4);
        if place("x") + place("w") > 24 || place("w") == 0 || place("h") == 0 || place("h") > 100 {
            problems.push(format!("{} does not fit the grid", panel["title"]));
            continue;
        }
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                if let Some(other) = taken
                    .insert((x, y), &panel["title"])
                    .filter(|other| *other != &panel["title"])
                {
                    problems.push(format!("{} lies over {other}", panel["title"]));
                }
            }
        }
    }
    problems
}

fn panels(board: &Board) -> Vec<String> {
    let mut problems = Vec::new();
    for panel in board.list("/panels") {
        let title = &panel["title"];
        let unit = &panel["fieldConfig"]["defaults"]["unit"];
        for (what, value) in [("title", title), ("description", &panel["description"]), ("unit", unit)] {
            if value.as_str().is_none_or(str::is_empty) {
                problems.push(format!("{title} has no {what}"));
            }
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            let series = panel["type"] == "timeseries";
            for (key, expected) in [
                ("format", json!(i32::from(!series))),
                ("queryType", json!(if series { "timeseries" } else { "table" })),
                ("editorType", json!("sql")),
                ("pluginVersion", json!("4.20.0")),
            ] {
                if target[key] != expected {
                    problems.push(format!("{title}: {key} must be {expected}"));
                }
            }
        }
    }
    let mut sources = Vec::new();
    collect(&board.json, "datasource", &mut sources);
    let wrong = sources
        .iter()
        .filter(|source| !["${datasource}", "-- Grafana --"].contains(&source["uid"].as_str().unwrap_or_default()));
    problems.extend(wrong.map(|source| format!("{source} is a fixed data source")));
    problems
}

fn variables(board: &Board) -> Vec<String> {
    let mut problems = Vec::new();
    let names: BTreeSet<_> = variable_names(board);
    let variable = Regex::new(r"\$\{?([A-Za-z]\w*)(:\w+)?").expect("a valid pattern");
    let bare = Regex::new(r"[(, ]\$\{\w+(:csv|:raw)?\}").expect("a valid pattern");
    let database = Regex::new(r"(?i)\b(from|join)\s+\w+\.\w+").expect("a valid pattern");
    let mut used = BTreeSet::new();
    for (title, sql) in queries(board) {
        for found in variable.captures_iter(&sql) {
            used.insert(found[1].to_owned());
            if !names.contains(&found[1]) {
                problems.push(format!("{title}: {} is not a variable of the board", &found[0]));
            }
        }
        for found in bare.find_iter(&sql) {
            problems.push(format!(
                "{title}: {} would not be escaped, write :singlequote",
                found.as_str().trim()
            ));
        }
        if database.is_match(&sql) {
            problems.push(format!("{title}: the database belongs to the data source"));
        }
    }
    let text = board.json.to_string();
    for name in names {
        if !used.contains(&name) && !text.contains(&format!("${{{name}}}")) {
            problems.push(format!("the variable {name} is not used"));
        }
    }
    problems
}

fn links(board: &Board, boards: &[Board]) -> Vec<String> {
    let mut problems = Vec::new();
    let link = Regex::new(r#"/d/([\w-]+)\?([^"]*)"#).expect("a valid pattern");
    let set = Regex::new(r"var-(\w+)=").expect("a valid pattern");
    for found in link.captures_iter(&board.json.to_string()) {
        let Some(target) = boards.iter().find(|board| board.json["uid"] == found[1]) else {
            problems.push(format!("a link goes to {}, which is no board", &found[1]));
            continue;
        };
        for variable in set.captures_iter(&found[2]) {
            if !variable_names(target).contains(&variable[1]) {
                problems.push(format!(
                    "a link sets {}, which {} does not have",
                    &variable[1], &found[1]
                ));
            }
        }
    }
    problems
}

fn variable_names(board: &Board) -> BTreeSet<String> {
    let names = board
        .list("/templating/list")
        .iter()
        .filter_map(|variable| variable["name"].as_str());
    names.map(str::to_owned).collect()
}

fn queries(board: &Board) -> Vec<(String, String)> {
    let panels = board.panels().into_iter().map(|panel| (panel.title, panel.sql));
    panels.chain(board.variables()).collect()
}

/// All values of a key, however deep.
fn collect<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|field| collect(field, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_boards_have_no_problems() {
    assert_eq!(problems(&Board::all()), Vec::<String>::new());
}

#[test]
fn the_boards_are_what_their_source_builds() {
    let how = "install Node.js, then `npm ci` in dashboards/grafana/source";
    run("dashboards/grafana/source", "npm", &["run", "--silent", "check"], how);
}
