mod columns;
mod limits;

use super::{Request, SECOND, row};
use crate::receive::attributes::{Attributes, Value};
use crate::receive::decode::Span;
use crate::receive::tally::Tally;
use crate::row::Row;

const NOW: i64 = 1_800_000_000 * SECOND;

fn text(value: &str) -> Value<'_> {
    Value::Text(value.as_bytes())
}

fn attributes<'a>(values: &[(&str, Value<'a>)]) -> Attributes<'a> {
    let mut attributes = Attributes::default();
    for (name, value) in values {
        attributes.offer(name.as_bytes(), *value);
    }
    attributes
}

/// A server span of a `tools/call` that took 1 ms, with these attributes besides.
fn call<'a>(values: &[(&str, Value<'a>)]) -> Span<'a> {
    let mut all = vec![("mcp.method.name", Value::Text(b"tools/call"))];
    all.extend_from_slice(values);
    let start = NOW.unsigned_abs() * 1000;
    Span {
        trace_id: &[1; 16],
        span_id: &[2; 8],
        kind: 2,
        start,
        end: start + 1_000_000,
        attributes: attributes(&all),
        ..Span::default()
    }
}

fn normalised<'a>(span: &Span<'a>, resource: &Attributes<'a>) -> (Row<'a>, Tally) {
    let mut tally = Tally::default();
    let row = row(span, resource, &Request::new(NOW, &[]), &mut tally).expect("a server span becomes a row");
    (row, tally)
}
