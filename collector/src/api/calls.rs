//! `/api/v1/calls`: single calls, newest first, page by page or as a file.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use toolsight::Outcome;
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    cursor::Cursor,
    error::ErrorAnswer,
    export::{self, Accepted, Format, Pages},
    kept::Source,
    openapi::{CallParameters, FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::Scope,
    reader::Reader,
};
use crate::receive::OUTCOMES;

const CALLS: &str = include_str!("../../queries/calls.sql");
const DEFAULT_LIMIT: u32 = 100;
/// Rows in one answer, and calls in one question to the store where the answer is a file.
pub(crate) const MAX_LIMIT: u32 = 1000;
/// Rows in one file.
pub(crate) const MAX_FILE: u32 = 100_000;
/// Seconds that are searched for calls at first.
const FIRST_SEARCH: i64 = 3600;
/// How many times as many are searched after that.
pub(crate) const SEARCH_GROWTH: i64 = 6;

/// Parameters that select calls by one of their texts.
pub(crate) const TEXT_FILTERS: [&str; 7] = ["target", "client", "version", "protocol", "user", "session", "chain"];
/// What `outcome` may be.
pub(crate) fn outcomes() -> [&'static str; OUTCOMES.len()] {
    OUTCOMES.map(Outcome::as_str)
}

pub(crate) const FAULTS: [&str; 5] = ["none", "server", "caller", "auth", "client_gone"];

/// One call, without its arguments and its result.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct Call {
    /// Unix time.
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
    /// Headers of the request that did not say what its body said, with commas between: `method`, `name`, `version`.
    header_mismatch: String,
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
    /// Empty where the call began its trace.
    parent_span_id: String,
    /// Whose call it is; empty where tenants are not told apart.
    tenant: String,
    /// How many calls this one stands for, where only a part of them is sampled.
    weight: u32,
    /// `to_server`, or `to_client` for what the server asked of the client.
    direction: String,
    /// What calls have in common that belong together without a session.
    chain: String,
    server_version: String,
    /// Process of the server.
    instance: String,
    resource_uri: String,
    /// Equal where the arguments are: 16 hexadecimal digits, or empty.
    args_hash: String,
    /// Names of the arguments that the tool's input schema refuses, with commas between.
    invalid_arguments: String,
    /// What is notable about the result, with commas between: `empty`, `error_text`, `identical`, `schema_mismatch`,
    /// `truncated`, `unread`.
    result_flags: String,
    /// Types of the result's content, with commas between, and the number where there are several of one: `image,text:3`.
    content_types: String,
    /// Until the first byte of the answer.
    first_byte_ms: Option<f64>,
    /// Part of the duration in which the server waited for somebody else.
    waited_ms: f64,
    /// Round of a call that takes several, from 1.
    attempt: u16,
    /// Progress notifications that the server sent.
    progress: u32,
    /// Tells definitions of the tool apart: 16 hexadecimal digits, or empty.
    definition_hash: String,
    definition_bytes: u32,
}

/// One page of calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with one page of the calls that pass all filters, newest first; as a file, with at most 100,000 of them.
#[utoipa::path(
    get,
    path = "/calls",
    params(ScopeParameters, CallParameters, FormatParameter),
    responses((status = OK, description = "One page of calls", body = Calls), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn calls(
    State(state): State<ApiState>,
    accepted: Accepted,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let format = accepted.or_taken(&mut parameters)?;
    let (default, most) = match format {
        Format::Json => (DEFAULT_LIMIT, MAX_LIMIT),
        Format::Csv | Format::Lines => (MAX_FILE, MAX_FILE),
    };
    let limit = parameters.take_number("limit", 1..=most)?.unwrap_or(default);
    let cursor = parameters.take_cursor::<Cursor>("cursor")?;
    let question = Question::take(&mut parameters)?;
    parameters.finish()?;
    let end = Cursor::at(question.scope.range.to);
    let cursor = cursor.filter(|cursor| *cursor < end).unwrap_or(end);
    if format != Format::Json {
        let pages = CallPages {
            reader: state.reader,
            question,
            cursor,
            left: limit,
        };
        return export::paged(format, "calls", pages).await;
    }
    let mut calls = question.page(&state.reader, &cursor, limit + 1).await?;
    let is_last_page = calls.len() <= limit as usize;
    calls.truncate(limit as usize);
    let next = calls
        .last()
        .filter(|_| !is_last_page)
        .map(|call| Cursor::after(call).to_string());
    Ok(Json(Calls { calls, next }).into_response())
}

/// Which calls are asked for.
struct Question {
    scope: Scope,
    outcome: String,
    fault: String,
    /// In the order of [`TEXT_FILTERS`], empty for any.
    texts: Vec<String>,
}

impl Question {
    fn take(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            scope: Scope::take(parameters, Source::Calls)?,
            outcome: parameters.take_word("outcome", &outcomes())?.unwrap_or_default(),
            fault: take_fault(parameters)?,
            texts: TEXT_FILTERS
                .iter()
                .map(|name| Ok(parameters.take(name)?.unwrap_or_default()))
                .collect::<Result<_, ApiError>>()?,
        })
    }

    /// At most `limit` calls that follow `cursor`, the newest first. The last hour is searched first, then six times as
    /// far back each time, so that calls of which there are many do not cost a month.
    async fn page(&self, reader: &Reader, cursor: &Cursor, limit: u32) -> Result<Vec<Call>, ApiError> {
        let (mut calls, mut before) = (Vec::new(), cursor.clone());
        let mut seconds = FIRST_SEARCH;
        let mut searched = self.scope.clone();
        loop {
            let oldest = self.scope.range.from;
            searched.range.from = oldest.max(before.time_us / 1_000_000 - seconds);
            let query = reader
                .query(CALLS, &searched)
                .param("outcome", &self.outcome)
                .param("fault", &self.fault)
                .param("before", before.time_us)
                .param("before_trace", &before.trace_id)
                .param("before_span", &before.span_id)
                .param("limit", limit - calls.len() as u32);
            let texts = TEXT_FILTERS.iter().zip(&self.texts);
            let query = texts.fold(query, |query, (name, text)| query.param(name, text));
            calls.extend(reader.rows::<Call>(query).await?);
            if calls.len() >= limit as usize || searched.range.from <= oldest {
                return Ok(calls);
            }
            before = Cursor::at(searched.range.from);
            seconds *= SEARCH_GROWTH;
        }
    }
}

/// The pages of a file.
struct CallPages {
    reader: Reader,
    question: Question,
    cursor: Cursor,
    left: u32,
}

impl Pages for CallPages {
    type Row = Call;

    async fn next(&mut self) -> Result<Vec<Call>, ApiError> {
        let limit = self.left.min(MAX_LIMIT);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let calls = self.question.page(&self.reader, &self.cursor, limit).await?;
        self.left -= calls.len() as u32;
        if let Some(last) = calls.last() {
            self.cursor = Cursor::after(last);
        }
        Ok(calls)
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
