//! What the layer tells of itself: what was lost and forgotten, and which calls are running, beside the name of the server
//! that its calls have.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::queue::Counts;
use crate::observe::Observer;
use crate::semconv;

/// The name of the server: that of its calls (`mcp.server.name`), which the resource need not have, as it is made before the
/// server says who it is. The first name counts for good: under another one, everything would be told again.
#[derive(Debug)]
pub(super) struct ServerName {
    observer: Arc<Observer>,
    first: OnceLock<KeyValue>,
}

impl ServerName {
    pub(super) fn new(observer: Arc<Observer>) -> Arc<Self> {
        let first = OnceLock::new();
        Self { observer, first }.into()
    }

    /// None as long as nobody has said it.
    pub(super) fn get(&self) -> Option<KeyValue> {
        if self.first.get().is_none() {
            let name = self.observer.server(None).name;
            if !name.is_empty() {
                let _ = self
                    .first
                    .set(KeyValue::new(semconv::MCP_SERVER_NAME, name.to_string()));
            }
        }
        self.first.get().cloned()
    }

    /// An attribute, if any, beside the name.
    pub(super) fn beside(&self, attribute: Option<KeyValue>) -> Vec<KeyValue> {
        attribute.into_iter().chain(self.get()).collect()
    }
}

/// Tells of it whenever metrics are collected.
pub(super) fn tell(meter: &Meter, counts: Arc<Counts>, server: &Arc<ServerName>) {
    counter(
        meter,
        (semconv::TOOLSIGHT_RECORDS_DROPPED, semconv::TOOLSIGHT_DROP_REASON),
        "Records that were not exported",
        server.clone(),
        move || counts.read().by_reason(),
    );
    let state = server.observer.counters.clone();
    counter(
        meter,
        (semconv::TOOLSIGHT_STATE_FORGOTTEN, semconv::TOOLSIGHT_STATE_KIND),
        "What was forgotten because a bound was reached",
        server.clone(),
        move || state.read().by_kind(),
    );
    let (in_flight, name) = (server.observer.in_flight.clone(), server.clone());
    meter
        .u64_observable_gauge(semconv::TOOLSIGHT_CALLS_IN_FLIGHT)
        .with_description("Calls that are running")
        .with_callback(move |observer| observer.observe(in_flight.read().0, &name.beside(None)))
        .build();
    let (in_flight, name) = (server.observer.in_flight.clone(), server.clone());
    meter
        .f64_observable_gauge(semconv::TOOLSIGHT_CALLS_OLDEST)
        .with_unit("s")
        .with_description("For how long the oldest running call has been running")
        .with_callback(move |observer| {
            let running = in_flight.read().1.map_or(Duration::ZERO, |start| start.elapsed());
            observer.observe(running.as_secs_f64(), &name.beside(None));
        })
        .build();
}

/// A counter of what is told apart by `label`. What was told before the server had a name stays told without it, so that
/// nothing counts under both.
fn counter<const N: usize>(
    meter: &Meter,
    (name, label): (&'static str, &'static str),
    description: &'static str,
    server: Arc<ServerName>,
    read: impl Fn() -> [(&'static str, u64); N] + Send + Sync + 'static,
) {
    let nameless = [const { AtomicU64::new(0) }; N];
    meter
        .u64_observable_counter(name)
        .with_description(description)
        .with_callback(move |observer| {
            let is_named = server.get().is_some();
            for ((value, count), nameless) in read().into_iter().zip(&nameless) {
                let label = KeyValue::new(label, value);
                if !is_named {
                    nameless.store(count, Relaxed);
                }
                let before = nameless.load(Relaxed);
                if before > 0 || !is_named {
                    observer.observe(before, std::slice::from_ref(&label));
                }
                if is_named {
                    observer.observe(count - before, &server.beside(Some(label)));
                }
            }
        })
        .build();
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::metrics::Temporality;

    use super::*;
    use crate::export::Queue;
    use crate::export::metrics::Metrics;
    use crate::identity::Users;
    use crate::observe::{Gap, Observation};
    use crate::record::Peer;
    use crate::wire::Side;

    /// Each of these metrics that is not 0, as `name server value`; and how many of all have no name.
    fn told(metrics: &Metrics) -> (Vec<String>, usize) {
        let collected = metrics.collector().collect().unwrap();
        let request = ExportMetricsServiceRequest::from(&collected);
        let scopes = request
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics);
        let points = scopes.flat_map(|scope| &scope.metrics).flat_map(|metric| {
            let points = match metric.data.as_ref().unwrap() {
                Data::Sum(sum) => &*sum.data_points,
                Data::Gauge(gauge) => &gauge.data_points,
                _ => &[],
            };
            points.iter().map(|point| (&*metric.name, point))
        });
        let server = |point: &NumberDataPoint| {
            let mut attributes = point.attributes.iter();
            let name = attributes.find(|attribute| attribute.key == semconv::MCP_SERVER_NAME);
            name.map(|name| format!("{:?}", name.value.as_ref().unwrap().value.as_ref().unwrap()))
        };
        let (mut told, mut nameless) = (Vec::new(), 0);
        for (name, point) in points {
            let server = server(point);
            nameless += usize::from(server.is_none());
            let is_named = server.is_some_and(|server| server.contains("ledger"));
            let value = match point.value.unwrap() {
                Value::AsInt(value) => value as f64,
                Value::AsDouble(value) => value,
            };
            if value > 0.0 {
                told.push(format!("{name} {} {value}", if is_named { "ledger" } else { "-" }));
            }
        }
        told.sort();
        (told, nameless)
    }

    fn named(name: &str) -> Peer {
        Peer {
            name: name.into(),
            version: "1".into(),
        }
    }

    #[test]
    fn losses_are_told_beside_the_name_of_the_server_once_it_is_known_and_none_under_both() {
        for (temporality, before) in [
            (Temporality::Cumulative, "toolsight.records.dropped - 2"),
            (Temporality::Delta, ""),
        ] {
            let observer = Arc::new(Observer::new(None, Users::default(), 1));
            let (queue, receiver) = Queue::new(1);
            drop(receiver);
            let mut metrics = Metrics::new(Resource::builder().build(), &observer, queue.counts(), temporality);
            let lose = |count| (0..count).for_each(|_| queue.push(Observation::Unread(Side::Answer, Gap::Opaque)));
            lose(2);
            let (first, nameless) = told(&metrics);
            assert_eq!(first, ["toolsight.records.dropped - 2"]);
            assert!(nameless > 0, "zeros are told, too");
            lose(1);
            observer.learn_server(&named("ledger"));
            metrics.record_unread(Side::Answer, Gap::Opaque);
            let expected = [
                "toolsight.bodies.unread ledger 1",
                before,
                "toolsight.records.dropped ledger 1",
            ];
            let expected: Vec<_> = expected.into_iter().filter(|line| !line.is_empty()).collect();
            let (second, nameless) = told(&metrics);
            assert_eq!(second, expected, "{temporality:?}");
            assert_eq!(nameless, 1, "gauges and zeros have the name alone");
            observer.learn_server(&named("another"));
            lose(1);
            let (third, _) = told(&metrics);
            let count = if temporality == Temporality::Delta { 1 } else { 2 };
            let expected = format!("toolsight.records.dropped ledger {count}");
            assert!(third.contains(&expected), "the first name counts: {third:?}");
        }
    }

    #[test]
    fn a_server_that_is_named_by_the_builder_has_its_name_from_the_first() {
        let observer = Arc::new(Observer::new(Some(named("ledger")), Users::default(), 1));
        let resource = Resource::builder().build();
        let metrics = Metrics::new(resource, &observer, Arc::default(), Temporality::Cumulative);
        assert_eq!(told(&metrics).1, 0);
    }
}
