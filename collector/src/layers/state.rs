//! What is known of each process and each server, within bounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lru::LruCache;
use toolsight::semconv::OTHER;

use super::counts::Counts;
use super::file::{Kept, Process};
use super::streams::Streams;
use super::{Counter, LayersAnswer, NEWS, Now, Point, Report};

/// Processes that are known at most.
pub(super) const MOST_INSTANCES: usize = 2000;
/// Servers that have counts of their own at most.
pub(super) const MOST_SERVERS: usize = 500;
/// A process that has told nothing for so long has ended, or cannot be reached: layers tell something each minute.
pub(super) const SILENT: Duration = Duration::from_secs(5 * 60);

/// Tenant, server and instance.
type Identity = (String, String, String);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct State {
    instances: LruCache<Identity, Instance>,
    servers: LruCache<String, Counts>,
    /// The counts of servers that were forgotten, so that their sum is right.
    other: Counts,
    pub(super) forgotten: Forgotten,
    /// When the last stream of a process that was forgotten started, see [`Streams`].
    forgotten_until: Option<u64>,
    /// When a loss was told of last.
    last_loss: Option<Instant>,
    /// How often something changed that is kept over a restart.
    pub(super) changes: u64,
}

/// One process of a server.
#[derive(Debug)]
struct Instance {
    /// `None` for one that has not told anything since the collector started.
    heard: Option<Instant>,
    in_flight: f64,
    oldest: f64,
    streams: Streams,
}

/// What made room for something newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    pub(super) instances: u64,
    pub(super) servers: u64,
    pub(super) streams: u64,
}

/// What the processes of a server do now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Running {
    pub(super) instances: u64,
    /// Calls.
    pub(super) in_flight: f64,
    /// Seconds.
    pub(super) oldest: f64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            instances: LruCache::unbounded(),
            servers: LruCache::unbounded(),
            other: Counts::default(),
            forgotten: Forgotten::default(),
            forgotten_until: None,
            last_loss: None,
            changes: 0,
        }
    }
}

impl State {
    pub(super) fn note(&mut self, tenant: &str, report: &Report, now: Now) {
        let identity = (tenant.to_owned(), report.server.clone(), report.instance.clone());
        if !self.instances.contains(&identity) && self.instances.len() == MOST_INSTANCES {
            self.forget_an_instance(now);
        }
        if !self.servers.contains(&report.server) && report.server != OTHER && self.servers.len() == MOST_SERVERS {
            self.forget_a_server();
        }
        let instance = self.instances.get_or_insert_mut(identity, || Instance {
            heard: None,
            in_flight: 0.0,
            oldest: 0.0,
            streams: Streams::new(self.forgotten_until),
        });
        let counts = match report.server.as_str() {
            OTHER => &mut self.other,
            server => self.servers.get_or_insert_mut(server.to_owned(), Counts::default),
        };
        instance.heard = Some(now.instant);
        for point in &report.points {
            match point {
                Point::InFlight(calls) => instance.in_flight = *calls,
                Point::Oldest(seconds) => instance.oldest = *seconds,
                Point::Count(count) => {
                    let (growth, forgotten) = instance.streams.grow(count);
                    self.forgotten.streams += forgotten;
                    self.changes += u64::from(growth + forgotten > 0);
                    counts.add(count.counter, &count.label, growth);
                    if count.counter == Counter::Dropped && growth > 0 {
                        self.last_loss = Some(now.instant);
                    }
                }
            }
        }
    }

    /// Forgets the process that has been silent for the longest time.
    fn forget_an_instance(&mut self, now: Now) {
        let forgotten = self.instances.pop_lru();
        let start = forgotten.and_then(|(_, instance)| instance.streams.newest_start());
        // A start in the future would have everything taken for a process that was forgotten.
        self.forgotten_until = self.forgotten_until.max(start.map(|start| start.min(now.unix)));
        self.forgotten.instances += 1;
        self.changes += 1;
    }

    /// Forgets the server that has been silent for the longest time; its counts stay in the sum.
    fn forget_a_server(&mut self) {
        if let Some((_, counts)) = self.servers.pop_lru() {
            self.other.add_all(&counts);
        }
        self.forgotten.servers += 1;
    }

    /// What there is to know after a restart of the collector.
    pub(super) fn kept(&self) -> Kept {
        let processes = self.instances.iter().rev().map(|(identity, instance)| {
            let (tenant, server, name) = identity.clone();
            Process {
                tenant,
                server,
                instance: name,
                forgotten_until: instance.streams.forgotten_until,
                streams: instance.streams.kept(),
            }
        });
        // The others are taken for processes that are not known, of which as much is known.
        let needed = |process: &Process| !process.streams.is_empty() || process.forgotten_until > self.forgotten_until;
        Kept {
            forgotten_until: self.forgotten_until,
            processes: processes.filter(needed).collect(),
        }
    }

    /// Knows what was kept; nothing is counted by that.
    pub(super) fn restore(&mut self, kept: Kept) {
        self.forgotten_until = kept.forgotten_until;
        for process in kept.processes.into_iter().take(MOST_INSTANCES) {
            let mut streams = Streams::new(process.forgotten_until);
            streams.restore(process.streams);
            let instance = Instance {
                heard: None,
                in_flight: 0.0,
                oldest: 0.0,
                streams,
            };
            self.instances
                .put((process.tenant, process.server, process.instance), instance);
        }
    }

    /// The counts of each server.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, &Counts)> {
        let servers = self.servers.iter().map(|(server, counts)| (server.as_str(), counts));
        servers.chain((!self.other.is_empty()).then_some((OTHER, &self.other)))
    }

    /// What the processes of each server do that are not silent.
    pub(super) fn running(&self, now: Instant) -> BTreeMap<&str, Running> {
        let mut servers = BTreeMap::<_, Running>::new();
        for ((_, server, _), instance) in &self.instances {
            let silent = instance.heard.map(|heard| now.saturating_duration_since(heard));
            if silent.is_some_and(|silent| silent < SILENT) {
                let known = self.servers.contains(server);
                let running = servers.entry(if known { server } else { OTHER }).or_default();
                running.instances += 1;
                running.in_flight += instance.in_flight;
                running.oldest = running.oldest.max(instance.oldest);
            }
        }
        servers
    }

    pub(super) fn answer(&self, now: Instant) -> LayersAnswer {
        let mut all = Counts::default();
        self.counts().for_each(|(_, counts)| all.add_all(counts));
        let of = |counter| {
            let counts = all.iter().filter(|(found, ..)| *found == counter);
            counts.map(|(_, label, count)| (label.to_owned(), count)).collect()
        };
        let dropped = self
            .counts()
            .map(|(server, counts)| (server.to_owned(), counts.total(Counter::Dropped)));
        let running = self.running(now);
        LayersAnswer {
            instances: running.values().map(|running| running.instances).sum(),
            calls_in_flight: running.values().map(|running| running.in_flight).sum(),
            oldest_call_seconds: running.values().map(|running| running.oldest).fold(0.0, f64::max),
            records_dropped: of(Counter::Dropped),
            records_dropped_by_server: dropped.filter(|(_, count)| *count > 0).collect(),
            state_forgotten: of(Counter::Forgotten),
            bodies_unread: of(Counter::Unread),
            lost_lately: self
                .last_loss
                .is_some_and(|loss| now.saturating_duration_since(loss) < NEWS),
        }
    }
}
