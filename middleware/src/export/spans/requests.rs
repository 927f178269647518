//! Spans that wait to be sent, as requests.

use std::collections::VecDeque;

use bytes::Bytes;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use prost::Message as _;

use super::Name;
use super::protobuf::{self, Field, field_len};
use crate::record::Record;

/// Of `ExportTraceServiceRequest`.
const RESOURCE_SPANS: Field = 1;
/// Of `ResourceSpans`.
const SCOPE_SPANS: Field = 2;
/// Of `ScopeSpans`.
const SPANS: Field = 2;

/// Receivers take 4 MiB and more. A span that is larger is a request of its own.
pub(super) const MOST_BYTES: usize = 2 * 1024 * 1024;

/// An `ExportTraceServiceRequest`, in two parts so that none is copied to put them together.
#[derive(Clone, Debug)]
pub(in crate::export) struct Request {
    /// Resource and scope.
    head: Bytes,
    spans: Bytes,
    pub(in crate::export) count: u64,
}

impl Request {
    pub(in crate::export) const fn len(&self) -> usize {
        self.head.len() + self.spans.len()
    }

    pub(in crate::export) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, &self.spans]
    }
}

/// Spans of a request to be.
#[derive(Debug)]
struct Spans {
    bytes: Vec<u8>,
    count: u64,
}

/// Writes records as spans, and spans as requests.
#[derive(Debug)]
pub(in crate::export) struct Requests {
    /// A `ResourceSpans` without its `ScopeSpans`.
    resource: Vec<u8>,
    /// A `ScopeSpans` without its spans.
    scope: Vec<u8>,
    waiting: VecDeque<Spans>,
    /// Of all that wait.
    count: usize,
    /// Bytes of the last request's spans: the next one's are as many, if there is much to do.
    usual: usize,
    /// Where a span and a part of it are written, as their length comes before them.
    span: Vec<u8>,
    part: Vec<u8>,
}

impl Requests {
    pub(in crate::export) fn new(resource: &Resource, scope: &InstrumentationScope) -> Self {
        let resource = group_spans_by_resource_and_scope(Vec::new(), &resource.into());
        let scope = ScopeSpans {
            scope: Some((scope, None).into()),
            spans: Vec::new(),
            schema_url: scope.schema_url().unwrap_or_default().to_owned(),
        };
        Self {
            resource: resource.iter().flat_map(ResourceSpans::encode_to_vec).collect(),
            scope: scope.encode_to_vec(),
            waiting: VecDeque::new(),
            count: 0,
            usual: 0,
            span: Vec::new(),
            part: Vec::new(),
        }
    }

    /// Spans that wait.
    pub(in crate::export) const fn count(&self) -> usize {
        self.count
    }

    pub(in crate::export) fn push(&mut self, record: &Record, name: Name, weight: u32) {
        self.span.clear();
        super::write(record, name, weight, &mut self.span, &mut self.part);
        let bytes = field_len(self.span.len());
        if self
            .waiting
            .back()
            .is_none_or(|last| last.bytes.len() + bytes > MOST_BYTES)
        {
            self.waiting.push_back(Spans {
                bytes: Vec::with_capacity(self.usual),
                count: 0,
            });
        }
        if let Some(last) = self.waiting.back_mut() {
            protobuf::bytes(&mut last.bytes, SPANS, &self.span);
            last.count += 1;
            self.count += 1;
        }
    }

    /// Takes the spans that have waited longest, as many as go into one request.
    pub(in crate::export) fn pop(&mut self) -> Option<Request> {
        let Spans { bytes, count } = self.waiting.pop_front()?;
        self.count -= count as usize;
        self.usual = bytes.len();
        let scope = self.scope.len() + bytes.len();
        let mut head = Vec::new();
        protobuf::head(&mut head, RESOURCE_SPANS, self.resource.len() + field_len(scope));
        head.extend_from_slice(&self.resource);
        protobuf::head(&mut head, SCOPE_SPANS, scope);
        head.extend_from_slice(&self.scope);
        Some(Request {
            head: head.into(),
            spans: bytes.into(),
            count,
        })
    }
}
