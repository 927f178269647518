//! The boards' SQL on the real engine: it runs and fills the panels.

use super::{
    board::Board,
    engine::text,
    expected::calls,
    frame::{Frame, Kind},
    health,
    macros::Range,
    seed::{self, AWKWARD_SERVER, AWKWARD_TOOL},
    states::{State, pick, states},
};

#[test]
fn every_query_runs_and_fills_its_panel_in_every_state_of_the_variables() {
    let range = seed::range();
    health::seeded();
    for State {
        name: state,
        picked,
        chosen,
    } in states()
    {
        for panel in Board::overview().panels() {
            let what = format!("{} with {state}", panel.title);
            let frame = Frame::of(&panel.sql, &picked, &range).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(frame.problems(&panel), Vec::<String>::new(), "{what}");
            let about_failures = panel.sql.contains("fault = 'server'") || panel.title == "Failures by tool";
            let failed = calls(0, 600, |of| chosen(of) && of.fault == "server");
            if panel.title != health::PANEL && !(about_failures && failed.is_empty()) {
                assert_eq!(frame.emptiness(), None, "{what}");
            }
        }
    }
}

#[test]
fn every_query_runs_over_every_length_of_range_and_over_no_rows() {
    let all = pick(&[], &[]);
    let end = (seed::start() + 600) * 1_000;
    let ago = |seconds: i64| end - seconds * 1_000;
    for (name, range) in [
        (
            "5 minutes",
            Range {
                from_ms: ago(300) + 371,
                to_ms: end + 12,
                step_s: 60,
            },
        ),
        (
            "6 hours",
            Range {
                from_ms: ago(6 * 3_600) + 371,
                to_ms: end,
                step_s: 60,
            },
        ),
        (
            "30 days",
            Range {
                from_ms: ago(30 * 86_400),
                to_ms: end,
                step_s: 3_600,
            },
        ),
        (
            "a year before the first call",
            Range {
                from_ms: ago(400 * 86_400),
                to_ms: ago(399 * 86_400),
                step_s: 300,
            },
        ),
    ] {
        for panel in Board::overview().panels() {
            let frame = Frame::of(&panel.sql, &all, &range);
            let frame = frame.unwrap_or_else(|error| panic!("{} over {name}: {error}", panel.title));
            assert_eq!(
                frame.problems(&panel),
                Vec::<String>::new(),
                "{} over {name}",
                panel.title
            );
        }
        for (variable, sql) in Board::overview().variables() {
            Frame::of(&sql, &all, &range).unwrap_or_else(|error| panic!("{variable} over {name}: {error}"));
        }
    }
}

#[test]
fn variables_offer_the_servers_and_the_tools_of_the_chosen_servers() {
    for (name, picked, expected) in [
        ("server", pick(&[], &[]), vec![AWKWARD_SERVER, "shop"]),
        ("tool", pick(&[], &[]), vec![AWKWARD_TOOL, "read", "search"]),
        ("tool", pick(&[AWKWARD_SERVER], &[]), vec!["read"]),
    ] {
        let variables = Board::overview().variables();
        let (_, sql) = variables
            .iter()
            .find(|(variable, _)| variable == name)
            .expect("the variable");
        let frame = Frame::of(sql, &picked, &seed::range()).unwrap();
        let column = frame.names(Kind::Text)[0];
        let shown: Vec<_> = frame.rows.iter().map(|row| text(&row[column])).collect();
        assert_eq!(shown, expected, "{name}");
    }
}
