//! From the bytes of a request to rows, on one thread: what a span costs the collector before the store sees it.

use std::io::{Read as _, Write as _};
use std::time::SystemTime;

use divan::Bencher;
use divan::counter::ItemsCount;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use toolsight_collector::receive::{Encoding, rows};

const SPANS: usize = 512;

fn main() {
    divan::main();
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A span as the middleware exports it.
fn span(index: usize) -> Span {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64);
    let tool = ["search", "fetch_page", "post_entry", "list_accounts"][index % 4];
    Span {
        trace_id: (index as u128 + 1).to_be_bytes().to_vec(),
        span_id: (index as u64 + 1).to_be_bytes().to_vec(),
        parent_span_id: (index as u64 + 2).to_be_bytes().to_vec(),
        name: format!("tools/call {tool}"),
        kind: 2,
        start_time_unix_nano: now,
        end_time_unix_nano: now + 12_345_678,
        attributes: vec![
            text("mcp.method.name", "tools/call"),
            text("gen_ai.tool.name", tool),
            text("gen_ai.operation.name", "execute_tool"),
            text("jsonrpc.request.id", index.to_string()),
            text("mcp.protocol.version", "2026-07-28"),
            text("mcp.client.name", "desk-agent"),
            text("mcp.client.version", "4.2.0"),
            text("mcp.server.name", "ledger"),
            text("mcp.server.version", "1.9.0"),
            text("network.transport", "tcp"),
            text("network.protocol.name", "http"),
            text("user.hash", format!("{index:032x}")),
            text("toolsight.outcome", "ok"),
            text("toolsight.fault", "none"),
            text("toolsight.transport", "streamable_http"),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute("toolsight.request.bytes", Value::IntValue(312)),
            attribute("toolsight.response.bytes", Value::IntValue(1874)),
        ],
        ..Span::default()
    }
}

fn request() -> ExportTraceServiceRequest {
    let attributes = vec![text("service.name", "ledger"), text("service.instance.id", "pod-1")];
    let resource = Some(Resource {
        attributes,
        ..Resource::default()
    });
    let spans = (0..SPANS).map(span).collect();
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource,
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

#[divan::bench]
fn protobuf(bencher: Bencher<'_, '_>) {
    let body = request().encode_to_vec();
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench(|| rows(&body, Encoding::Protobuf, SystemTime::now()));
}

#[divan::bench]
fn protobuf_in_gzip(bencher: Bencher<'_, '_>) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(&request().encode_to_vec())
        .expect("memory takes all bytes");
    let compressed = encoder.finish().expect("memory takes all bytes");
    bencher.counter(ItemsCount::new(SPANS)).bench(|| {
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(&compressed[..])
            .read_to_end(&mut body)
            .expect("the body is whole");
        rows(&body, Encoding::Protobuf, SystemTime::now())
    });
}

#[divan::bench]
fn json(bencher: Bencher<'_, '_>) {
    let body = serde_json::to_vec(&request()).expect("the request is JSON");
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench(|| rows(&body, Encoding::Json, SystemTime::now()));
}

/// The generated structs alone, for comparison: nothing is made of them.
#[divan::bench]
fn generated_structs_only(bencher: Bencher<'_, '_>) {
    let body = request().encode_to_vec();
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench(|| ExportTraceServiceRequest::decode(&body[..]));
}
