//! What the panels show of the seed, against numbers that are computed from it without SQL.

use super::{
    board::Board,
    engine::{number, text},
    expected::{self, by, calls, count, users, with_fault},
    frame::Frame,
    health,
    macros::{Picked, Range},
    seed,
    states::{State, pick, states},
};

fn rows(title: &str, picked: &Picked, range: &Range) -> Frame {
    let panel = Board::overview().panel(title);
    Frame::of(&panel.sql, picked, range).unwrap_or_else(|error| panic!("{title}: {error}\n{}", panel.sql))
}

fn close(shown: f64, expected: f64, what: &str) {
    assert!(
        (shown - expected).abs() <= 1e-6 * expected.abs().max(1.0),
        "{what}: shows {shown}, expected {expected}"
    );
}

fn within(shown: f64, [lowest, highest]: [f64; 2], what: &str) {
    let slack = 0.01 * highest;
    let right = (lowest - slack..=highest + slack).contains(&shown);
    assert!(right, "{what}: shows {shown}, expected {lowest} to {highest}");
}

#[test]
fn totals_are_those_of_the_calls() {
    let range = seed::range();
    for State {
        name: state,
        picked,
        chosen,
    } in states()
    {
        let of = calls(0, 600, chosen);
        for (title, expected) in [
            ("Calls", count(&of)),
            ("Calls per second", count(&of) / 600.0),
            ("Failure rate", with_fault(&of, "server") / count(&of)),
            ("Caller error rate", with_fault(&of, "caller") / count(&of)),
            ("Users", users(&of)),
        ] {
            let frame = rows(title, &picked, &range);
            close(
                number(&frame.rows[0][title]).expect("a number"),
                expected,
                &format!("{title} with {state}"),
            );
        }
        for (percentile, name) in [(50.0, "p50"), (95.0, "p95"), (99.0, "p99")] {
            let shown = number(&rows(&format!("Latency {name}"), &picked, &range).rows[0][name]).expect("a number");
            within(
                shown,
                expected::latency(&of, percentile),
                &format!("{name} with {state}"),
            );
        }
    }
}

#[test]
fn points_over_time_are_rates_of_the_minutes_behind_them() {
    let start = seed::start();
    // From 90 s on: the minute that is cut at the start counts whole, the one that is not over does not count.
    let cut = |to, step_s| Range {
        from_ms: (start + 90) * 1_000,
        to_ms: (start + to) * 1_000,
        step_s,
    };
    let minutes = |of: std::ops::Range<i64>| of.map(|minute| (minute * 60, minute * 60 + 60)).collect::<Vec<_>>();
    for (name, range, points) in [
        ("minutes", seed::range(), minutes(0..10)),
        ("minutes of a cut range", cut(330, 60), minutes(1..5)),
        ("one step that is longer than the range", cut(330, 300), vec![(60, 300)]),
        (
            "two steps that are both cut",
            cut(450, 300),
            vec![(60, 300), (300, 420)],
        ),
    ] {
        for State {
            name: state,
            picked,
            chosen,
        } in states()
        {
            let by_fault = rows("Calls per second by fault", &picked, &range);
            let rates = rows("Failure rate and caller error rate", &picked, &range);
            let latency = rows("Latency", &picked, &range);
            for frame in [&by_fault, &rates, &latency] {
                assert_eq!(frame.rows.len(), points.len(), "{name} with {state}");
            }
            for (at, (from, to)) in points.iter().enumerate() {
                let of = calls(*from, *to, chosen);
                let what = format!("{name} with {state}, second {from}");
                for (series, fault) in [
                    ("No fault", "none"),
                    ("Caller", "caller"),
                    ("Sign-in", "auth"),
                    ("Client gone", "client_gone"),
                    ("Server", "server"),
                ] {
                    let shown = number(&by_fault.rows[at][series]).expect("a number");
                    close(
                        shown,
                        with_fault(&of, fault) / (to - from) as f64,
                        &format!("{series}: {what}"),
                    );
                }
                for (series, fault) in [("Failure rate", "server"), ("Caller error rate", "caller")] {
                    match number(&rates.rows[at][series]) {
                        Some(shown) => close(shown, with_fault(&of, fault) / count(&of), &format!("{series}: {what}")),
                        None => assert!(of.is_empty(), "{series}: {what}: a gap, but there are calls"),
                    }
                }
                for (series, percentile) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0)] {
                    match number(&latency.rows[at][series]) {
                        Some(shown) => within(shown, expected::latency(&of, percentile), &format!("{series}: {what}")),
                        None => assert!(of.is_empty(), "{series}: {what}: a gap, but there are calls"),
                    }
                }
            }
        }
    }
}

#[test]
fn failures_by_tool_are_those_of_each_minute() {
    for State {
        name: state,
        picked,
        chosen,
    } in states()
    {
        let frame = rows("Failures by tool", &picked, &seed::range());
        let shown: Vec<_> = frame
            .rows
            .iter()
            .map(|row| (text(&row["server"]), text(&row["tool"]), number(&row["Value"])))
            .collect();
        let failed = calls(0, 600, |of| chosen(of) && of.fault == "server" && of.kind == "tool");
        let minutes = by(&failed, |call| (call.time_ms / 60_000, call.of.server, call.of.target));
        let expected: Vec<_> = minutes
            .iter()
            .map(|((_, server, tool), of)| (server.to_string(), tool.to_string(), Some(count(of))))
            .collect();
        assert_eq!(shown, expected, "{state}");
    }
}

#[test]
fn tables_have_a_row_for_each_tool_and_each_client_with_its_numbers() {
    for State {
        name: state,
        picked,
        chosen,
    } in states()
    {
        for (title, groups, keys) in [
            (
                "Tools",
                by(&calls(0, 600, |of| chosen(of) && of.kind == "tool"), |call| {
                    vec![call.of.server, call.of.target]
                }),
                &["Server", "Tool"][..],
            ),
            (
                "Clients by version and protocol",
                by(&calls(0, 600, chosen), |call| call.of.client.to_vec()),
                &["Client", "Version", "Protocol"],
            ),
        ] {
            let frame = rows(title, &picked, &seed::range());
            assert_eq!(frame.rows.len(), groups.len(), "{title} with {state}");
            let counts: Vec<_> = frame.rows.iter().map(|row| number(&row["Calls"])).collect();
            assert!(
                counts.is_sorted_by(|more, less| more >= less),
                "{title}: most calls first"
            );
            for row in &frame.rows {
                let key: Vec<_> = keys.iter().map(|column| text(&row[*column])).collect();
                let of = groups
                    .iter()
                    .find(|(group, _)| **group == key)
                    .map(|(_, of)| of.as_slice());
                let of = of.unwrap_or_else(|| panic!("{title} with {state}: nobody called {key:?}"));
                for (column, expected) in [
                    ("Calls", count(of)),
                    ("Failures", with_fault(of, "server")),
                    ("Failure rate", with_fault(of, "server") / count(of)),
                    ("Caller error rate", with_fault(of, "caller") / count(of)),
                    ("Users", users(of)),
                ] {
                    close(
                        number(&row[column]).expect("a number"),
                        expected,
                        &format!("{title}, {key:?}, {column}"),
                    );
                }
                for (column, percentile) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0)] {
                    if let Some(shown) = row.get(column).and_then(number) {
                        within(
                            shown,
                            expected::latency(of, percentile),
                            &format!("{title}, {key:?}, {column}"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_latest_failures_are_the_newest_failed_calls_with_their_messages() {
    let frame = rows("Latest failures", &pick(&[], &[]), &seed::range());
    let mut failed = calls(0, 600, |of| of.fault == "server");
    failed.sort_by_key(|call| -call.time_ms);
    let shown: Vec<_> = frame
        .rows
        .iter()
        .map(|row| (text(&row["Tool"]), text(&row["Message"]), number(&row["Duration"])))
        .collect();
    let expected: Vec<_> = failed
        .iter()
        .map(|call| {
            (
                call.of.target.to_owned(),
                call.of.message.to_owned(),
                Some(call.of.duration_us as f64 / 1_000.0),
            )
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_health_table_shows_the_sick_tools_and_only_those() {
    health::seeded();
    for (state, picked, wanted) in [
        ("all", pick(&[], &[]), health::SICK.to_vec()),
        (
            "one tool",
            pick(&[], &["goes and comes"]),
            vec![("goes and comes", "flaky")],
        ),
    ] {
        let frame = rows(health::PANEL, &picked, &seed::range());
        let ours = frame.rows.iter().filter(|row| row["Server"] == health::SERVER);
        let mut shown: Vec<_> = ours.map(|row| (text(&row["Tool"]), text(&row["State"]))).collect();
        let mut wanted: Vec<_> = wanted
            .iter()
            .map(|(tool, is)| ((*tool).to_owned(), (*is).to_owned()))
            .collect();
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "{state}");
    }
}
