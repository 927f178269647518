//! What is counted of what layers tell, case by case.

use std::time::{Duration, Instant};

use prometheus::{Registry, TextEncoder};
use toolsight::semconv::OTHER;

use super::state::{Forgotten, MOST_INSTANCES, MOST_SERVERS, SILENT, State};
use super::{Count, Counter, Layers, Now, Point, Report};

/// Some moment in nanoseconds since the Unix epoch, after all starts here.
pub(super) const PRESENT: u64 = 1_000_000;

pub(super) fn now() -> Now {
    Now {
        instant: Instant::now(),
        unix: PRESENT,
    }
}

/// So many records lost since a start, or since the point before.
pub(super) fn lost(value: u64, start: u64, time: u64) -> Count {
    Count {
        counter: Counter::Dropped,
        label: "queue_full".to_owned(),
        value,
        is_delta: false,
        start,
        time,
    }
}

pub(super) fn delta(value: u64, start: u64, time: u64) -> Count {
    Count {
        is_delta: true,
        ..lost(value, start, time)
    }
}

fn report(server: &str, instance: &str, points: impl IntoIterator<Item = Point>) -> Report {
    Report {
        server: server.to_owned(),
        instance: instance.to_owned(),
        points: points.into_iter().collect(),
    }
}

pub(super) fn of(server: &str, instance: &str, count: Count) -> Report {
    report(server, instance, [Point::Count(count)])
}

/// Lost records of each server, by name.
pub(super) fn dropped(state: &State) -> Vec<(String, u64)> {
    let counts = state.counts();
    let mut counts: Vec<_> = counts
        .map(|(server, counts)| (server.to_owned(), counts.total(Counter::Dropped)))
        .collect();
    counts.sort();
    counts
}

pub(super) fn total(state: &State) -> u64 {
    dropped(state).iter().map(|(_, count)| count).sum()
}

#[test]
fn losses_add_up_however_they_are_told() {
    for (case, points, expected) in [
        ("the first point counts as a whole", vec![lost(5, 1, 10)], 5),
        ("a process that lost nothing", vec![lost(0, 1, 10)], 0),
        ("a count that grows", vec![lost(5, 1, 10), lost(8, 1, 20)], 8),
        (
            "a point that is sent again",
            vec![lost(5, 1, 10), lost(5, 1, 10), lost(5, 1, 20)],
            5,
        ),
        (
            "a process that starts again",
            vec![lost(5, 1, 10), lost(2, 15, 20), lost(3, 15, 30)],
            8,
        ),
        (
            "one that loses more than before its restart",
            vec![lost(5, 1, 10), lost(9, 15, 20)],
            14,
        ),
        (
            "a point from before a restart that comes late",
            vec![lost(5, 1, 10), lost(2, 15, 20), lost(5, 1, 10)],
            7,
        ),
        (
            "a value below the last one",
            vec![lost(5, 1, 10), lost(2, 1, 20), lost(4, 1, 30)],
            9,
        ),
        (
            "the same without any times",
            vec![lost(5, 0, 0), lost(2, 0, 0), lost(4, 0, 0)],
            9,
        ),
        (
            "a point that was overtaken",
            vec![lost(8, 1, 20), lost(5, 1, 10), lost(9, 1, 30)],
            9,
        ),
        (
            "two processes that say they are one",
            vec![lost(5, 1, 10), lost(3, 2, 11), lost(6, 1, 20), lost(4, 2, 21)],
            10,
        ),
        ("what was added each time", vec![delta(5, 1, 10), delta(3, 10, 20)], 8),
        (
            "what was added and is sent again",
            vec![delta(5, 1, 10), delta(5, 1, 10), delta(3, 10, 20), delta(3, 10, 20)],
            8,
        ),
        (
            "what was added without any times",
            vec![delta(5, 0, 0), delta(5, 0, 0)],
            10,
        ),
        (
            "more than can be counted",
            vec![lost(u64::MAX, 1, 10), lost(7, 2, 20)],
            u64::MAX,
        ),
    ] {
        let (mut state, mut before) = (State::default(), 0);
        for point in points {
            state.note("", &of("shop", "a", point), now());
            assert!(total(&state) >= before, "{case}: a count never goes back");
            before = total(&state);
        }
        assert_eq!(dropped(&state), [("shop".to_owned(), expected)], "{case}");
    }
}

#[test]
fn processes_are_told_apart_and_added_up_by_server() {
    let mut state = State::default();
    for (tenant, server, instance, value) in [
        ("", "shop", "a", 5),
        ("", "shop", "b", 3),
        ("", "pay", "a", 7),
        // Another tenant's server of the same name and instance.
        ("acme", "shop", "a", 4),
        ("", "shop", "a", 6),
    ] {
        state.note(tenant, &of(server, instance, lost(value, 1, 10)), now());
    }
    assert_eq!(dropped(&state), [("pay".to_owned(), 7), ("shop".to_owned(), 13)]);
}

#[test]
fn a_silent_process_is_running_no_calls_and_has_lost_what_it_lost() {
    let (mut state, start) = (State::default(), now());
    let at = |seconds: u64| Now {
        instant: start.instant + Duration::from_secs(seconds),
        ..start
    };
    let busy = |calls, oldest| [Point::InFlight(calls), Point::Oldest(oldest)];
    state.note("", &report("shop", "a", busy(2.0, 9.0)), at(0));
    state.note("", &of("shop", "a", lost(5, 1, 10)), at(0));
    state.note("", &report("shop", "b", busy(3.0, 1.5)), at(60));
    let mut told = Vec::new();
    for seconds in [60, SILENT.as_secs() - 1, SILENT.as_secs(), SILENT.as_secs() + 60] {
        let running = state.running(at(seconds).instant);
        told.push(
            running
                .get("shop")
                .map(|shop| (shop.instances, shop.in_flight, shop.oldest)),
        );
    }
    let both = Some((2, 5.0, 9.0));
    assert_eq!(told, [both, both, Some((1, 3.0, 1.5)), None]);
    assert_eq!(total(&state), 5);
    state.note("", &report("shop", "a", busy(1.0, 0.5)), at(1000));
    assert_eq!(state.running(at(1000).instant)["shop"].in_flight, 1.0);
}

#[test]
fn news_of_a_loss_is_news_for_a_while() {
    let (mut state, start) = (State::default(), now());
    let lately = |state: &State, minutes: u64| {
        let then = start.instant + Duration::from_secs(60 * minutes);
        state.answer(then).lost_lately
    };
    state.note("", &of("shop", "a", lost(0, 1, 10)), start);
    assert!(!lately(&state, 0), "nothing is lost");
    state.note("", &of("shop", "a", lost(2, 1, 20)), start);
    assert!(lately(&state, 0) && lately(&state, 9));
    assert!(!lately(&state, 10));
}

#[test]
fn the_process_silent_for_longest_is_forgotten_and_not_counted_twice_when_it_returns() {
    let mut state = State::default();
    for index in 0..=MOST_INSTANCES {
        let start = 100 + index as u64;
        state.note("", &of("shop", &index.to_string(), lost(1, start, start)), now());
    }
    let all = MOST_INSTANCES as u64 + 1;
    assert_eq!((total(&state), state.forgotten.instances), (all, 1));
    assert_eq!(
        state.running(Instant::now())["shop"].instances,
        all - 1,
        "no more are known"
    );
    state.note("", &of("shop", "0", lost(1, 100, 120)), now());
    assert_eq!(total(&state), all, "it told of that loss before");
    state.note("", &of("shop", "0", lost(4, 100, 130)), now());
    assert_eq!(total(&state), all + 3, "and of these since");
    state.note("", &of("shop", "started since", lost(2, 120, 130)), now());
    assert_eq!(total(&state), all + 5, "this one cannot have been forgotten");
}

#[test]
fn a_start_in_the_future_takes_nothing_from_others() {
    let mut state = State::default();
    for index in 0..=MOST_INSTANCES {
        state.note("", &of("shop", &index.to_string(), lost(0, u64::MAX, 1)), now());
    }
    state.note("", &of("shop", "new", lost(2, PRESENT + 1, PRESENT + 2)), now());
    assert_eq!(total(&state), 2);
}

#[test]
fn the_server_silent_for_longest_is_forgotten_and_its_losses_stay_in_the_sum() {
    let mut state = State::default();
    for index in 0..MOST_SERVERS + 3 {
        state.note("", &of(&index.to_string(), "a", lost(2, 1, 10)), now());
    }
    let servers = dropped(&state);
    assert_eq!(servers.len(), MOST_SERVERS + 1);
    assert!(servers.contains(&(OTHER.to_owned(), 6)), "those of three");
    assert_eq!(total(&state), 2 * (MOST_SERVERS as u64 + 3));
    let three = Forgotten {
        servers: 3,
        ..Forgotten::default()
    };
    assert_eq!(state.forgotten, three);
    let running = state.running(Instant::now());
    assert_eq!((running.len(), running[OTHER].instances), (MOST_SERVERS + 1, 3));
    state.note("", &of("0", "a", lost(3, 1, 20)), now());
    assert_eq!(total(&state), 2 * (MOST_SERVERS as u64 + 3) + 1);
}

#[test]
fn reasons_without_end_become_one_and_keep_their_sum() {
    let mut state = State::default();
    for index in 0..500_u64 {
        let made_up = Count {
            label: format!("reason {index}"),
            ..lost(1, 1 + index, 1 + index)
        };
        state.note("", &of("shop", "a", made_up), now());
    }
    let (_, counts) = state.counts().next().unwrap();
    assert_eq!((counts.iter().count(), total(&state)), (49, 500));
    assert!(counts.iter().any(|(_, label, count)| (label, count) == (OTHER, 452)));
    assert_eq!(state.forgotten.streams, 500 - 64);
}

#[test]
fn what_was_told_stands_in_the_metrics_and_in_the_answer() {
    let layers = Layers::new().unwrap();
    let registry = Registry::new_custom(Some("toolsight".to_owned()), None).unwrap();
    registry.register(Box::new(layers.clone())).unwrap();
    let count = |counter, label: &str, value| {
        Point::Count(Count {
            counter,
            label: label.to_owned(),
            ..lost(value, 1, 10)
        })
    };
    layers.note(
        "",
        &[report(
            "a \"shop\"",
            "a",
            [
                count(Counter::Dropped, "queue_full", 5),
                count(Counter::Dropped, "shutdown", 0),
                count(Counter::Forgotten, "session", 2),
                count(Counter::Unread, "answer", 1),
                Point::InFlight(3.0),
                Point::Oldest(1.5),
            ],
        )],
    );
    // Asked for twice, since the metrics are filled anew each time.
    let read = || TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert_eq!(read(), read());
    let text = read();
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"toolsight_layer_bodies_unread_total{kind="answer",server="a \"shop\""} 1"#,
            r#"toolsight_layer_calls_in_flight{server="a \"shop\""} 3"#,
            r#"toolsight_layer_instances{server="a \"shop\""} 1"#,
            r#"toolsight_layer_oldest_call_seconds{server="a \"shop\""} 1.5"#,
            r#"toolsight_layer_records_dropped_total{reason="queue_full",server="a \"shop\""} 5"#,
            r#"toolsight_layer_records_dropped_total{reason="shutdown",server="a \"shop\""} 0"#,
            r#"toolsight_layer_state_forgotten_total{kind="session",server="a \"shop\""} 2"#,
            r#"toolsight_layers_forgotten_total{kind="instance"} 0"#,
            r#"toolsight_layers_forgotten_total{kind="server"} 0"#,
            r#"toolsight_layers_forgotten_total{kind="stream"} 0"#,
        ]
    );
    let answer = serde_json::to_value(layers.answer()).unwrap();
    let expected = serde_json::json!({
        "instances": 1, "calls_in_flight": 3.0, "oldest_call_seconds": 1.5,
        "records_dropped": {"queue_full": 5, "shutdown": 0}, "records_dropped_by_server": {"a \"shop\"": 5},
        "state_forgotten": {"session": 2}, "bodies_unread": {"answer": 1}, "lost_lately": true,
    });
    assert_eq!(answer, expected);
}
