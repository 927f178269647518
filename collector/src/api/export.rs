//! Lists as files: CSV for tables, one JSON object a line for programs.

use std::collections::VecDeque;
use std::fmt;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{ApiError, parameters::Parameters};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object with all of it.
    Json,
    /// A line of names, then one line for each row.
    Csv,
    /// One JSON object on each line.
    Lines,
}

/// Names that the parameter `format` takes.
pub(crate) const FORMATS: [&str; 3] = ["json", "csv", "ndjson"];

/// The format that the header `accept` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted(Format);

impl<S: Sync> FromRequestParts<S> for Accepted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let accepted = parts.headers.get_all(ACCEPT).iter();
        let kinds = accepted.filter_map(|kinds| kinds.to_str().ok());
        let mut kinds = kinds.flat_map(|kinds| kinds.split([',', ';'])).map(str::trim);
        let format = kinds.find_map(|kind| match kind {
            "application/json" => Some(Format::Json),
            "text/csv" => Some(Format::Csv),
            "application/x-ndjson" => Some(Format::Lines),
            _ => None,
        });
        Ok(Self(format.unwrap_or(Format::Json)))
    }
}

impl Accepted {
    /// What the parameter `format` says, or else the header.
    ///
    /// # Errors
    /// If the parameter is another word.
    pub(crate) fn or_taken(self, parameters: &mut Parameters) -> Result<Format, ApiError> {
        let format = parameters.take_word("format", &FORMATS)?;
        Ok(match format.as_deref() {
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some("ndjson") => Format::Lines,
            _ => self.0,
        })
    }
}

/// What a list that is read page by page goes on with: its next page, empty at the end.
pub(crate) trait Pages: Send + 'static {
    /// What the rows are.
    type Row: Serialize + Default + Send;

    /// The page after the last one that was asked for.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Self::Row>, ApiError>> + Send;
}

/// A long list as a file, of which one page at a time is in memory. An error after the first page breaks the answer
/// off, so that nobody takes it for whole.
///
/// # Errors
/// If the first page cannot be had.
pub(crate) async fn paged<P: Pages>(format: Format, name: &str, mut pages: P) -> Result<Response, ApiError> {
    let mut first = head::<P::Row>(format)?;
    let rows = pages.next().await?;
    let is_over = rows.is_empty();
    write(format, &rows, &mut first)?;
    let state = (VecDeque::from([first]), (!is_over).then_some(pages));
    let chunks = stream::try_unfold(state, move |(mut ready, pages)| async move {
        if let Some(chunk) = ready.pop_front() {
            return Ok(Some((Bytes::from(chunk), (ready, pages))));
        }
        let Some(mut pages) = pages else {
            return Ok(None);
        };
        let rows = pages.next().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut chunk = Vec::new();
        write(format, &rows, &mut chunk)?;
        Ok::<_, ApiError>(Some((Bytes::from(chunk), (ready, Some(pages)))))
    });
    Ok(file(format, name, Body::from_stream(chunks)))
}

fn file(format: Format, name: &str, body: Body) -> Response {
    let (kind, ending) = match format {
        Format::Json => ("application/json", "json"),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        Format::Lines => ("application/x-ndjson", "ndjson"),
    };
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    (headers, body).into_response()
}

/// The names of the columns, which a list without rows has too.
fn head<T: Serialize + Default>(format: Format) -> Result<Vec<u8>, ApiError> {
    if format != Format::Csv {
        return Ok(Vec::new());
    }
    let Fields(fields) = fields(&T::default())?;
    csv_line(fields.into_iter().map(|(name, _)| name))
}

fn write<T: Serialize>(format: Format, rows: &[T], text: &mut Vec<u8>) -> Result<(), ApiError> {
    for row in rows {
        if format == Format::Csv {
            let Fields(fields) = fields(row)?;
            text.extend(csv_line(fields.into_iter().map(|(_, value)| cell(value)))?);
        } else {
            serde_json::to_writer(&mut *text, row).map_err(failed)?;
            text.push(b'\n');
        }
    }
    Ok(())
}

fn csv_line(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(cells).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

/// A value as a cell. A text that a spreadsheet would take for a formula gets an apostrophe in front: tools, clients
/// and messages are named by strangers.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => format!("'{text}"),
        Value::String(text) => text,
        value => value.to_string(),
    }
}

fn failed(error: impl fmt::Display) -> ApiError {
    tracing::error!(%error, "a row could not be written");
    ApiError::Internal
}

/// The fields of a row in the order in which they are written.
struct Fields(Vec<(String, Value)>);

fn fields(row: &impl Serialize) -> Result<Fields, ApiError> {
    let text = serde_json::to_string(row).map_err(failed)?;
    serde_json::from_str(&text).map_err(failed)
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_looks_like_a_formula_is_not_one_in_a_spreadsheet() {
        for (value, expected) in [
            (json!("=HYPERLINK(\"http://evil\")"), "'=HYPERLINK(\"http://evil\")"),
            (json!("+1"), "'+1"),
            (json!("-1"), "'-1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("\t=1"), "'\t=1"),
            (json!("read"), "read"),
            (json!(""), ""),
            (json!(-1.5), "-1.5"),
            (json!(null), ""),
            (json!([{"tool": "a"}]), "[{\"tool\":\"a\"}]"),
        ] {
            assert_eq!(cell(value.clone()), expected, "{value}");
        }
    }
}
