//! OTLP in JSON as OTLP in protobuf, so that there is one way from then on.
//!
//! Every span is read on its own: one that breaks a rule of the encoding (identifiers in hexadecimal, enumerations as
//! numbers) is rejected and leaves the others alone.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::tally::Tally;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestText<'a> {
    #[serde(borrow, default)]
    resource_spans: Option<Vec<ResourceSpansText<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpansText<'a> {
    #[serde(default)]
    resource: Option<Resource>,
    #[serde(borrow, default)]
    scope_spans: Option<Vec<ScopeSpansText<'a>>>,
}

#[derive(Deserialize)]
struct ScopeSpansText<'a> {
    #[serde(default)]
    scope: Option<InstrumentationScope>,
    #[serde(borrow, default)]
    spans: Option<Vec<&'a RawValue>>,
}

/// The same request in protobuf, without the spans that were rejected.
///
/// # Errors
/// When the text around the spans is not OTLP/JSON; the error names line and column.
pub(crate) fn to_protobuf(text: &[u8], tally: &mut Tally) -> serde_json::Result<Vec<u8>> {
    let request: RequestText<'_> = serde_json::from_slice(text)?;
    let resource_spans = request.resource_spans.into_iter().flatten().map(|group| ResourceSpans {
        resource: group.resource,
        scope_spans: group
            .scope_spans
            .into_iter()
            .flatten()
            .map(|scope| scope_spans(scope, tally))
            .collect(),
        schema_url: String::new(),
    });
    Ok(ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    }
    .encode_to_vec())
}

fn scope_spans(scope: ScopeSpansText<'_>, tally: &mut Tally) -> ScopeSpans {
    let mut spans = Vec::new();
    for text in scope.spans.iter().flatten() {
        match serde_json::from_str::<Span>(text.get()) {
            Ok(span) => spans.push(span),
            Err(error) => {
                tally.spans += 1;
                tally.reject(|| format!("invalid JSON in a span: {error}"));
            }
        }
    }
    ScopeSpans {
        scope: scope.scope,
        spans,
        ..ScopeSpans::default()
    }
}
