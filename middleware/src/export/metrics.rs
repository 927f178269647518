//! Records as the duration histograms of the convention, collected by hand so that everything is sent by one thread.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, Histogram, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::of_itself::{self, ServerName};
use super::queue::Counts;
use super::series::{self, Series};
use super::spans::Name;
use super::unread::Unread;
use crate::observe::{Gap, Observer, SessionEnd, Tools};
use crate::record::{Direction, Record};
use crate::semconv;
use crate::wire::Side;

#[derive(Debug)]
pub(super) struct Metrics {
    reader: SharedReader,
    /// Keeps the instruments alive.
    _provider: SdkMeterProvider,
    operation: Histogram<f64>,
    client_operation: Histogram<f64>,
    session: Histogram<f64>,
    unread: Unread,
    /// The histogram of each series, so that it is looked up by a small key.
    series: HashMap<Series, BoundHistogram<f64>, RandomState>,
    tools: Arc<Tools>,
}

/// As many as the SDK keeps apart in one histogram. Further ones are looked up by the SDK itself, which tells by its own attribute
/// (`otel.metric.overflow`) of those that it cannot keep apart.
const MOST_SERIES: usize = 2000;

impl Metrics {
    pub(super) fn new(
        resource: Resource,
        observer: &Arc<Observer>,
        counts: Arc<Counts>,
        temporality: Temporality,
    ) -> Self {
        let reader = ManualReader::builder().with_temporality(temporality).build();
        let reader = SharedReader(reader.into());
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader.clone())
            .build();
        let meter = provider.meter(semconv::SCOPE);
        let histogram = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(semconv::DURATION_BUCKETS.to_vec()).build()
        };
        let server = ServerName::new(observer.clone());
        of_itself::tell(&meter, counts, &server);
        Self {
            client_operation: histogram(
                semconv::MCP_CLIENT_OPERATION_DURATION,
                "Duration of a request of the server until the client has answered",
            ),
            operation: histogram(
                semconv::MCP_SERVER_OPERATION_DURATION,
                "Duration of a request or notification at the server until the result or acknowledgement is sent",
            ),
            session: histogram(
                semconv::MCP_SERVER_SESSION_DURATION,
                "Duration of a session at the server",
            ),
            unread: Unread::new(&meter, server),
            reader,
            _provider: provider,
            series: HashMap::default(),
            tools: observer.tools.clone(),
        }
    }

    /// Counts it, and tells what its span goes by.
    pub(super) fn record(&mut self, record: &Record) -> Name {
        let series = Series::of(record, &self.tools);
        let name = Name {
            method: series.method,
            target_is_known: series.target == record.target,
        };
        let seconds = record.duration.as_secs_f64();
        if let Some(histogram) = self.series.get(&series) {
            histogram.record(seconds);
            return name;
        }
        let operation = match record.direction {
            Direction::ToServer => &self.operation,
            Direction::ToClient => &self.client_operation,
        };
        let attributes = series.attributes();
        if self.series.len() == MOST_SERIES {
            operation.record(seconds, &attributes);
            return name;
        }
        let histogram = operation.bind(&attributes);
        histogram.record(seconds);
        self.series.insert(series, histogram);
        name
    }

    /// Method and target, both of closed sets.
    pub(super) fn name(&self, record: &Record) -> String {
        let series = Series::of(record, &self.tools);
        format!("{} {}", series.method, series.target.name())
    }

    pub(super) fn record_session(&self, session: &SessionEnd) {
        let version = session.protocol_version.as_deref().map(series::protocol_version);
        let version = version.map(|version| KeyValue::new(semconv::MCP_PROTOCOL_VERSION, version));
        self.session.record(session.duration.as_secs_f64(), version.as_slice());
    }

    pub(super) fn record_unread(&mut self, body: Side, why: Gap) {
        self.unread.note(body, why);
    }

    pub(super) fn collector(&self) -> Collector {
        Collector(self.reader.clone())
    }
}

/// Collects the metrics for as long as there are any.
#[derive(Debug)]
pub(super) struct Collector(SharedReader);

impl Collector {
    pub(super) fn collect(&self) -> Result<ResourceMetrics, OTelSdkError> {
        let mut collected = ResourceMetrics::default();
        self.0.collect(&mut collected).map(|()| collected)
    }
}

/// A reader that the provider owns and that is asked from outside.
#[derive(Clone, Debug)]
struct SharedReader(Arc<ManualReader>);

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, into: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(into)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        match kind {
            // A gauge has none; but of cumulative ones the SDK tells also those that nobody observes any more.
            InstrumentKind::ObservableGauge => Temporality::Delta,
            kind => self.0.temporality(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;

    use super::*;
    use crate::outcome::{Fault, Outcome};
    use crate::record::Target;
    use crate::record::tests::record;

    fn series(metrics: &Metrics) -> usize {
        let collected = metrics.collector().collect().unwrap();
        let request = ExportMetricsServiceRequest::from(&collected);
        let scopes = request
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics);
        let metric = scopes
            .flat_map(|scope| &scope.metrics)
            .find(|metric| metric.name == semconv::MCP_SERVER_OPERATION_DURATION);
        match &metric.unwrap().data {
            Some(Data::Histogram(histogram)) => histogram.data_points.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bodies_that_could_not_be_read_are_counted_by_kind() {
        let observer = Arc::new(Observer::new(None, crate::identity::Users::default(), 1));
        let mut metrics = Metrics::new(
            Resource::builder().build(),
            &observer,
            Arc::default(),
            Temporality::Cumulative,
        );
        for body in [Side::Answer, Side::Request, Side::Answer] {
            metrics.record_unread(body, Gap::Opaque);
        }
        let collected = metrics.collector().collect().unwrap();
        let request = ExportMetricsServiceRequest::from(&collected);
        let mut metrics = request.resource_metrics[0].scope_metrics[0].metrics.iter();
        let counter = metrics.find(|metric| metric.name == semconv::TOOLSIGHT_BODIES_UNREAD);
        let Some(Data::Sum(sum)) = &counter.unwrap().data else {
            panic!("{counter:?}");
        };
        let told = |point: &NumberDataPoint| format!("{:?} {:?}", point.attributes[0].value, point.value);
        let mut told: Vec<_> = sum.data_points.iter().map(told).collect();
        told.sort();
        assert!(told[0].contains("answer") && told[0].contains("AsInt(2)"), "{told:?}");
        assert!(told[1].contains("request") && told[1].contains("AsInt(1)"), "{told:?}");
    }

    #[test]
    fn what_peers_make_up_opens_no_series() {
        let observer = Arc::new(Observer::new(None, crate::identity::Users::default(), 1));
        let mut metrics = Metrics::new(
            Resource::builder().build(),
            &observer,
            Arc::default(),
            Temporality::Cumulative,
        );
        for index in 0..500_i32 {
            let made_up: crate::record::Text = format!("made up {index}").into();
            let mut hostile = record();
            hostile.outcome = Outcome::ProtocolError;
            hostile.fault = Fault::Server;
            match index % 6 {
                0 => hostile.method = made_up,
                1 => hostile.target = Target::Tool(made_up),
                2 => hostile.target = Target::Prompt(made_up),
                3 => hostile.protocol_version = Some(made_up),
                4 => hostile.target = Target::Resource(made_up),
                _ => hostile.code = Some(i64::from(index)),
            }
            let name = metrics.record(&hostile);
            assert!(!name.target_is_known && ["tools/call", semconv::OTHER].contains(&name.method));
        }
        assert_eq!(series(&metrics), 6);
        observer.tools.learn("add");
        assert!(metrics.record(&record()).target_is_known);
    }
}
