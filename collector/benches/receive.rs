//! From the bytes of requests to what is sent to the store, on one thread: what a call costs the collector.
//!
//! One iteration is a batch as it is inserted: 100 requests of 512 spans of 490 bytes each.

#![expect(clippy::unwrap_used, reason = "a bench ends where something is wrong")]

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use clickhouse::Compression;
use clickhouse::insert_formatted::CompressedData;
use divan::Bencher;
use divan::counter::ItemsCount;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use toolsight_collector::receive::{Encoding, each_row};
use toolsight_collector::row::Row;
use toolsight_collector::store::Block;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 100;
const SPANS: usize = 512;

/// The requests of one batch.
static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let bodies: Vec<_> = (0..REQUESTS).map(|_| request().encode_to_vec()).collect();
    let bytes = bodies.iter().map(Vec::len).sum::<usize>() / (REQUESTS * SPANS);
    assert!((485..=495).contains(&bytes), "a span has {bytes} bytes");
    bodies
});

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

/// A span as the middleware exports it; two in a hundred have failed.
fn span(index: usize) -> Span {
    let any = rand::random::<u64>();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let tool = ["search", "fetch_page", "post_entry", "list_accounts"][any as usize % 4];
    let failed = any.is_multiple_of(50);
    Span {
        trace_id: rand::random::<[u8; 16]>().to_vec(),
        span_id: rand::random::<[u8; 8]>().to_vec(),
        parent_span_id: rand::random::<[u8; 8]>().to_vec(),
        name: format!("tools/call {tool}"),
        kind: 2,
        start_time_unix_nano: now + 1000 * index as u64,
        end_time_unix_nano: now + 1000 * index as u64 + 1_000_000 + (any >> 20) % 100_000_000,
        attributes: vec![
            text("mcp.method.name", "tools/call"),
            text("gen_ai.tool.name", tool),
            text("jsonrpc.request.id", index.to_string()),
            text("mcp.protocol.version", "2026-07-28"),
            text("mcp.client.name", ["desk-agent", "ide-plugin"][(any >> 8) as usize % 2]),
            text("mcp.client.version", format!("4.{}.0", (any >> 16) % 3)),
            text("network.transport", "tcp"),
            text("user.hash", format!("{:016x}", (any >> 24) % 500)),
            text("toolsight.outcome", if failed { "tool_error" } else { "ok" }),
            text("toolsight.fault", if failed { "server" } else { "none" }),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute(
                "toolsight.request.bytes",
                Value::IntValue(200 + (any >> 30) as i64 % 500),
            ),
            attribute(
                "toolsight.response.bytes",
                Value::IntValue(300 + (any >> 40) as i64 % 20_000),
            ),
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

fn all_rows(bodies: &[Vec<u8>], encoding: Encoding, mut take: impl FnMut(&Row<'_>)) {
    for body in bodies {
        let tally = each_row(body, encoding, SystemTime::now(), "", 0, |row| {
            take(row);
            ControlFlow::Continue(())
        });
        assert_eq!(tally.unwrap().spans, SPANS as u64);
    }
}

fn block() -> Block {
    let mut block = Block::default();
    all_rows(&BODIES, Encoding::Protobuf, |row| block.push(row));
    block
}

fn compressed(block: &Block) {
    let mut frames = block.frames();
    while let Some(frame) = frames.next_frame() {
        black_box(CompressedData::new(frame, Compression::Lz4).unwrap());
    }
}

fn bench(bencher: Bencher<'_, '_>, batch: impl Fn() + Sync) {
    LazyLock::force(&BODIES);
    bencher.counter(ItemsCount::new(REQUESTS * SPANS)).bench(batch);
}

#[divan::bench]
fn a_rows(bencher: Bencher<'_, '_>) {
    bench(bencher, || {
        all_rows(&BODIES, Encoding::Protobuf, |row| _ = black_box(row));
    });
}

#[divan::bench]
fn b_rows_columns(bencher: Bencher<'_, '_>) {
    bench(bencher, || drop(black_box(block())));
}

#[divan::bench]
fn c_rows_columns_lz4(bencher: Bencher<'_, '_>) {
    bench(bencher, || compressed(&block()));
}

#[divan::bench]
fn d_lz4_alone(bencher: Bencher<'_, '_>) {
    let block = block();
    bench(bencher, || compressed(&block));
}

/// The generated structs, for comparison: nothing is made of them.
#[divan::bench]
fn e_generated_structs_alone(bencher: Bencher<'_, '_>) {
    bench(bencher, || {
        for body in BODIES.iter() {
            drop(black_box(ExportTraceServiceRequest::decode(&body[..])));
        }
    });
}

#[divan::bench]
fn f_rows_from_gzip(bencher: Bencher<'_, '_>) {
    let zip = |body: &Vec<u8>| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let zipped: Vec<_> = BODIES.iter().map(zip).collect();
    bench(bencher, || {
        for zipped in &zipped {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(&zipped[..])
                .read_to_end(&mut body)
                .unwrap();
            all_rows(&[body], Encoding::Protobuf, |row| _ = black_box(row));
        }
    });
}

#[divan::bench]
fn g_rows_from_json(bencher: Bencher<'_, '_>) {
    let json = |_| serde_json::to_vec(&request()).unwrap();
    let bodies: Vec<_> = (0..REQUESTS).map(json).collect();
    bench(bencher, || {
        all_rows(&bodies, Encoding::Json, |row| _ = black_box(row));
    });
}
