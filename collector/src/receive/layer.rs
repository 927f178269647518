//! What layers tell of themselves, found in an OTLP metric request in place; points of all other metrics are counted.

use std::collections::BTreeMap;

use toolsight::semconv;

use super::attributes::{Attributes, Field, Value};
use super::decode::{any_key_value, key_value, messages};
use super::tally::Tally;
use super::values::text;
use super::wire::{self, Fields, Malformed};
use crate::layers::{Count, Counter, Point, Report};

/// Points of one request that are taken: a layer sends some 20.
const MOST_POINTS: usize = 4096;
/// Bytes of a reason or kind that are kept.
const LABEL_BYTES: usize = 64;

/// `Metric.data`.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const OTHERS: [u32; 3] = [9, 10, 11];
/// `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// What was found in a request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Those of layers, each with at least one point.
    pub(crate) reports: Vec<Report>,
    /// Points that are not kept: of other metrics, unusable, or beyond [`MOST_POINTS`]; and messages that broke off, in
    /// which nobody knows how many there are.
    pub(crate) ignored: u64,
}

/// Which of the layer's metrics it is.
#[derive(Clone, Copy)]
enum Metric {
    /// With the attribute that tells the reason or kind.
    Counter(Counter, &'static str),
    InFlight,
    Oldest,
}

const METRICS: [(&str, Metric); 5] = [
    (
        semconv::TOOLSIGHT_RECORDS_DROPPED,
        Metric::Counter(Counter::Dropped, semconv::TOOLSIGHT_DROP_REASON),
    ),
    (
        semconv::TOOLSIGHT_STATE_FORGOTTEN,
        Metric::Counter(Counter::Forgotten, semconv::TOOLSIGHT_STATE_KIND),
    ),
    (
        semconv::TOOLSIGHT_BODIES_UNREAD,
        Metric::Counter(Counter::Unread, semconv::TOOLSIGHT_BODY_KIND),
    ),
    (semconv::TOOLSIGHT_CALLS_IN_FLIGHT, Metric::InFlight),
    (semconv::TOOLSIGHT_CALLS_OLDEST, Metric::Oldest),
];

/// A data point as it stands in a request.
#[derive(Default)]
struct Number<'a> {
    label: &'a [u8],
    /// The name of the server, where the layer learnt it after its start.
    server: &'a [u8],
    start: u64,
    time: u64,
    /// Of a double or an integer.
    value: Option<f64>,
}

/// Reads an `ExportMetricsServiceRequest`. What is broken is counted and leaves the rest alone.
pub(super) fn find(request: &[u8]) -> Found {
    let mut finder = Finder {
        found: Found::default(),
        room: MOST_POINTS,
    };
    for metrics in messages(request, "ExportMetricsServiceRequest", 1) {
        match metrics {
            Ok(metrics) => finder.read_resource(metrics),
            Err(_) => finder.found.ignored += 1,
        }
    }
    finder.found
}

/// Those of one resource, by the name of the server that stands at the point itself.
type Points = BTreeMap<String, Vec<Point>>;

struct Finder {
    found: Found,
    /// How many points may be taken yet.
    room: usize,
}

impl Finder {
    fn read_resource(&mut self, resource_metrics: &[u8]) {
        let mut points = Points::new();
        for scope in messages(resource_metrics, "ResourceMetrics", 2) {
            match scope {
                Ok(scope) => self.read_scope(scope, &mut points),
                Err(_) => self.found.ignored += 1,
            }
        }
        if points.is_empty() {
            return;
        }
        let (server, instance) = source(resource_metrics);
        self.found
            .reports
            .extend(points.into_iter().map(|(name, points)| Report {
                server: if name.is_empty() { server.clone() } else { name },
                instance: instance.clone(),
                points,
            }));
    }

    fn read_scope(&mut self, scope_metrics: &[u8], points: &mut Points) {
        for metric in messages(scope_metrics, "ScopeMetrics", 2) {
            let read = metric.ok().and_then(|metric| self.read_metric(metric, points).ok());
            if read.is_none() {
                self.found.ignored += 1;
            }
        }
    }

    fn read_metric(&mut self, metric: &[u8], points: &mut Points) -> Result<(), Malformed> {
        let (mut name, mut data) = (&[][..], (0, &[][..]));
        for field in Fields::new(metric) {
            match field? {
                (1, value) => name = value.bytes("name")?,
                (number, value) if number == GAUGE || number == SUM || OTHERS.contains(&number) => {
                    data = (number, value.bytes("data")?);
                }
                _ => {}
            }
        }
        let known = METRICS.iter().find(|(known, _)| known.as_bytes() == name);
        let known = known.map(|(_, metric)| *metric);
        let temporality = temporality(data.1)?;
        for message in messages(data.1, "Metric.data", 1) {
            let point = message.ok().and_then(|message| {
                let known = known.filter(|_| self.room > 0)?;
                let number = Number::read(message, known).ok()?;
                let server = text(number.server, Field::Server.limit(), &mut Tally::default()).into_owned();
                Some((server, point(known, data.0, temporality, &number)?))
            });
            match point {
                Some((server, point)) => {
                    self.room -= 1;
                    points.entry(server).or_default().push(point);
                }
                None => self.found.ignored += 1,
            }
        }
        Ok(())
    }
}

/// The point of a metric of the layer's, if that is what it is.
fn point(metric: Metric, data: u32, temporality: u64, number: &Number<'_>) -> Option<Point> {
    let value = number.value.filter(|value| value.is_finite() && *value >= 0.0)?;
    match (metric, data) {
        (Metric::Counter(counter, _), SUM) if temporality == DELTA || temporality == CUMULATIVE => {
            Some(Point::Count(Count {
                counter,
                label: text(number.label, LABEL_BYTES, &mut Tally::default()).into_owned(),
                value: value as u64,
                is_delta: temporality == DELTA,
                start: number.start,
                time: number.time,
            }))
        }
        (Metric::InFlight, GAUGE) => Some(Point::InFlight(value)),
        (Metric::Oldest, GAUGE) => Some(Point::Oldest(value)),
        _ => None,
    }
}

/// `Sum.aggregation_temporality`; a gauge has none.
fn temporality(data: &[u8]) -> Result<u64, Malformed> {
    let mut temporality = 0;
    for field in Fields::new(data) {
        if let (2, wire::Value::Varint(value)) = field? {
            temporality = value;
        }
    }
    Ok(temporality)
}

impl<'a> Number<'a> {
    fn read(message: &'a [u8], metric: Metric) -> Result<Self, Malformed> {
        let mut number = Self::default();
        for field in Fields::new(message) {
            match field? {
                (2, value) => number.start = value.fixed64("start_time_unix_nano")?,
                (3, value) => number.time = value.fixed64("time_unix_nano")?,
                (4, value) => number.value = Some(f64::from_bits(value.fixed64("as_double")?)),
                (6, value) => number.value = Some(value.fixed64("as_int")?.cast_signed() as f64),
                (7, value) => {
                    let (name, value) = any_key_value(value.bytes("attributes")?)?;
                    let Some(Value::Text(text)) = value else { continue };
                    match metric {
                        _ if name == semconv::MCP_SERVER_NAME.as_bytes() => number.server = text,
                        Metric::Counter(_, label) if name == label.as_bytes() => number.label = text,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(number)
    }
}

/// Server and instance, under the names that those of spans have; what is broken of them is left out.
fn source(resource_metrics: &[u8]) -> (String, String) {
    let mut attributes = Attributes::default();
    for resource in messages(resource_metrics, "ResourceMetrics", 1).flatten() {
        for attribute in messages(resource, "Resource", 1).flatten() {
            let _ = key_value(attribute, &mut attributes);
        }
    }
    let name = |field: Field| match attributes.get(field) {
        Some(Value::Text(name)) => text(name, field.limit(), &mut Tally::default()).into_owned(),
        _ => String::new(),
    };
    (name(Field::Server), name(Field::Instance))
}
