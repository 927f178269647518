//! `/api/v1/calls`: single calls, newest first, page by page.

use axum::{Json, extract::State};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::{
    ApiError, ApiState,
    cursor::Cursor,
    parameters::Parameters,
    range::{Range, Scope},
};

const CALLS: &str = include_str!("../../queries/calls.sql");
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;
/// Seconds that are searched for calls at first, and how many times as many after that.
const FIRST_SEARCH: i64 = 3600;
const SEARCH_GROWTH: i64 = 6;

/// Parameters that select calls by one of their texts.
const TEXT_FILTERS: [&str; 7] = ["target", "client", "version", "protocol", "user", "session", "outcome"];
const FAULTS: [&str; 5] = ["none", "server", "caller", "auth", "client_gone"];

#[derive(Row, Deserialize, Serialize)]
struct Call {
    time: f64,
    server: String,
    method: String,
    kind: String,
    target: String,
    outcome: String,
    fault: String,
    error_type: String,
    rpc_code: Option<i32>,
    http_status: Option<u16>,
    message: String,
    duration_ms: f64,
    client: String,
    client_version: String,
    client_bridge: String,
    protocol: String,
    transport: String,
    user: String,
    session: String,
    request_id: String,
    request_bytes: u64,
    response_bytes: u64,
    trace_id: String,
    span_id: String,
}

#[derive(Serialize)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with one page of the calls that pass all filters.
pub(crate) async fn calls(State(state): State<ApiState>, mut parameters: Parameters) -> Result<Json<Calls>, ApiError> {
    let Scope { range, server } = Scope::take(&mut parameters)?;
    let limit = parameters.take_number("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let cursor = take_cursor(&mut parameters)?
        .filter(|cursor| *cursor < Cursor::at(range.to))
        .unwrap_or_else(|| Cursor::at(range.to));
    let mut filters = vec![("server", server), ("fault", take_fault(&mut parameters)?)];
    for name in TEXT_FILTERS {
        filters.push((name, parameters.take(name)?.unwrap_or_default()));
    }
    parameters.finish()?;

    let mut calls = latest(&state, range, cursor, &filters, limit as usize + 1).await?;
    let is_last_page = calls.len() <= limit as usize;
    calls.truncate(limit as usize);
    let next = calls
        .last()
        .filter(|_| !is_last_page)
        .map(|call| Cursor::after(call).to_string());
    Ok(Json(Calls { calls, next }))
}

/// At most `count` calls before the cursor, the newest first. The last hour is searched first, then six times as far
/// back each time, so that calls of which there are many do not cost a month.
async fn latest(
    state: &ApiState,
    range: Range,
    mut before: Cursor,
    filters: &[(&str, String)],
    count: usize,
) -> Result<Vec<Call>, ApiError> {
    let mut calls = Vec::new();
    let mut seconds = FIRST_SEARCH;
    loop {
        let mut searched = range;
        searched.from = range.from.max(before.time_us / 1_000_000 - seconds);
        let query = state
            .reader
            .query(CALLS, &searched)
            .param("before", before.time_us)
            .param("before_trace", &before.trace_id)
            .param("before_span", &before.span_id)
            .param("limit", (count - calls.len()) as u32);
        let query = filters
            .iter()
            .fold(query, |query, (name, value)| query.param(name, value));
        calls.extend(state.reader.rows::<Call>(query).await?);
        if calls.len() >= count || searched.from <= range.from {
            return Ok(calls);
        }
        before = Cursor::at(searched.from);
        seconds *= SEARCH_GROWTH;
    }
}

impl Cursor {
    /// The place right after a call.
    fn after(call: &Call) -> Self {
        Self {
            time_us: (call.time * 1e6).round() as i64,
            trace_id: call.trace_id.clone(),
            span_id: call.span_id.clone(),
        }
    }
}

fn take_cursor(parameters: &mut Parameters) -> Result<Option<Cursor>, ApiError> {
    let cursor = parameters.take("cursor")?;
    cursor
        .map(|text| text.parse())
        .transpose()
        .map_err(|()| ApiError::invalid("cursor", "must be what `next` of an earlier answer held"))
}

/// The fault to look for, empty for any: `failed=true` is another way to say `fault=server`.
fn take_fault(parameters: &mut Parameters) -> Result<String, ApiError> {
    let fault = parameters.take_word("fault", &FAULTS)?.unwrap_or_default();
    let failed = parameters.take_word("failed", &["true", "false"])?;
    match (failed.as_deref(), fault.as_str()) {
        (Some("true"), "" | "server") => Ok("server".to_owned()),
        (Some("true"), _) => Err(ApiError::invalid("failed", "contradicts `fault`")),
        _ => Ok(fault),
    }
}
