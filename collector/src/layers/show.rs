//! What layers have told, as the collector's own metrics.

use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use super::state::{Forgotten, State};
use super::{Counter, Layers};

/// The metrics, filled anew each time that they are asked for, since silence changes them too.
#[derive(Debug)]
pub(super) struct Families {
    dropped: IntCounterVec,
    forgotten: IntCounterVec,
    unread: IntCounterVec,
    in_flight: GaugeVec,
    oldest: GaugeVec,
    instances: IntGaugeVec,
    made_room: IntCounterVec,
}

impl Families {
    pub(super) fn new() -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauges = |name: &str, help: &str| GaugeVec::new(Opts::new(name, help), &["server"]);
        Ok(Self {
            dropped: counters(
                "layer_records_dropped_total",
                "records that layers lost before they reached the collector",
                &["server", "reason"],
            )?,
            forgotten: counters(
                "layer_state_forgotten_total",
                "what layers forgot because a bound was reached",
                &["server", "kind"],
            )?,
            unread: counters(
                "layer_bodies_unread_total",
                "bodies of which layers could not read all bytes",
                &["server", "kind"],
            )?,
            in_flight: gauges("layer_calls_in_flight", "calls that are running")?,
            oldest: gauges(
                "layer_oldest_call_seconds",
                "for how long the oldest running call has been running",
            )?,
            instances: IntGaugeVec::new(
                Opts::new(
                    "layer_instances",
                    "processes that told something in the last five minutes",
                ),
                &["server"],
            )?,
            made_room: counters(
                "layers_forgotten_total",
                "what the collector forgot of layers because a bound was reached",
                &["kind"],
            )?,
        })
    }

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.dropped,
            &self.forgotten,
            &self.unread,
            &self.in_flight,
            &self.oldest,
            &self.instances,
            &self.made_room,
        ]
    }

    fn fill(&self, state: &State, now: Instant) {
        for counters in [&self.dropped, &self.forgotten, &self.unread, &self.made_room] {
            counters.reset();
        }
        self.in_flight.reset();
        self.oldest.reset();
        self.instances.reset();
        for (server, counts) in state.counts() {
            for (counter, label, count) in counts.iter() {
                let counters = match counter {
                    Counter::Dropped => &self.dropped,
                    Counter::Forgotten => &self.forgotten,
                    Counter::Unread => &self.unread,
                };
                counters.with_label_values(&[server, label]).inc_by(count);
            }
        }
        for (server, running) in state.running(now) {
            self.in_flight.with_label_values(&[server]).set(running.in_flight);
            self.oldest.with_label_values(&[server]).set(running.oldest);
            self.instances
                .with_label_values(&[server])
                .set(running.instances as i64);
        }
        let Forgotten {
            instances,
            servers,
            streams,
        } = state.forgotten;
        for (kind, count) in [("instance", instances), ("server", servers), ("stream", streams)] {
            self.made_room.with_label_values(&[kind]).inc_by(count);
        }
    }
}

impl Layers {
    /// The metrics as they are at one moment.
    pub(super) fn families_at(&self, now: Instant) -> Vec<MetricFamily> {
        // Held until they are read, so that nobody else fills them meanwhile.
        let state = self.lock();
        self.families.fill(&state, now);
        self.families.all().into_iter().flat_map(Collector::collect).collect()
    }
}

impl Collector for Layers {
    fn desc(&self) -> Vec<&Desc> {
        self.families.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families_at(Instant::now())
    }
}
