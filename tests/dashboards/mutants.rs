//! Boards with one mistake each, so that the checks cannot rot: each mistake has to be found, by the message given.

use serde_json::{Value, json};

use super::{
    board::{Board, Panel},
    frame::Frame,
    grafana_json,
    macros::Picked,
    seed,
};

#[test]
fn a_mistake_in_the_json_is_found() {
    for (name, pointer, value, expected) in [
        (
            "two panels with one id",
            "/panels/1/id",
            json!(1),
            "the panel id 1 is there twice",
        ),
        ("a panel over another", "/panels/1/gridPos/x", json!(2), "lies over"),
        (
            "a panel over the edge",
            "/panels/15/gridPos/w",
            json!(25),
            "does not fit the grid",
        ),
        (
            "no description",
            "/panels/0/description",
            json!(""),
            "has no description",
        ),
        (
            "no unit",
            "/panels/0/fieldConfig/defaults/unit",
            Value::Null,
            "has no unit",
        ),
        (
            "a format that the backend refuses",
            "/panels/0/targets/0/format",
            json!(256),
            "format must be 1",
        ),
        (
            "a fixed data source",
            "/panels/0/datasource/uid",
            json!("toolsight-clickhouse"),
            "is a fixed data source",
        ),
        (
            "an unknown variable",
            "/panels/0/targets/0/rawSql",
            json!("SELECT ${tol:singlequote}"),
            "is not a variable",
        ),
        (
            "an unescaped variable",
            "/panels/0/targets/0/rawSql",
            json!("SELECT (${tool})"),
            "would not be escaped",
        ),
        (
            "a fixed database",
            "/panels/0/targets/0/rawSql",
            json!("SELECT 1 FROM toolsight.calls"),
            "belongs to the data source",
        ),
        (
            "an unused variable",
            "/templating/list/1/name",
            json!("host"),
            "the variable host is not used",
        ),
        (
            "a link to no board",
            "/panels/0/links",
            json!(["/d/toolsight-tool?a=1"]),
            "which is no board",
        ),
        (
            "a link with an unknown variable",
            "/panels/0/links",
            json!(["/d/toolsight-overview?var-tol=1"]),
            "sets tol",
        ),
    ] {
        let mut boards = Board::all();
        let overview = boards
            .iter_mut()
            .find(|board| board.json["uid"] == "toolsight-overview")
            .unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = overview.json.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().insert(key.to_owned(), value);
        let problems = grafana_json::problems(&boards);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{name}: found only {problems:?}"
        );
    }
}

#[test]
fn a_mistake_in_the_sql_is_found() {
    let all = Picked {
        server: None,
        tool: None,
    };
    let one = Picked {
        server: Some(vec!["shop"]),
        tool: None,
    };
    for (name, title, from, to, picked, expected) in [
        (
            "a wrong order",
            "Failures by tool",
            "ORDER BY time, server",
            "ORDER BY server, time DESC",
            &all,
            "sorted",
        ),
        (
            "an unknown column",
            "Calls",
            "sum(calls) AS",
            "sum(call) AS",
            &all,
            "identifier `call`",
        ),
        (
            "a macro in the wrong case",
            "Latest failures",
            "$__timeFilter",
            "$__timefilter",
            &all,
            "$__timefilter",
        ),
        (
            "an unknown variable",
            "Calls",
            ", $server)",
            ", $servers)",
            &all,
            "no variable is called servers",
        ),
        (
            "a filter that matches nothing",
            "Calls",
            "minute >=",
            "kind = 'tools' AND minute >=",
            &all,
            "no row",
        ),
        (
            "nothing by nothing",
            "Failure rate",
            "sum(failures) / sum(calls)",
            "0 / 0",
            &all,
            "no row has a number",
        ),
        (
            "an array",
            "Tools",
            "max(last_seen)",
            "groupArray(minute)",
            &all,
            "would be shown as JSON",
        ),
        (
            "a renamed column",
            "Tools",
            "AS \"Failure rate\"",
            "AS \"Failures rate\"",
            &all,
            "an override is for Failure rate",
        ),
        (
            "a format in the macro",
            "Calls",
            ", $server)",
            ", ${server:singlequote})",
            &all,
            "no variable is called",
        ),
        (
            "two numbers in a stat",
            "Calls",
            "AS \"Calls\"",
            "AS \"Calls\", 1 AS \"One\"",
            &all,
            "a stat shows one number",
        ),
        (
            "a typo in a condition",
            "Calls",
            "(server IN",
            "(sever IN",
            &one,
            "identifier `sever`",
        ),
    ] {
        let panel = Board::overview().panel(title);
        assert!(panel.sql.contains(from), "{name}: {title} has no {from}");
        let found = judge(
            &Panel {
                sql: panel.sql.replacen(from, to, 1),
                ..panel
            },
            picked,
        );
        assert!(found.contains(expected), "{name}: found only {found:?}");
    }
}

#[test]
fn a_typo_in_a_condition_is_invisible_until_a_value_is_picked() {
    let panel = Board::overview().panel("Calls");
    let typo = Panel {
        sql: panel.sql.replace("(server IN", "(sever IN"),
        ..panel
    };
    assert_eq!(
        judge(
            &typo,
            &Picked {
                server: None,
                tool: None
            }
        ),
        ""
    );
}

/// What the checks say of a panel whose data is there.
fn judge(panel: &Panel, picked: &Picked) -> String {
    match Frame::of(&panel.sql, picked, &seed::range()) {
        Ok(frame) => frame
            .problems(panel)
            .into_iter()
            .chain(frame.emptiness())
            .collect::<Vec<_>>()
            .join("; "),
        Err(message) => message,
    }
}
