//! OTLP in JSON as OTLP in protobuf, so that there is one way from then on.
//!
//! Every span is read on its own: one that breaks a rule of the encoding (identifiers in hexadecimal, enumerations as
//! numbers) is rejected and leaves the others alone. An attribute that does costs only itself.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::tally::{Corrected, Tally};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestText<'a> {
    #[serde(borrow, default)]
    resource_spans: Option<Vec<ResourceSpansText<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpansText<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    scope_spans: Option<Vec<ScopeSpansText<'a>>>,
}

#[derive(Deserialize)]
struct ScopeSpansText<'a> {
    #[serde(borrow, default)]
    scope: Option<&'a RawValue>,
    #[serde(borrow, default)]
    spans: Option<Vec<&'a RawValue>>,
}

/// The same request in protobuf, without the spans that were rejected.
///
/// # Errors
/// When the text around the spans is not OTLP/JSON; the error names line and column.
pub(crate) fn to_protobuf(text: &[u8], tally: &mut Tally) -> serde_json::Result<Vec<u8>> {
    let request: RequestText<'_> = serde_json::from_slice(text)?;
    let groups = request.resource_spans.into_iter().flatten();
    Ok(ExportTraceServiceRequest {
        resource_spans: groups.map(|group| resource_spans(group, tally)).collect(),
    }
    .encode_to_vec())
}

fn resource_spans(group: ResourceSpansText<'_>, tally: &mut Tally) -> ResourceSpans {
    let resource = read_part::<Resource>(group.resource, tally);
    let scopes = group.scope_spans.into_iter().flatten();
    ResourceSpans {
        scope_spans: scopes
            .map(|scope| scope_spans(&scope, resource.as_ref().err(), tally))
            .collect(),
        resource: resource.unwrap_or_default(),
        schema_url: String::new(),
    }
}

/// The spans of a scope, none of them where the `resource` cannot be read: nobody knows whose they are then.
fn scope_spans(scope: &ScopeSpansText<'_>, resource: Option<&serde_json::Error>, tally: &mut Tally) -> ScopeSpans {
    let read_scope = read_part::<InstrumentationScope>(scope.scope, tally);
    let around = resource
        .map(|error| ("resource", error))
        .or_else(|| Some(("scope", read_scope.as_ref().err()?)));
    let mut spans = Vec::new();
    for text in scope.spans.iter().flatten() {
        let span = match around {
            Some((what, error)) => Err(format!("invalid JSON in a {what}: {error}")),
            None => read::<Span>(text.get(), tally).map_err(|error| format!("invalid JSON in a span: {error}")),
        };
        match span {
            Ok(span) => spans.push(span),
            Err(reason) => {
                tally.spans += 1;
                tally.reject(|| reason);
            }
        }
    }
    ScopeSpans {
        scope: read_scope.unwrap_or_default(),
        spans,
        ..ScopeSpans::default()
    }
}

fn read_part<T: DeserializeOwned>(text: Option<&RawValue>, tally: &mut Tally) -> serde_json::Result<Option<T>> {
    text.map(|text| read(text.get(), tally)).transpose()
}

/// Reads `text`, without those of its attributes that break a rule.
///
/// # Errors
/// If something else of it breaks one.
fn read<T: DeserializeOwned>(text: &str, tally: &mut Tally) -> serde_json::Result<T> {
    let error = match serde_json::from_str(text) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
        return Err(error);
    };
    let Some(Value::Array(attributes)) = members.get_mut("attributes") else {
        return Err(error);
    };
    let all = attributes.len();
    attributes.retain(|attribute| KeyValue::deserialize(attribute).is_ok());
    let broken = all - attributes.len();
    let read = T::deserialize(Value::Object(members)).map_err(|_| error)?;
    (0..broken).for_each(|_| tally.correct(Corrected::Malformed));
    Ok(read)
}
