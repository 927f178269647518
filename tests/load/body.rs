//! Requests that are encoded once and then only patched: fresh ids and times are written over those of a template.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut as _, Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};

/// Bytes that stand for an id or a time until they are patched; no text of a span has them.
const TRACE_ID: [u8; 16] = [0xf5; 16];
const SPAN_ID: [u8; 8] = [0xf6; 8];
const START: u64 = 0xf7f7_f7f7_f7f7_f7f7;
const END: u64 = 0xf8f8_f8f8_f8f8_f8f8;

/// Where the bytes of one span stand that differ in each request.
#[derive(Clone, Debug)]
struct Places {
    trace_id: usize,
    span_id: usize,
    start: usize,
    end: usize,
    duration: u64,
}

/// One `ExportTraceServiceRequest` of realistic spans, about 490 bytes each.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    spans: Vec<Places>,
    random: SmallRng,
}

impl Template {
    /// A request of `count` spans; `framed` puts gRPC's five bytes in front.
    pub(crate) fn new(count: usize, framed: bool) -> Self {
        let mut random = SmallRng::from_os_rng();
        let spans: Vec<_> = (0..count).map(|index| span(index, &mut random)).collect();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![text("service.name", "ledger"), text("service.instance.id", "pod-1")],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        let mut bytes = Vec::new();
        if framed {
            bytes.put_u8(0);
            bytes.put_u32(u32::try_from(request.encoded_len()).expect("a request is smaller than 4 GiB"));
        }
        request.encode(&mut bytes).expect("a vector takes all bytes");
        let spans = places(&bytes, &mut random);
        assert_eq!(spans.len(), count, "each span has its places");
        Self { bytes, spans, random }
    }

    /// The request with ids that were never sent before, and spans that end now.
    pub(crate) fn fresh(&mut self) -> Bytes {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        let mut bytes = BytesMut::from(&self.bytes[..]);
        for span in &self.spans {
            self.random.fill_bytes(&mut bytes[span.trace_id..][..16]);
            self.random.fill_bytes(&mut bytes[span.span_id..][..8]);
            bytes[span.start..][..8].copy_from_slice(&(now - span.duration).to_le_bytes());
            bytes[span.end..][..8].copy_from_slice(&now.to_le_bytes());
        }
        bytes.freeze()
    }

    pub(crate) fn spans(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

fn places(bytes: &[u8], random: &mut SmallRng) -> Vec<Places> {
    let all = |mark: &[u8]| -> Vec<usize> {
        let windows = bytes.windows(mark.len()).enumerate();
        windows
            .filter(|(_, window)| *window == mark)
            .map(|(place, _)| place)
            .collect()
    };
    let ids = all(&TRACE_ID).into_iter().zip(all(&SPAN_ID));
    let times = all(&START.to_le_bytes()).into_iter().zip(all(&END.to_le_bytes()));
    let place = |((trace_id, span_id), (start, end))| Places {
        trace_id,
        span_id,
        start,
        end,
        duration: random.random_range(1_000_000..200_000_000),
    };
    ids.zip(times).map(place).collect()
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
fn span(index: usize, random: &mut SmallRng) -> Span {
    let tool = ["search", "fetch_page", "post_entry", "list_accounts"][random.random_range(0..4)];
    let failed = random.random_bool(0.02);
    Span {
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        parent_span_id: random.random::<[u8; 8]>().to_vec(),
        name: format!("tools/call {tool}"),
        kind: 2,
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        attributes: vec![
            text("mcp.method.name", "tools/call"),
            text("gen_ai.tool.name", tool),
            text("jsonrpc.request.id", index.to_string()),
            text("mcp.protocol.version", "2026-07-28"),
            text(
                "mcp.client.name",
                ["desk-agent", "ide-plugin"][random.random_range(0..2)],
            ),
            text("mcp.client.version", format!("4.{}.0", random.random_range(0..3))),
            text("network.transport", "tcp"),
            text("user.hash", format!("{:016x}", random.random_range(0..500))),
            text("toolsight.outcome", if failed { "tool_error" } else { "ok" }),
            text("toolsight.fault", if failed { "server" } else { "none" }),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute(
                "toolsight.request.bytes",
                Value::IntValue(random.random_range(200..700)),
            ),
            attribute(
                "toolsight.response.bytes",
                Value::IntValue(random.random_range(300..20_000)),
            ),
        ],
        ..Span::default()
    }
}
