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
        "content_types": row.content_types, "header_mismatch": row.header_mismatch, "attempt": row.attempt, "waited_us": row.waited_us,
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
