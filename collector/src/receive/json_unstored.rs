//! Metrics and logs in JSON: metrics as protobuf, so that there is one way from then on, and logs as their number.
//!
//! Nothing of them is stored, so nothing is rejected either: what has another form than OTLP's is counted and leaves the
//! rest alone.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde::Deserialize;
use serde_json::value::RawValue;

type Texts<'a> = Option<Vec<&'a RawValue>>;

/// A request of either signal.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow, rename = "resourceMetrics", alias = "resourceLogs")]
    groups: Texts<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, rename = "scopeMetrics", alias = "scopeLogs")]
    scopes: Texts<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow, rename = "metrics", alias = "logRecords")]
    items: Texts<'a>,
}

/// The request in protobuf, without its scopes' names, and how much of it is not what it should be.
pub(super) fn metrics(text: &[u8]) -> (Vec<u8>, u64) {
    let mut broken = 0;
    let mut resource_metrics = Vec::new();
    for group in groups(text, &mut broken) {
        let mut metrics = Vec::new();
        for scope in read_all::<Scope<'_>>(group.scopes, &mut broken) {
            metrics.extend(read_all::<Metric>(scope.items, &mut broken));
        }
        let resource = group.resource.map(|resource| vec![resource]);
        resource_metrics.push(ResourceMetrics {
            resource: read_all::<Resource>(resource, &mut broken).pop(),
            scope_metrics: vec![ScopeMetrics {
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        });
    }
    (ExportMetricsServiceRequest { resource_metrics }.encode_to_vec(), broken)
}

/// How many log records there are.
pub(super) fn logs(text: &[u8]) -> u64 {
    let (mut broken, mut records) = (0, 0);
    for group in groups(text, &mut broken) {
        for scope in read_all::<Scope<'_>>(group.scopes, &mut broken) {
            records += scope.items.map_or(0, |items| items.len() as u64);
        }
    }
    records + broken
}

fn groups<'a>(text: &'a [u8], broken: &mut u64) -> Vec<Group<'a>> {
    let request = serde_json::from_slice::<Request<'_>>(text).unwrap_or_else(|_| {
        *broken += 1;
        Request::default()
    });
    read_all(request.groups, broken)
}

/// What can be read of these; the rest is counted.
fn read_all<'a, T: Deserialize<'a>>(texts: Texts<'a>, broken: &mut u64) -> Vec<T> {
    let texts = texts.into_iter().flatten();
    let read = texts.filter_map(|text| {
        let read = serde_json::from_str(text.get());
        *broken += u64::from(read.is_err());
        read.ok()
    });
    read.collect()
}
