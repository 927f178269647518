//! What is derived from the calls, compared with the calls.

use std::sync::Arc;

use serde_json::{Value, json as json_of};
use toolsight_collector::pipeline::{Caller, Session, Sink as _};
use toolsight_collector::{
    row::Row,
    store::{Location, Store},
};

use crate::support::{
    Embedded, block, engines, eventually, insert_for_ever, json, kill, number, open, ready, rows, today,
};

/// Calls of every kind: of sessions and without, of known and unknown users and clients, in both directions, sampled.
pub(crate) fn calls(count: u64) -> Vec<Row<'static>> {
    let mut calls = rows(count);
    for (number, call) in calls.iter_mut().enumerate() {
        call.kind = ["tool", "tool", "prompt", ""][number % 4].into();
        call.direction = if number % 10 == 0 { "to_client" } else { "to_server" }.into();
        call.duration_us = 1 + (number as u64 * 7919) % 3_000_000;
        call.definition_hash = (number % 7) as u64;
        call.message = format!("upstream {number} said no").into();
    }
    calls
}

/// A rollup and its condition, the calls that it is made of, and what both are grouped by.
const ROLLUPS: [(&str, &str, &str); 12] = [
    ("calls_per_minute WHERE slice = 'server'", "1", "server"),
    (
        "calls_per_minute WHERE slice = 'tool'",
        "1",
        "server, kind, target, method",
    ),
    (
        "calls_per_minute WHERE slice = 'client'",
        "1",
        "server, client, client_version, protocol_version",
    ),
    (
        "client_calls_per_hour WHERE slice = 'tool'",
        "1",
        "server, kind, target, method",
    ),
    (
        "calls_per_day WHERE slice = 'client'",
        "1",
        "server, client, client_version, protocol_version",
    ),
    (
        "tenant_users_per_day WHERE slice = 'user'",
        "user_id != '' AND direction != 'to_client'",
        "tenant, user_id",
    ),
    (
        "tenant_users_per_day WHERE slice = 'server'",
        "user_id != '' AND direction != 'to_client'",
        "tenant, user_id, server",
    ),
    (
        "sessions WHERE 1",
        "session_id != '' AND direction != 'to_client'",
        "tenant, server, session_id",
    ),
    (
        "errors_per_day WHERE slice = 'all'",
        "fault != 'none' AND direction != 'to_client'",
        "server, kind, target, method, outcome, fault, error_type, rpc_code",
    ),
    (
        "errors_per_day WHERE slice = 'tenant'",
        "fault != 'none' AND direction != 'to_client'",
        "tenant, server",
    ),
    (
        "tool_definitions WHERE 1",
        "definition_hash != 0 AND kind = 'tool'",
        "tenant, server, target, definition_hash",
    ),
    (
        "client_tools_per_hour WHERE 1",
        "kind = 'tool' AND direction != 'to_client'",
        "server, target, client, client_version, protocol_version",
    ),
];

/// Compares every rollup with the calls.
pub(crate) async fn assert_same_sums(store: &Store, when: &str) {
    for (rollup, condition, by) in ROLLUPS {
        let of_calls =
            format!("SELECT {by}, sum(weight) AS n FROM calls WHERE {condition} GROUP BY {by} ORDER BY {by}");
        let of_rollup = format!("SELECT {by}, sum(calls) AS n FROM {rollup} GROUP BY {by} HAVING n > 0 ORDER BY {by}");
        let of_calls: Vec<Value> = json(store, &of_calls).await;
        // Definitions were not known before version 3.
        assert!(
            of_calls.len() > 5 || rollup.starts_with("tool_definitions"),
            "{rollup}: {when}"
        );
        assert_eq!(of_calls, json(store, &of_rollup).await, "{rollup}: {when}");
    }
    let of_calls = json(
        store,
        "SELECT toDate(time) AS day, count() AS n FROM calls GROUP BY day ORDER BY day",
    )
    .await;
    let of_batches = json(
        store,
        "SELECT day, sum(rows) AS n FROM batches GROUP BY day ORDER BY day",
    )
    .await;
    assert!(!of_calls.is_empty(), "{when}");
    assert_eq!(of_calls, of_batches, "batches: {when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_once_in_the_calls_and_in_every_rollup() {
    let Embedded { store, folder } = Embedded::open().await;
    let calls = calls(5000);
    for (token, stored) in [("a", 5000), ("a", 5000), ("b", 10_000), ("a", 10_000)] {
        store.insert(&block(&calls), token).await.unwrap();
        assert_eq!(number(&store, "SELECT count() FROM calls").await, stored, "{token}");
        assert_same_sums(&store, token).await;
    }
    let [engine] = engines(folder.path())[..] else {
        panic!("one engine")
    };
    kill(engine);
    eventually("the engine is another one", async || {
        engines(folder.path()).first().is_some_and(|other| *other != engine)
    })
    .await;
    insert_for_ever(&store, &calls, "b").await;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 10_000);
    assert_same_sums(&store, "after the engine was killed").await;
    let batches = json(
        &store,
        "SELECT token, sum(rows) AS n FROM batches GROUP BY token ORDER BY token",
    )
    .await;
    assert_eq!(
        json_of!(batches),
        json_of!([{"token": "a", "n": 5000}, {"token": "b", "n": 5000}])
    );
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_say_what_the_calls_say() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    store.insert(&block(&calls(5000)), "rollup").await.unwrap();
    let of_calls = "SELECT server, target, kind, method, sumIf(weight, fault = 'server') f, sumIf(weight, fault = 'caller') e, \
        sumIf(weight, fault = 'auth') a, sumIf(weight, fault = 'client_gone') g, sum(request_bytes * weight) q, \
        sum(response_bytes * weight) r, max(duration_us) m, uniqExactIf(user_id, user_id != '') u, \
        uniqExactIf(client, client != '') c, toUnixTimestamp(max(time)) l FROM calls GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    let of_rollup = "SELECT server, target, kind, method, sum(failures) f, sum(caller_errors) e, sum(auth_errors) a, \
        sum(client_gone) g, sum(request_bytes) q, sum(response_bytes) r, max(duration_us_max) m, \
        uniqCombined64IfMerge(12)(users) u, uniqCombined64IfMerge(12)(clients) c, toUnixTimestamp(max(last_seen)) l \
        FROM calls_per_day WHERE slice = 'tool' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    let of_calls = json(&store, of_calls).await;
    assert!(of_calls.len() > 1000, "{}", of_calls.len());
    assert_eq!(of_calls, json(&store, of_rollup).await);
    let exact: f64 = store
        .reader()
        .query("SELECT toFloat64(quantileExactWeighted(0.95)(duration_us, weight)) FROM calls")
        .fetch_one()
        .await
        .unwrap();
    for table in ["calls_per_minute", "client_calls_per_hour", "calls_per_day"] {
        for slice in ["server", "tool", "client"] {
            let query = format!(
                "SELECT toFloat64(quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(duration_us)[2]) \
                 FROM {table} WHERE slice = '{slice}'"
            );
            let p95: f64 = store.reader().query(&query).fetch_one().await.unwrap();
            assert!(
                (p95 - exact).abs() <= exact * 0.02,
                "{table} {slice}: {p95} instead of {exact}"
            );
        }
    }
    let patterns = number(&store, "SELECT uniqExact(pattern) FROM errors_per_day").await;
    assert_eq!(patterns, 1, "messages that differ by a number are one pattern");
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_knows_the_clients_of_sessions_by_tenant_server_and_id() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let store = Arc::new(store);
    let handshake = |tenant: &'static str, client: &'static str| Row {
        time: today(),
        tenant: tenant.into(),
        server: "it's \\ here".into(),
        session_id: "s-1".into(),
        client: client.into(),
        client_version: "7".into(),
        protocol_version: "2025-06-18".into(),
        ..Row::default()
    };
    let handshakes = [
        handshake("acme", "desk"),
        handshake("", ""),
        handshake("globex", "hand"),
    ];
    store.insert(&block(&handshakes), "handshakes").await.unwrap();
    let asked = handshakes.map(|row| Session::of(&row));
    let mut found = store.clients_of(&asked).await;
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let client = |name: &str| Caller {
        name: name.into(),
        version: "7".into(),
        protocol_version: "2025-06-18".into(),
    };
    let expected = [(asked[0].clone(), client("desk")), (asked[2].clone(), client("hand"))];
    assert_eq!(found, expected, "not the session that nobody knows the client of");
    store.shutdown().await;
    assert_eq!(store.clients_of(&asked).await, [], "a store that is away tells nothing");
}

async fn tools_of(store: &Store, tenant: &str) -> Vec<Value> {
    answer(store, tenant, include_str!("../../queries/tools.sql")).await
}

/// The answer to a question about one tenant, from two days ago up to the end of today.
async fn answer(store: &Store, tenant: &str, question: &str) -> Vec<Value> {
    let today = today() / 1_000_000 / 86_400 * 86_400;
    let query = store
        .reader()
        .query_raw(question)
        .param("tenant", tenant)
        .param("server", "")
        .param("target", "")
        .param("limit", 1000)
        .param("offset", 0)
        .param("from", today - 2 * 86_400)
        .param("to", today + 86_400);
    let bytes = query.fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
    let rows = serde_json::Deserializer::from_slice(&bytes).into_iter();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_tenants_summaries_are_read_from_sums_of_its_own() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let calls = calls(5000);
    let tenant = calls.iter().map(|call| &call.tenant).find(|tenant| tenant.len() == 8);
    let tenant = tenant.expect("a tenant with a short name").to_string();
    store.insert(&block(&calls[..2000]), "before").await.unwrap();
    let of_calls = tools_of(&store, &tenant).await;
    assert!(of_calls.len() > 100, "{}", of_calls.len());
    assert_eq!(number(&store, "SELECT count() FROM tenant_calls").await, 0);
    let forget = async |table: &str| {
        let truncate = format!("TRUNCATE TABLE {table}");
        store.writer().query_raw(&truncate).execute().await.unwrap();
    };
    forget("calls").await;
    let note = "INSERT INTO large_tenants VALUES (?, 0)";
    store.writer().query(note).bind(&tenant).execute().await.unwrap();
    for token in ["after", "after"] {
        store.insert(&block(&calls[..2000]), token).await.unwrap();
    }
    for (slice, by) in [
        ("server", "server"),
        ("tool", "server, kind, target, method"),
        ("client", "server, client, client_version, protocol_version"),
    ] {
        let of_calls = format!(
            "SELECT {by}, sum(weight) AS n, sumIf(weight, fault = 'server') AS f, max(duration_us) AS d FROM calls \
             WHERE tenant = '{tenant}' GROUP BY {by} ORDER BY {by}"
        );
        let of_rollup = format!(
            "SELECT {by}, sum(calls) AS n, sum(failures) AS f, max(duration_us_max) AS d FROM tenant_calls \
             WHERE slice = '{slice}' GROUP BY {by} ORDER BY {by}"
        );
        assert_eq!(json(&store, &of_calls).await, json(&store, &of_rollup).await, "{slice}");
    }
    let by = "server, target, client, client_version, protocol_version";
    let of_calls_by_client = format!(
        "SELECT {by}, sum(weight) AS n, sumIf(weight, fault = 'server') AS f FROM calls \
         WHERE tenant = '{tenant}' AND kind = 'tool' AND direction != 'to_client' GROUP BY {by} ORDER BY {by}"
    );
    let of_clients = format!(
        "SELECT {by}, sum(calls) AS n, sum(failures) AS f FROM tenant_client_tools_per_day GROUP BY {by} ORDER BY {by}"
    );
    assert_eq!(json(&store, &of_calls_by_client).await, json(&store, &of_clients).await);
    let failing = answer(&store, &tenant, include_str!("../../queries/client_failing_tools.sql")).await;
    assert!(!failing.is_empty());
    forget("calls").await;
    assert_eq!(
        answer(&store, &tenant, include_str!("../../queries/client_failing_tools.sql")).await,
        failing,
        "the same without the calls themselves"
    );
    let mut of_rollup = tools_of(&store, &tenant).await;
    let mut of_calls = of_calls;
    for row in of_calls.iter_mut().chain(&mut of_rollup) {
        // Digests are near, not equal.
        for latency in ["p50_ms", "p95_ms", "p99_ms"] {
            row[latency].take();
        }
    }
    assert_eq!(of_rollup, of_calls, "the same without the calls themselves");
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_20_000_calls_in_a_day_becomes_a_large_tenant() {
    let Embedded { store, folder } = Embedded::open().await;
    for (tenant, hours_ago, count) in [("large", 0, 20_000), ("small", 0, 19_999), ("long ago", 30, 30_000)] {
        let insert = format!(
            "INSERT INTO calls (time, tenant) SELECT now64(6) - toIntervalHour({hours_ago}), '{tenant}' FROM numbers({count})"
        );
        store.writer().query_raw(&insert).execute().await.unwrap();
    }
    store.shutdown().await;
    let store = open(Location::Embedded(folder.path().to_owned())).await.unwrap();
    ready(&store).await;
    eventually("the tenant is noted", async || {
        number(&store, "SELECT count() FROM large_tenants").await > 0
    })
    .await;
    let noted = "SELECT tenant, since > now() + INTERVAL 1 DAY AS ahead FROM large_tenants";
    assert_eq!(
        json_of!(json(&store, noted).await),
        json_of!([{"tenant": "large", "ahead": 1}])
    );
    store.shutdown().await;
}
