//! OTLP in, rows out.
//!
//! A request travels through here in one direction: `door` asks who sends it; `grpc` or `http` read its bytes, within
//! limits; `json` turns JSON into protobuf; `intake` checks it and hands it to the spool, as a whole or not at all. When
//! it is its turn there, `decode` finds the spans in place, and `normalise` makes rows of those that are calls of an MCP
//! server, by the table in `attributes`.
//!
//! Metrics and logs are accepted and not stored, so that an SDK which exports all three to one address works: `unstored`
//! counts them. Only what layers tell of themselves is read, by `layer`, and kept in [`crate::layers`].

mod attributes;
mod body;
mod decode;
pub(crate) mod door;
pub(crate) mod grpc;
pub(crate) mod http;
mod index;
pub(crate) mod intake;
mod json;
mod json_unstored;
mod layer;
mod normalise;
#[cfg(any(test, fuzzing))]
pub(crate) mod oracle;
mod outcome;
mod status;
#[cfg(test)]
mod survey_tests;
mod tally;
mod unstored;
#[cfg(test)]
mod unstored_tests;
mod values;
mod wire;

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

pub(crate) use outcome::OUTCOMES;
pub use tally::{Corrected, Ignored, Tally};

use crate::row::Row;

/// How the bytes of a request are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf` and gRPC.
    Protobuf,
    /// `application/json`, with identifiers in hexadecimal.
    Json,
}

/// The rows of one `ExportTraceServiceRequest`, and what became of its other spans.
///
/// `now` is the time of arrival; rows whose own time cannot be right get that one.
///
/// # Errors
/// When the request as a whole cannot be read; the text says why. Single spans that cannot be read are in the tally.
pub fn rows(body: &[u8], encoding: Encoding, now: SystemTime) -> Result<(Vec<Row<'static>>, Tally), String> {
    let mut rows = Vec::new();
    let tally = each_row(body, encoding, now, "", 0, |row| {
        rows.push(row.clone().into_owned());
        ControlFlow::Continue(())
    })?;
    Ok((rows, tally))
}

/// The request in protobuf, and how many of its spans become rows; nothing is made of them yet.
///
/// # Errors
/// As [`rows`].
pub(crate) fn survey(body: Bytes, encoding: Encoding) -> Result<(Bytes, Tally), String> {
    let mut tally = Tally::default();
    let body = match encoding {
        Encoding::Protobuf => body,
        Encoding::Json => json::to_protobuf(&body, &mut tally)
            .map_err(|error| format!("invalid JSON: {error}"))?
            .into(),
    };
    let is_call = |span: &decode::Span<'_>| normalise::ignored(span).is_none();
    let walked = decode::spans(&body, attributes::Attributes::deciding(), is_call, |_, span| {
        tally.spans += 1;
        match span {
            Ok(span) => {
                if let Some(reason) = normalise::ignored(span) {
                    tally.ignore(reason);
                }
            }
            Err(cause) => tally.reject(|| format!("invalid protobuf in a span: {cause}")),
        }
    });
    walked.map_err(|broken| broken.to_string())?;
    Ok((body, tally))
}

/// As [`rows`], but hands over each row as it is made, with texts that stand in the body, and without the first `skip`;
/// these, and those after a `Break`, are only counted. A `tenant` that is not empty is that of all rows.
///
/// # Errors
/// As [`rows`]; rows may have been handed over before.
pub fn each_row(
    body: &[u8],
    encoding: Encoding,
    now: SystemTime,
    tenant: &str,
    mut skip: u32,
    mut take: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<Tally, String> {
    let now = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as i64);
    let mut tally = Tally::default();
    let body = match encoding {
        Encoding::Protobuf => Cow::Borrowed(body),
        Encoding::Json => {
            Cow::Owned(json::to_protobuf(body, &mut tally).map_err(|error| format!("invalid JSON: {error}"))?)
        }
    };
    let request = normalise::Request::new(now, &body);
    // Else what is wrong with a request would be counted again with each part of it.
    let from_first = skip == 0;
    let mut enough = false;
    let all = |_: &decode::Span<'_>| false;
    let walked = decode::spans(&body, attributes::Attributes::default(), all, |resource, span| {
        tally.spans += 1;
        match span {
            _ if enough => {}
            Ok(span) if skip > 0 && normalise::ignored(span).is_none() => skip -= 1,
            Ok(span) => {
                if let Some(row) = &mut normalise::row(span, resource, &request, &mut tally) {
                    if !tenant.is_empty() {
                        row.tenant = tenant.into();
                    }
                    enough = take(row).is_break();
                }
            }
            Err(cause) => tally.reject(|| format!("invalid protobuf in a span: {cause}")),
        }
    });
    let left_out = walked.map_err(|broken| broken.to_string())?;
    if from_first {
        tally.correct_all(Corrected::Malformed, left_out);
    }
    Ok(tally)
}
