//! Calls with known properties, and how they get into the database.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clickhouse::Client;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

/// A row that borrows nothing.
pub(crate) type Row = toolsight_collector::row::Row<'static>;

pub(crate) const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600;

/// The current Unix time in microseconds.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// The second at which an even hour began that is at least one day ago.
pub(crate) fn yesterday() -> i64 {
    let day_ago = now() / SECOND - 26 * HOUR;
    day_ago - day_ago.rem_euclid(2 * HOUR)
}

/// A successful call of a tool; its ids are made of its number.
pub(crate) fn call(time: i64, number: u64) -> Row {
    Row {
        time,
        server: "files".into(),
        method: "tools/call".into(),
        kind: "tool".into(),
        target: "read".into(),
        outcome: "ok".into(),
        fault: "none".into(),
        duration_us: 1000,
        client: "editor".into(),
        client_version: "1.0".into(),
        protocol_version: "2025-11-25".into(),
        transport: "stdio".into(),
        request_id: number.to_string().into(),
        direction: "to_server".into(),
        weight: 1,
        trace_id: format!("{number:016}").into_bytes().try_into().unwrap(),
        span_id: format!("{:08}", number % 100_000_000).into_bytes().try_into().unwrap(),
        ..Row::default()
    }
}

/// The same call with another end.
pub(crate) fn ending(row: Row, outcome: &str, fault: &str) -> Row {
    Row {
        outcome: outcome.to_owned().into(),
        fault: fault.to_owned().into(),
        ..row
    }
}

/// Calls of all kinds over `seconds` from `from`, the same ones each time. Two of them begin exactly at the two ends.
pub(crate) fn calls(from: i64, seconds: i64, count: u64) -> Vec<Row> {
    let mut random = StdRng::seed_from_u64(7);
    let endings = [
        ("ok", "none"),
        ("ok", "none"),
        ("ok", "none"),
        ("ok", "none"),
        ("tool_error", "server"),
        ("invalid_arguments", "caller"),
        ("unauthorized", "auth"),
        ("cancelled", "client_gone"),
    ];
    (0..count)
        .map(|number| {
            let time = match number {
                0 => from * SECOND,
                1 => (from + seconds) * SECOND,
                _ => from * SECOND + random.random_range(0..seconds * SECOND),
            };
            let (outcome, fault) = *endings.choose(&mut random).unwrap();
            let mut row = ending(call(time, number), outcome, fault);
            if random.random_bool(0.3) {
                row.weight = 10;
            }
            row.server = (*["files", "search"].choose(&mut random).unwrap()).into();
            match random.random_range(0..6) {
                0 => (row.method, row.kind, row.target) = ("notifications/initialized".into(), "".into(), "".into()),
                1 => (row.method, row.kind, row.target) = ("prompts/get".into(), "prompt".into(), "summary".into()),
                tool => row.target = format!("tool{}", tool % 3).into(),
            }
            row.client = (*["editor", "agent", ""].choose(&mut random).unwrap()).into();
            row.client_version = (*["1.0", "2.0"].choose(&mut random).unwrap()).into();
            row.protocol_version = (*["2025-06-18", "2025-11-25"].choose(&mut random).unwrap()).into();
            let user = random.random_range(0..30);
            row.user_id = if user < 6 && number > 1 {
                "".into()
            } else {
                format!("user{user}").into()
            };
            row.duration_us = 10_f64.powf(random.random_range(3.0..5.0)) as u64;
            row
        })
        .collect()
}

/// Writes calls with one insert.
pub(crate) async fn insert(client: &Client, rows: &[Row]) {
    let lines: String = rows.iter().map(|row| to_json(row) + "\n").collect();
    let mut insert = client.insert_formatted_with("INSERT INTO calls FORMAT JSONEachRow");
    insert.send(Bytes::from(lines)).await.unwrap();
    insert.end().await.unwrap();
}

fn to_json(row: &Row) -> String {
    let mut line = json!({
        "time": format!("{}.{:06}", row.time / SECOND, row.time % SECOND),
        "tenant": row.tenant,
        "server": row.server,
        "method": row.method,
        "kind": row.kind,
        "target": row.target,
        "outcome": row.outcome,
        "fault": row.fault,
        "error_type": row.error_type,
        "rpc_code": row.rpc_code,
        "http_status": row.http_status,
        "message": row.message,
        "duration_us": row.duration_us,
        "request_bytes": row.request_bytes,
        "response_bytes": row.response_bytes,
        "client": row.client,
        "client_version": row.client_version,
        "client_bridge": row.client_bridge,
        "protocol_version": row.protocol_version,
        "transport": row.transport,
        "session_id": row.session_id,
        "user_id": row.user_id,
        "request_id": row.request_id,
        "weight": row.weight,
        "trace_id": std::str::from_utf8(&row.trace_id).unwrap(),
        "span_id": std::str::from_utf8(&row.span_id).unwrap(),
    });
    let details = json!({
        "server_version": row.server_version,
        "instance": row.instance,
        "resource_uri": row.resource_uri,
        "first_byte_us": row.first_byte_us,
        "direction": row.direction,
        "chain_id": row.chain_id,
        "args_hash": row.args_hash,
        "invalid_arguments": row.invalid_arguments,
        "result_flags": row.result_flags,
        "content_types": row.content_types,
        "progress": row.progress,
        "arguments": row.arguments,
        "result": row.result,
        "parent_span_id": std::str::from_utf8(&row.parent_span_id).unwrap(),
        "header_mismatch": row.header_mismatch,
        "attempt": row.attempt,
        "waited_us": row.waited_us,
        "definition_hash": row.definition_hash,
        "definition_bytes": row.definition_bytes,
    });
    line.as_object_mut()
        .unwrap()
        .extend(details.as_object().unwrap().clone());
    line.to_string()
}
