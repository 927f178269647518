//! What the API sums up, compared with the same sums made from the same calls here.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::{
    app::App,
    engine::{self, TestEngine},
    seed::{Row, SECOND, call, calls, insert, yesterday},
};

const SECONDS: i64 = 3600;

/// What is compared: counts exactly, percentiles within one per cent.
#[derive(Default)]
struct Expected<'a> {
    rows: Vec<&'a Row>,
}

impl<'a> Expected<'a> {
    fn of(rows: impl Iterator<Item = &'a Row>) -> Self {
        Self { rows: rows.collect() }
    }

    fn calls(&self) -> u64 {
        self.rows.iter().map(|row| u64::from(row.weight)).sum()
    }

    fn faults(&self, fault: &str) -> u64 {
        let rows = self.rows.iter().filter(|row| row.fault == fault);
        rows.map(|row| u64::from(row.weight)).sum()
    }

    fn distinct<K: std::hash::Hash + Eq>(&self, key: impl Fn(&Row) -> Option<K>) -> usize {
        self.rows
            .iter()
            .filter_map(|row| key(row))
            .collect::<HashSet<_>>()
            .len()
    }

    fn users(&self) -> usize {
        self.distinct(|row| (!row.user_id.is_empty()).then(|| row.user_id.to_string()))
    }

    fn clients(&self) -> usize {
        self.distinct(|row| (!row.client.is_empty()).then(|| row.client.to_string()))
    }

    fn tools(&self) -> usize {
        self.distinct(|row| (row.kind == "tool").then(|| (row.server.to_string(), row.target.to_string())))
    }

    fn last_seen(&self) -> i64 {
        self.rows.iter().map(|row| row.time).max().unwrap()
    }

    /// The duration that a share of all calls, each as often as its weight, does not exceed.
    fn percentile_ms(&self, share: f64) -> f64 {
        let mut durations: Vec<_> = self.rows.iter().map(|row| (row.duration_us, row.weight)).collect();
        durations.sort_unstable();
        let wanted = share * self.calls() as f64;
        let mut passed = 0.0;
        let (duration, _) = durations
            .iter()
            .find(|(_, weight)| {
                passed += f64::from(*weight);
                passed >= wanted
            })
            .unwrap();
        *duration as f64 / 1000.0
    }

    fn assert_matches(&self, name: &str, got: &Value) {
        self.assert_matches_within(name, got, 0.01);
    }

    /// With another tolerance for percentiles.
    fn assert_matches_within(&self, name: &str, got: &Value, tolerance: f64) {
        assert_eq!(got["calls"], self.calls(), "calls of {name}");
        assert_eq!(got["failures"], self.faults("server"), "failures of {name}");
        assert_eq!(got["caller_errors"], self.faults("caller"), "caller errors of {name}");
        let rate = self.faults("server") as f64 / self.calls() as f64;
        assert_near(name, &got["failure_rate"], rate, 1e-12);
        for (field, share) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)] {
            if !got[field].is_null() || field == "p95_ms" {
                assert_near(
                    &format!("{field} of {name}"),
                    &got[field],
                    self.percentile_ms(share),
                    tolerance,
                );
            }
        }
    }
}

fn assert_near(name: &str, got: &Value, expected: f64, tolerance: f64) {
    let got = got.as_f64().unwrap_or(f64::NAN);
    assert!(
        (got - expected).abs() <= tolerance * expected,
        "{name}: {got} instead of {expected}"
    );
}

fn grouped<K: Ord>(rows: &[Row], key: impl Fn(&Row) -> Option<K>) -> BTreeMap<K, Expected<'_>> {
    let mut groups = BTreeMap::<K, Expected<'_>>::new();
    for row in rows {
        if let Some(key) = key(row) {
            groups.entry(key).or_default().rows.push(row);
        }
    }
    groups
}

struct Seeded {
    app: App,
    /// Ends with this.
    _engine: TestEngine,
    from: i64,
    /// The calls that begin in the hour.
    rows: Vec<Row>,
    /// Those and the one that begins exactly at its end.
    all: Vec<Row>,
}

impl Seeded {
    async fn new() -> Self {
        let engine = engine::start().await;
        let from = yesterday();
        let all = calls(from, SECONDS, 80_000);
        insert(&engine.client, &all).await;
        let mut rows = all.clone();
        rows.retain(|row| row.time < (from + SECONDS) * SECOND);
        assert_eq!(rows.len(), all.len() - 1);
        Self {
            app: App::new(&engine.client),
            _engine: engine,
            from,
            rows,
            all,
        }
    }

    async fn get(&self, path: &str, filter: &str) -> Value {
        let (from, to) = (self.from, self.from + SECONDS);
        self.app
            .get(&format!("/api/v1/{path}?from={from}&to={to}{filter}"))
            .await
    }
}

#[tokio::test]
async fn totals_tools_clients_and_users_are_what_was_inserted() {
    let seeded = Seeded::new().await;
    let expected = Expected::of(seeded.rows.iter());
    let overview = seeded.get("overview", "").await;
    let totals = &overview["totals"];
    assert_eq!(
        overview["range"],
        json!({"from": seeded.from, "to": seeded.from + SECONDS, "step_seconds": 60})
    );
    expected.assert_matches("all", totals);
    assert_eq!(totals["auth_errors"], expected.faults("auth"));
    assert_near(
        "caller error rate",
        &totals["caller_error_rate"],
        expected.faults("caller") as f64 / expected.calls() as f64,
        1e-12,
    );
    assert_near(
        "rate",
        &totals["calls_per_second"],
        expected.calls() as f64 / SECONDS as f64,
        1e-12,
    );
    assert_eq!(totals["users"], expected.users());
    assert_eq!(totals["clients"], expected.clients());
    assert_eq!(totals["tools"], expected.tools());
    assert_eq!(overview["servers"], json!(["files", "search"]));

    let files = Expected::of(seeded.rows.iter().filter(|row| row.server == "files"));
    let overview = seeded.get("overview", "&server=files").await;
    files.assert_matches("one server", &overview["totals"]);
    assert_eq!(overview["servers"], json!(["files", "search"]));

    let tools = grouped(&seeded.rows, |row| {
        (row.kind == "tool").then(|| (row.server.to_string(), row.target.to_string()))
    });
    let got = seeded.get("tools", "").await;
    assert_most_calls_first(&got["tools"], tools.len());
    for tool in got["tools"].as_array().unwrap() {
        let key = (text(tool, "server"), text(tool, "tool"));
        tools[&key].assert_matches(&key.1, tool);
        assert!(tool["p50_ms"].is_f64() && tool["p99_ms"].is_f64());
        assert_eq!(tool["users"], tools[&key].users());
        assert_eq!(tool["clients"], tools[&key].clients());
        assert_eq!(tool["last_seen"], tools[&key].last_seen() / SECOND);
    }

    let users = grouped(&seeded.rows, |row| {
        (!row.user_id.is_empty()).then(|| row.user_id.to_string())
    });
    let got = seeded.get("users", "").await;
    assert_most_calls_first(&got["users"], users.len());
    for user in got["users"].as_array().unwrap() {
        let key = text(user, "user");
        // Their durations are counted in buckets of half an octave.
        users[&key].assert_matches_within(&key, user, 0.2);
        assert_eq!(user["tools"], users[&key].tools());
        assert_eq!(user["clients"], users[&key].clients());
        assert_eq!(user["last_seen"], users[&key].last_seen() as f64 / 1e6);
    }
}

#[tokio::test]
async fn clients_come_with_the_tools_that_fail_most_for_them() {
    let seeded = Seeded::new().await;
    let key = |row: &Row| {
        (
            row.client.to_string(),
            row.client_version.to_string(),
            row.protocol_version.to_string(),
        )
    };
    let clients = grouped(&seeded.rows, |row| Some(key(row)));
    let got = seeded.get("clients", "").await;
    assert_most_calls_first(&got["clients"], clients.len());
    for client in got["clients"].as_array().unwrap() {
        let name = (
            text(client, "client"),
            text(client, "version"),
            text(client, "protocol"),
        );
        clients[&name].assert_matches(&name.0, client);
        assert_eq!(client["auth_errors"], clients[&name].faults("auth"), "{name:?}");
        assert_eq!(client["users"], clients[&name].users());
        assert_eq!(client["last_seen"], clients[&name].last_seen() / SECOND);

        let mut failing: Vec<_> = grouped(&seeded.rows, |row| {
            (row.kind == "tool" && key(row) == name).then(|| (row.server.to_string(), row.target.to_string()))
        })
        .into_iter()
        .map(|((server, tool), rows)| {
            let failures = rows.faults("server");
            json!({"server": server, "tool": tool, "calls": rows.calls(), "failures": failures})
        })
        .collect();
        failing.sort_by_key(|tool| std::cmp::Reverse(tool["failures"].as_u64()));
        assert_eq!(client["tools"], json!(failing[..5]), "{name:?}");
    }
}

#[tokio::test]
async fn series_have_one_value_per_step_also_where_nothing_was_called() {
    let seeded = Seeded::new().await;
    let hour = seeded.from;
    // From before the first call until after the last one; from the calls themselves, and from the rollup.
    for (from, to, step) in [
        (hour - 120, hour + 600, 10),
        (hour - 600, hour + 2400, 60),
        (hour - 7200, hour + 7200, 60),
        (hour - 12 * 3600, hour + 7200, 300),
    ] {
        let got = seeded.app.get(&format!("/api/v1/overview?from={from}&to={to}")).await;
        assert_eq!(got["range"], json!({"from": from, "to": to, "step_seconds": step}));
        let steps = grouped(&seeded.all, |row| Some((row.time / SECOND - from).div_euclid(step)));
        let series = &got["series"];
        assert_eq!(
            series["time"],
            json!((from..to).step_by(step as usize).collect::<Vec<_>>())
        );
        for index in 0..(to - from) / step {
            let at = |name: &str| &series[name][index as usize];
            match steps.get(&index) {
                Some(expected) => {
                    let calls = expected.calls() as f64;
                    assert_near("calls", at("calls_per_second"), calls / step as f64, 1e-12);
                    assert_near(
                        "failures",
                        at("failure_rate"),
                        expected.faults("server") as f64 / calls,
                        1e-12,
                    );
                    assert_near(
                        "caller errors",
                        at("caller_error_rate"),
                        expected.faults("caller") as f64 / calls,
                        1e-12,
                    );
                    assert!(
                        at("p50_ms").as_f64() <= at("p95_ms").as_f64()
                            && at("p95_ms").as_f64() <= at("p99_ms").as_f64()
                    );
                }
                None => {
                    assert_eq!(*at("calls_per_second"), 0.0);
                    for name in ["failure_rate", "caller_error_rate", "p50_ms", "p95_ms", "p99_ms"] {
                        assert_eq!(*at(name), json!(null), "{name}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_latency_of_a_user_is_told_within_a_fifth_also_where_all_calls_take_the_same() {
    let engine = engine::start().await;
    let (from, durations) = (yesterday(), [1_300_u64, 5_000, 6_800, 7_000, 123_456, 29_000_000]);
    let rows = durations.iter().flat_map(|duration_us| {
        let of_user = |number| Row {
            user_id: duration_us.to_string().into(),
            duration_us: *duration_us,
            ..call(from * SECOND, number)
        };
        (1..4).map(of_user).collect::<Vec<_>>()
    });
    insert(&engine.client, &rows.collect::<Vec<_>>()).await;
    let app = App::new(&engine.client);
    let got = app.get(&format!("/api/v1/users?from={from}&to={}", from + 60)).await;
    for user in got["users"].as_array().unwrap() {
        let duration_ms = text(user, "user").parse::<f64>().unwrap() / 1e3;
        assert_near("p95_ms", &user["p95_ms"], duration_ms, 0.2);
    }
    assert_eq!(got["users"].as_array().unwrap().len(), durations.len());
}

#[tokio::test]
async fn calls_within_the_first_and_the_last_second_of_a_range_count() {
    let (from, half) = (yesterday(), SECOND / 2);
    for time in [
        from * SECOND,
        from * SECOND + half,
        (from + 60) * SECOND - half,
        (from + 60) * SECOND - 1,
    ] {
        // Alone in its database, so that the engine can decide by the smallest and largest time of a part.
        let engine = engine::start().await;
        let mut row = call(time, 1);
        row.user_id = "ann".into();
        insert(&engine.client, &[row]).await;
        let app = App::new(&engine.client);
        let range = format!("from={from}&to={}", from + 60);
        let overview = app.get(&format!("/api/v1/overview?{range}")).await;
        assert_eq!(overview["totals"]["calls"], 1, "{time}");
        let rates = overview["series"]["calls_per_second"].as_array().unwrap().iter();
        assert_eq!(rates.filter_map(Value::as_f64).sum::<f64>(), 0.1, "{time}");
        for list in ["tools", "clients", "users", "calls"] {
            let got = app.get(&format!("/api/v1/{list}?{range}")).await;
            assert_eq!(got[list].as_array().unwrap().len(), 1, "{list} at {time}");
        }
    }
}

fn assert_most_calls_first(list: &Value, count: usize) {
    let calls: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["calls"].as_u64())
        .collect();
    assert_eq!(calls.len(), count);
    assert!(calls.is_sorted_by(|more, less| more >= less));
}

fn text(entry: &Value, field: &str) -> String {
    entry[field].as_str().unwrap().to_owned()
}
