use serde_json::{Value, json};
use toolsight_collector::row::Row;

use crate::support::{Embedded, block, json, number, rows, today};

fn expected(row: &Row<'_>) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let mut all = json!({
        "time": row.time, "tenant": row.tenant, "server": row.server, "server_version": row.server_version,
        "instance": row.instance, "method": row.method, "kind": row.kind, "target": row.target,
        "resource_uri": row.resource_uri, "outcome": row.outcome, "fault": row.fault, "error_type": row.error_type,
        "rpc_code": row.rpc_code, "http_status": row.http_status, "message": row.message,
        "duration_us": row.duration_us, "first_byte_us": row.first_byte_us, "request_bytes": row.request_bytes,
        "response_bytes": row.response_bytes,
    });
    let rest = json!({
        "client": row.client, "client_version": row.client_version, "client_bridge": row.client_bridge,
        "protocol_version": row.protocol_version, "transport": row.transport, "session_id": row.session_id,
        "user_id": row.user_id, "request_id": row.request_id, "weight": row.weight, "trace_id": hex(&row.trace_id),
        "span_id": hex(&row.span_id), "parent_span_id": hex(&row.parent_span_id),
    });
    let details = json!({
        "direction": row.direction, "chain_id": row.chain_id, "args_hash": row.args_hash,
        "invalid_arguments": row.invalid_arguments, "result_flags": row.result_flags,
        "content_types": row.content_types, "attempt": row.attempt, "waited_us": row.waited_us,
        "progress": row.progress, "definition_hash": row.definition_hash, "definition_bytes": row.definition_bytes,
        "arguments": row.arguments, "result": row.result,
    });
    for part in [rest, details] {
        all.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    all
}

const EVERY_FIELD: &str = "SELECT * REPLACE (toUnixTimestamp64Micro(time) AS time, hex(trace_id) AS trace_id, \
    hex(span_id) AS span_id, hex(parent_span_id) AS parent_span_id) FROM calls ORDER BY toUInt64(request_id)";

#[tokio::test(flavor = "multi_thread")]
async fn every_field_comes_back_as_it_was_inserted() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    for count in [1, 3000] {
        let rows = rows(count);
        store.writer().query("TRUNCATE TABLE calls").execute().await.unwrap();
        store
            .insert(&block(&rows), &format!("every field of {count}"))
            .await
            .unwrap();
        let found = json(&store, EVERY_FIELD).await;
        assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(&rows) {
            assert_eq!(*found, expected(row));
        }
    }
    store.insert(&block(&[]), "nothing").await.unwrap();
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dictionaries_of_every_width_keep_their_values() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    for keys in [1, 255, 256, 257, 65_535, 65_536, 65_537, 100_000] {
        let rows = (0..100_000_u64).map(|n| Row {
            time: today(),
            target: format!("tool {}", n % keys).into(),
            request_id: (n % keys).to_string().into(),
            ..Row::default()
        });
        store.writer().query("TRUNCATE TABLE calls").execute().await.unwrap();
        store
            .insert(&block(&rows.collect::<Vec<_>>()), &format!("{keys} keys"))
            .await
            .unwrap();
        let same = number(
            &store,
            "SELECT countIf(target = concat('tool ', request_id)) FROM calls",
        )
        .await;
        assert_eq!(
            (same, number(&store, "SELECT uniqExact(target) FROM calls").await),
            (100_000, keys)
        );
    }
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_once_in_the_calls_and_in_the_rollup() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let rows = rows(5000);
    for (token, stored) in [("a", 5000), ("a", 5000), ("b", 10_000), ("a", 10_000)] {
        store.insert(&block(&rows), token).await.unwrap();
        assert_eq!(number(&store, "SELECT count() FROM calls").await, stored, "{token}");
        let weights: u64 = rows.iter().map(|row| u64::from(row.weight)).sum();
        assert_eq!(
            number(&store, "SELECT sum(calls) FROM calls_by_minute").await,
            weights * stored / 5000,
            "{token}"
        );
    }
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rollup_says_what_the_calls_say() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    store.insert(&block(&rows(5000)), "rollup").await.unwrap();
    let by = "GROUP BY server, target, client ORDER BY server, target, client";
    let sums = [
        "failures:server",
        "caller_errors:caller",
        "auth_errors:auth",
        "client_gone:client_gone",
    ];
    let (names, faults): (Vec<_>, Vec<_>) = sums.iter().map(|sum| sum.split_once(':').unwrap()).unzip();
    let of_calls: Vec<_> = faults
        .iter()
        .map(|fault| format!("sumIf(weight, fault = '{fault}')"))
        .collect();
    let of_rollup: Vec<_> = names.iter().map(|name| format!("sum({name})")).collect();
    let raw = format!(
        "SELECT server, target, client, sum(weight) c, [{}] f, sum(request_bytes * weight) q, sum(response_bytes * weight) r, \
         max(duration_us) m, uniqExactIf(user_id, user_id != '') u, toUnixTimestamp(max(time)) l FROM calls {by}",
        of_calls.join(", ")
    );
    let rollup = format!(
        "SELECT server, target, client, sum(calls) c, [{}] f, sum(request_bytes) q, sum(response_bytes) r, \
         max(duration_us_max) m, uniqCombined64IfMerge(12)(users) u, toUnixTimestamp(max(last_seen)) l FROM calls_by_minute {by}",
        of_rollup.join(", ")
    );
    let raw = json(&store, &raw).await;
    assert!(raw.len() > 1000, "{}", raw.len());
    assert_eq!(raw, json(&store, &rollup).await);
    let median = "quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(duration_us)[1]";
    let median: f64 = store
        .reader()
        .query(&format!("SELECT toFloat64({median}) FROM calls_by_minute"))
        .fetch_one()
        .await
        .unwrap();
    let exact: f64 = store
        .reader()
        .query("SELECT toFloat64(quantileExactWeighted(0.5)(duration_us, weight)) FROM calls")
        .fetch_one()
        .await
        .unwrap();
    assert!((median - exact).abs() <= exact * 0.02, "{median} instead of {exact}");
    store.shutdown().await;
}
