//! Random records, written here and by way of `SpanData`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use proptest::prelude::*;
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};

use super::Name;
use super::oracle::span;
use super::requests::{MOST_BYTES, Request, Requests};
use crate::capture::Captured;
use crate::identity::ClientAddress;
use crate::outcome::{Fault, Outcome};
use crate::record::tests::record;
use crate::record::{Chain, Detail, Direction, Mismatch, Peer, Record, Target, Text, Transport, User};
use crate::result_flags::Flags;
use crate::wire::{ContentTypes, Definition, Reader, Side};

/// What records are made of, from one seed.
struct Random(StdRng);

impl Random {
    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.0.random_range(0..values.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.0.random::<bool>().then(|| make(self))
    }

    /// Of lengths around those at which more bytes tell the length, too.
    fn long_text(&mut self, most: usize) -> String {
        let length = self.one_of(&[0, 1, 9, 23, 24, 120, 127, 128, 16_383, 16_384]).min(most);
        (0..length)
            .map(|_| self.one_of(&['a', 'z', ' ', '"', 'ä', '…']))
            .collect()
    }

    fn text(&mut self) -> Text {
        self.long_text(256).into()
    }

    fn peer(&mut self) -> Peer {
        Peer {
            name: self.text(),
            version: self.text(),
        }
    }

    /// Numbers of every length.
    fn number(&mut self) -> u64 {
        self.0.random::<u64>() >> self.0.random_range(0..64)
    }

    fn context(&mut self) -> SpanContext {
        let states = ["", "a=1", "a=1,b=2"].map(|state| state.parse::<TraceState>().unwrap());
        let state = self.0.random_range(0..states.len());
        SpanContext::new(
            TraceId::from_bytes(self.0.random()),
            SpanId::from_bytes(self.0.random()),
            TraceFlags::new(self.0.random()),
            self.0.random(),
            states[state].clone(),
        )
    }

    fn content_types(&mut self) -> ContentTypes {
        let content = self.one_of(&[
            "",
            r#"{"type":"text"}"#,
            r#"{"type":"text"},{"type":"image"},{"type":"text"}"#,
        ]);
        let mut reader = Reader::new(Side::Answer);
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{content}]}}}}"#);
        reader.finish();
        let message = reader.read(&mut answer.as_bytes()).unwrap();
        message.result.as_ref().unwrap().content.types
    }

    fn captured(&mut self) -> Arc<Captured> {
        let mut captured = Captured::default();
        captured.arguments = self.maybe(|this| this.long_text(20_000).into());
        captured.result = self.maybe(|this| this.long_text(20_000).into());
        Arc::new(captured)
    }

    fn detail(&mut self) -> Detail {
        Detail {
            chain: match self.0.random_range(0..3) {
                0 => None,
                1 => Some(Chain::Hash(self.number())),
                _ => Some(Chain::Trace(TraceId::from_bytes(self.0.random()))),
            },
            arguments_hash: self.maybe(Self::number),
            invalid_arguments: self.text(),
            flags: Flags {
                empty: self.0.random(),
                error_text: self.0.random(),
                identical: self.0.random(),
                schema_mismatch: self.0.random(),
                truncated: self.0.random(),
                unread: self.0.random(),
            },
            content_types: self.content_types(),
            definition: self.maybe(|this| Definition {
                hash: this.number(),
                bytes: this.number(),
            }),
            captured: self.maybe(Self::captured),
        }
    }

    fn record(&mut self) -> Record {
        use Outcome::*;
        Record {
            direction: self.one_of(&[Direction::ToServer, Direction::ToClient]),
            start: SystemTime::UNIX_EPOCH + Duration::from_nanos(self.number() >> 2),
            duration: Duration::from_nanos(self.number() >> 2),
            first_byte: self.maybe(|this| Duration::from_nanos(this.number())),
            method: self.text(),
            request_id: self.maybe(Self::text),
            target: match self.0.random_range(0..4) {
                0 => Target::None,
                1 => Target::Tool(self.text()),
                2 => Target::Prompt(self.text()),
                _ => Target::Resource(self.text()),
            },
            outcome: self.one_of(&[
                Ok,
                ToolError,
                UnknownTool,
                InvalidArguments,
                ProtocolError,
                InternalError,
                HttpError,
                Unauthorized,
                RateLimited,
                Timeout,
                Cancelled,
                Abandoned,
                InputRequired,
                Deferred,
                Probe,
            ]),
            fault: self.one_of(&[
                Fault::None,
                Fault::Server,
                Fault::Caller,
                Fault::Auth,
                Fault::ClientGone,
            ]),
            code: self.maybe(|this| match this.0.random_range(0..2) {
                0 => this.one_of(&[-32602, -32603, -32021, -32000, 0, 1]),
                _ => this.0.random(),
            }),
            message: self.maybe(Self::text),
            http_status: self.maybe(|this| this.0.random()),
            client: self.peer(),
            client_bridge: self.maybe(Self::text),
            server: self.peer(),
            protocol_version: self.maybe(Self::text),
            transport: self.one_of(&[Transport::Stdio, Transport::StreamableHttp, Transport::Sse]),
            http_version: self.one_of(&[None, Some("1.1"), Some("2"), Some("3")]),
            session_id: self.maybe(Self::text),
            user: match self.0.random_range(0..3) {
                0 => None,
                1 => Some(User::Plain(self.text())),
                _ => Some(User::Hashed(self.text())),
            },
            tenant: self.maybe(Self::text),
            client_address: self.maybe(|this| {
                let address = this
                    .one_of(&["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
                    .parse::<IpAddr>()
                    .unwrap();
                let with_port = ClientAddress::from(SocketAddr::from((address, this.0.random())));
                this.one_of(&[ClientAddress::from(address), with_port]).into()
            }),
            request_bytes: self.number(),
            response_bytes: self.number(),
            attempt: self.0.random(),
            waited: self
                .maybe(|this| Duration::from_nanos(this.number()))
                .unwrap_or_default(),
            progress: self.one_of(&[0, 1, u32::MAX]),
            mismatch: Mismatch {
                method: self.0.random(),
                name: self.0.random(),
                param: self.0.random(),
                version: self.0.random(),
            },
            detail: self.detail(),
            span: self.context(),
            parent: self
                .maybe(|this| SpanId::from_bytes(this.0.random()))
                .unwrap_or(SpanId::INVALID),
            parent_is_remote: self.0.random(),
            link: self.maybe(Self::context),
        }
    }
}

fn decode(request: &Request) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(&*request.parts().concat()).unwrap()
}

proptest! {
    #[test]
    fn a_request_is_what_opentelemetry_makes_of_its_spans(seed in any::<u64>(), count in 1_usize..8) {
        let mut random = Random(StdRng::seed_from_u64(seed));
        let name = random.long_text(20_000);
        let resource = Resource::builder_empty().with_attribute(KeyValue::new("service.name", name));
        let resource = resource.with_schema_url([], "https://a.test/resource").build();
        let scope = InstrumentationScope::builder("toolsight").with_version("1").with_schema_url("https://a.test/scope").build();
        let mut requests = Requests::new(&resource, &scope);
        let mut spans = Vec::new();
        for _ in 0..count {
            let (record, weight) = (random.record(), random.one_of(&[1, 2, 10_000]));
            let name = Name { method: random.one_of(&["tools/call", "_OTHER"]), target_is_known: random.0.random() };
            requests.push(&record, name, weight);
            spans.push(span(&record, name, weight, &scope));
        }
        let resource_spans = group_spans_by_resource_and_scope(spans, &(&resource).into());
        let request = requests.pop().unwrap();
        prop_assert_eq!(request.count, count as u64);
        prop_assert_eq!(request.parts().concat().len(), request.len());
        prop_assert_eq!(decode(&request), ExportTraceServiceRequest { resource_spans });
        prop_assert!(requests.pop().is_none());
    }
}

#[test]
fn a_request_is_no_larger_than_receivers_take_unless_one_span_is() {
    let scope = InstrumentationScope::builder("toolsight").build();
    let mut requests = Requests::new(&Resource::builder_empty().build(), &scope);
    let sizes = [10, MOST_BYTES / 2, MOST_BYTES / 2, MOST_BYTES + 1, 10, 10];
    for bytes in sizes {
        let mut captured = Captured::default();
        captured.result = Some("x".repeat(bytes).into());
        let mut large = record();
        large.detail.captured = Some(Arc::new(captured));
        let name = Name {
            method: "tools/call",
            target_is_known: true,
        };
        requests.push(&large, name, 1);
    }
    assert_eq!(requests.count(), sizes.len());
    let counts: Vec<_> = std::iter::from_fn(|| requests.pop())
        .map(|request| {
            let spans = &decode(&request).resource_spans[0].scope_spans[0].spans;
            assert_eq!(spans.len() as u64, request.count);
            request.count
        })
        .collect();
    assert_eq!((counts, requests.count()), (vec![2, 1, 1, 2], 0));
}
