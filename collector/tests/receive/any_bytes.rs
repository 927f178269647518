//! Whatever comes, nothing panics, and one bad span never loses another.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::prelude::*;
use prost::Message as _;
use toolsight_collector::receive::{Corrected, Encoding, Ignored, Tally, rows};
use toolsight_collector::row::Row;
use toolsight_collector::store::Block;

use crate::support::{attribute, call, native, now, request, targets, text};

/// A length-delimited field.
pub(crate) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// Spans that became no row though they can be read.
pub(crate) fn ignored(tally: &Tally) -> u64 {
    [Ignored::Client, Ignored::NotMcp, Ignored::NotServer]
        .into_iter()
        .map(|reason| tally.ignored(reason))
        .sum()
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        // Quarters are read from JSON to the last bit.
        any::<i32>().prop_map(|quarters| Value::DoubleValue(f64::from(quarters) / 4.0)),
        any::<Vec<u8>>().prop_map(Value::BytesValue),
        any::<String>().prop_map(|text| {
            let value = Some(AnyValue {
                value: Some(Value::StringValue(text)),
            });
            Value::ArrayValue(ArrayValue {
                values: value.into_iter().collect(),
            })
        }),
    ]
}

const NAMES: [&str; 9] = [
    "mcp.method.name",
    "gen_ai.tool.name",
    "error.type",
    "rpc.response.status_code",
    "http.response.status_code",
    "toolsight.weight",
    "toolsight.outcome",
    "jsonrpc.request.id",
    "app.key",
];

prop_compose! {
    fn any_span()(
        ids in any::<(Vec<u8>, [u8; 8], Vec<u8>)>(),
        name in any::<String>(),
        kind in -1..9,
        times in any::<(u64, u64)>(),
        near in any::<bool>(),
        status in any::<(String, i32)>(),
        attributes in prop::collection::vec((prop::sample::select(&NAMES[..]), any_value()), 0..12),
    ) -> Span {
        let (start, end) = if near { (now(), now() + times.0 % 1_000_000_000) } else { times };
        Span {
            trace_id: ids.0,
            span_id: ids.1.to_vec(),
            parent_span_id: ids.2,
            name,
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            status: Some(Status { message: status.0, code: status.1 }),
            attributes: attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
            ..Span::default()
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = rows(&bytes, Encoding::Protobuf, SystemTime::now());
        let _ = rows(&bytes, Encoding::Json, SystemTime::now());
    }

    #[test]
    fn a_request_with_any_bytes_changed_is_rows_or_an_error(
        spans in prop::collection::vec(any_span(), 0..4),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..6),
    ) {
        let sent = request(spans);
        for (mut bytes, encoding) in
            [(sent.encode_to_vec(), Encoding::Protobuf), (serde_json::to_vec(&sent).unwrap(), Encoding::Json)]
        {
            for (index, byte) in &changes {
                let index = index.index(bytes.len());
                bytes[index] = *byte;
            }
            let _ = rows(&bytes, encoding, SystemTime::now());
        }
    }

    #[test]
    fn any_bytes_as_a_span_leave_its_neighbours_alone(bytes in any::<Vec<u8>>()) {
        let scope = [field(2, &call("before").encode_to_vec()), field(2, &bytes), field(2, &call("after").encode_to_vec())];
        let body = field(1, &field(2, &scope.concat()));
        let (rows, tally) = rows(&body, Encoding::Protobuf, SystemTime::now()).unwrap();
        prop_assert_eq!(tally.spans, 3);
        let targets = targets(&rows);
        prop_assert_eq!((targets.first(), targets.last()), (Some(&"before"), Some(&"after")));
    }

    #[test]
    fn any_span_leaves_its_neighbours_alone_and_is_accounted_for(span in any_span()) {
        let sent = request(vec![call("before"), span, call("after")]);
        let (rows, tally) = rows(&sent.encode_to_vec(), Encoding::Protobuf, SystemTime::now()).unwrap();
        prop_assert_eq!(tally.spans, rows.len() as u64 + ignored(&tally) + tally.rejected);
        prop_assert!(rows.len() >= 2);
        prop_assert!(rows.iter().all(|row| row.weight >= 1 && row.target.len() <= 256));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64;
        let days = 31 * 24 * 3600 * 1_000_000;
        prop_assert!(rows.iter().all(|row| (now - days..now + days / 31).contains(&row.time)));
    }

    #[test]
    fn any_json_as_a_span_leaves_its_neighbours_alone(name in any::<String>(), span in any_span(), number in any::<i64>()) {
        let good = |tool| serde_json::to_string(&call(tool)).unwrap();
        let name = serde_json::to_string(&name).unwrap();
        for bad in [
            name.clone(),
            number.to_string(),
            "null".to_owned(),
            format!("{{{name}: {number}}}"),
            format!("{{\"kind\": {name}}}"),
            format!("{{\"attributes\": [{{\"key\": {number}}}]}}"),
            serde_json::to_string(&span).unwrap(),
        ] {
            let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{},{bad},{}]}}]}}]}}"#, good("before"), good("after"));
            let (rows, tally) = rows(body.as_bytes(), Encoding::Json, SystemTime::now()).unwrap();
            prop_assert_eq!(tally.spans, 3);
            let targets = targets(&rows);
            prop_assert_eq!((targets.first(), targets.last()), (Some(&"before"), Some(&"after")));
        }
    }

    #[test]
    fn protobuf_and_json_of_any_spans_become_the_same_rows(mut spans in prop::collection::vec(any_span(), 0..4)) {
        for span in &mut spans {
            // Those that cannot be used follow from the body, which is not the same.
            (span.trace_id, span.span_id) = (vec![1; 16], vec![2; 8]);
        }
        let sent = request(spans);
        let at = SystemTime::now();
        let protobuf = rows(&sent.encode_to_vec(), Encoding::Protobuf, at).unwrap();
        let json = rows(&serde_json::to_vec(&sent).unwrap(), Encoding::Json, at).unwrap();
        prop_assert_eq!(protobuf, json);
    }
}

/// Rows of which those without an id of their own are equal.
fn without_made_ids(rows: Vec<Row<'static>>) -> Vec<Row<'static>> {
    let without = |row| Row {
        trace_id: [0; 16],
        span_id: [0; 8],
        ..row
    };
    rows.into_iter().map(without).collect()
}

proptest! {
    #[test]
    fn what_the_generated_code_reads_becomes_the_same_rows_as_what_it_writes_of_it(
        spans in prop::collection::vec(any_span(), 0..4),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..3),
    ) {
        let mut bytes = request(spans).encode_to_vec();
        for (index, byte) in &changes {
            let index = index.index(bytes.len());
            bytes[index] = *byte;
        }
        let at = SystemTime::now();
        if let (Ok(read), Ok((found, tally))) =
            (ExportTraceServiceRequest::decode(&bytes[..]), rows(&bytes, Encoding::Protobuf, at))
            // Groups, which only the generated code skips, and only where they are closed.
            && tally.rejected == 0
            && tally.corrected(Corrected::Malformed) == 0
        {
            let (expected, expected_tally) = rows(&read.encode_to_vec(), Encoding::Protobuf, at).unwrap();
            prop_assert_eq!(without_made_ids(found), without_made_ids(expected));
            prop_assert_eq!(tally, expected_tally);
        }
    }

    #[test]
    fn a_block_has_the_rows_that_were_put_into_it(spans in prop::collection::vec(any_span(), 0..20)) {
        let (rows, _) = rows(&request(spans).encode_to_vec(), Encoding::Protobuf, SystemTime::now()).unwrap();
        let block: Block = rows.iter().collect();
        prop_assert_eq!(block.rows(), rows.len());
        prop_assert_eq!(native::rows(&block), rows);
    }
}

#[test]
fn a_resource_that_stands_behind_its_spans_still_describes_them() {
    let resource = opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: vec![text("service.name", "ledger")],
        ..Default::default()
    };
    let spans = field(2, &field(2, &call("add").encode_to_vec()));
    let body = field(1, &[spans, field(1, &resource.encode_to_vec())].concat());
    let (rows, _) = rows(&body, Encoding::Protobuf, SystemTime::now()).unwrap();
    assert_eq!(rows[0].server, "ledger");
}
