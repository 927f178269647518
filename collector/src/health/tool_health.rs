//! Asks every few seconds how each tool is doing, for the page and for Prometheus.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use clickhouse::{Client, Row, query::Query};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::history::History;
use crate::{
    queries::{ALL_TENANTS, MAX_ANSWER, limited},
    store::StoreState,
    telemetry::{Metrics, unix_now},
};

const TOOL_HEALTH: &str = include_str!("../../queries/tool_health.sql");

/// Tools that get series of their own; the query puts the worst first.
const MAX_SERIES: usize = 500;
/// For how many intervals, and how long at most, an answer is good when no other one can be had.
const KEPT_INTERVALS: u32 = 8;
const KEPT_AT_MOST: Duration = Duration::from_secs(120);

/// How a tool is doing; `queries/tool_health.sql` decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolState {
    /// It works, or there were too few calls to tell.
    #[default]
    Healthy,
    /// It fails and recovers again and again.
    Flaky,
    /// It hardly ever works.
    Broken,
}

impl ToolState {
    const ALL: [Self; 3] = [Self::Healthy, Self::Flaky, Self::Broken];

    /// The state of this name, as queries give it; any other name counts as healthy.
    pub(super) fn named(name: &str) -> Self {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == name);
        state.unwrap_or_default()
    }

    /// The name used in queries, metrics and on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Flaky => "flaky",
            Self::Broken => "broken",
        }
    }
}

/// How all tools are doing.
#[derive(Debug)]
pub struct ToolHealth {
    troubled: HashMap<(String, String), ToolState>,
}

impl ToolHealth {
    /// The question whose rows are its parts, about one tenant or [`ALL_TENANTS`].
    pub(crate) fn query(client: &Client, tenant: &str) -> Query {
        client.query_raw(TOOL_HEALTH).param("tenant", tenant)
    }

    pub(crate) fn new(rows: &[ToolRow]) -> Self {
        let troubled = rows.iter().filter(|row| row.state() != ToolState::Healthy);
        Self {
            troubled: troubled.map(|row| (row.name(), row.state())).collect(),
        }
    }

    /// How one tool is doing; healthy if nothing is known against it.
    pub fn state_of(&self, server: &str, tool: &str) -> ToolState {
        let name = (server.to_owned(), tool.to_owned());
        self.troubled.get(&name).copied().unwrap_or(ToolState::Healthy)
    }
}

/// The latest health of all tools, or `None` as long as it is not known.
pub type ToolHealthAnswer = Option<Arc<ToolHealth>>;

/// How one tool is doing.
#[derive(Row, Deserialize)]
pub(crate) struct ToolRow {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) sample: u64,
    pub(super) failures: u64,
    pub(super) recoveries: u64,
    pub(super) state: String,
}

impl ToolRow {
    pub(super) fn name(&self) -> (String, String) {
        (self.server.clone(), self.tool.clone())
    }

    pub(super) fn state(&self) -> ToolState {
        ToolState::named(&self.state)
    }

    /// What the state was decided by, of the last 15 minutes.
    pub(super) fn reason(&self) -> String {
        let Self {
            sample,
            failures,
            recoveries,
            ..
        } = self;
        match self.state() {
            ToolState::Flaky => format!("{failures} of {sample} calls failed, and it recovered {recoveries} times"),
            ToolState::Healthy | ToolState::Broken => format!("{failures} of {sample} calls failed"),
        }
    }
}

/// Keeps the health of tools and their gauges up to date.
pub struct ToolHealthTask {
    client: Client,
    store: watch::Receiver<StoreState>,
    metrics: Metrics,
    interval: Duration,
    answer: watch::Sender<ToolHealthAnswer>,
    answered: Instant,
    is_failing: bool,
    /// Where changes are written; `None` where nothing is.
    history: Option<History>,
    is_unwritten: bool,
    /// Tools that have series now.
    shown: HashSet<(String, String)>,
}

impl std::fmt::Debug for ToolHealthTask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ToolHealthTask")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl ToolHealthTask {
    /// A task that asks with `client` once per `interval` (more than zero), and where its answers appear.
    pub fn new(
        client: Client,
        store: watch::Receiver<StoreState>,
        metrics: Metrics,
        interval: Duration,
    ) -> (Self, watch::Receiver<ToolHealthAnswer>) {
        let (answer, answers) = watch::channel(None);
        let task = Self {
            client: limited(client),
            store,
            metrics,
            interval,
            answer,
            answered: Instant::now(),
            is_failing: false,
            history: None,
            is_unwritten: false,
            shown: HashSet::new(),
        };
        (task, answers)
    }

    /// Writes each change of a tool's state into `tool_health` with `writer`, too.
    #[must_use]
    pub fn noting_changes(self, writer: Client) -> Self {
        Self {
            history: Some(History::new(limited(writer))),
            ..self
        }
    }

    /// Waits for the store, then asks for ever; can be dropped at any time.
    pub async fn run(mut self) {
        if self.store.wait_for(|state| *state == StoreState::Ready).await.is_err() {
            return;
        }
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.refresh().await;
        }
    }

    async fn refresh(&mut self) {
        let query = ToolHealth::query(&self.client, ALL_TENANTS);
        let answer = match timeout(MAX_ANSWER, query.fetch_all::<ToolRow>()).await {
            Ok(answer) => answer,
            Err(_) => Err(clickhouse::error::Error::TimedOut),
        };
        match answer {
            Ok(rows) => {
                if self.is_failing {
                    tracing::info!("tool health is known again");
                }
                self.is_failing = false;
                self.answered = Instant::now();
                self.metrics.tool_health_last_look.set(unix_now());
                self.show(&rows);
                self.answer.send_replace(Some(Arc::new(ToolHealth::new(&rows))));
                self.note(&rows).await;
            }
            Err(error) => {
                if !self.is_failing {
                    tracing::warn!(%error, "tool health cannot be read, keeping the last answer for a while");
                }
                self.is_failing = true;
                if self.answered.elapsed() >= KEPT_AT_MOST.min(self.interval * KEPT_INTERVALS) {
                    self.show(&[]);
                    self.answer.send_replace(None);
                }
            }
        }
    }

    /// Writes changes; where that fails the next look does it.
    async fn note(&mut self, rows: &[ToolRow]) {
        let Some(history) = &mut self.history else { return };
        let noted = match timeout(MAX_ANSWER, history.note(rows)).await {
            Ok(noted) => noted,
            Err(_) => Err(clickhouse::error::Error::TimedOut),
        };
        match noted {
            Ok(()) => self.is_unwritten = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unwritten, true) {
                    tracing::warn!(%error, "changes of the health of tools cannot be written to tool_health, and are tried again");
                }
            }
        }
    }

    /// Sets the gauges and removes those of tools that are not in `rows`.
    fn show(&mut self, rows: &[ToolRow]) {
        let metrics = &self.metrics;
        let omitted = rows.len().saturating_sub(MAX_SERIES);
        metrics.tool_series_omitted.set(omitted as i64);
        let rows = &rows[..rows.len() - omitted];
        let present = rows.iter().map(ToolRow::name).collect::<HashSet<_>>();
        for (server, tool) in self.shown.difference(&present) {
            remove(metrics, server, tool);
        }
        for row in rows {
            let labels = &[row.server.as_str(), row.tool.as_str()];
            metrics
                .tool_window_sample
                .with_label_values(labels)
                .set(row.sample as i64);
            metrics
                .tool_window_failures
                .with_label_values(labels)
                .set(row.failures as i64);
            metrics
                .tool_window_recoveries
                .with_label_values(labels)
                .set(row.recoveries as i64);
            for state in ToolState::ALL {
                let labels = &[row.server.as_str(), row.tool.as_str(), state.as_str()];
                metrics
                    .tool_state
                    .with_label_values(labels)
                    .set(i64::from(row.state() == state));
            }
        }
        self.shown = present;
    }
}

/// Removes a tool's series; those that are not there any more need no removal, so errors do not matter.
fn remove(metrics: &Metrics, server: &str, tool: &str) {
    let _ = metrics.tool_window_sample.remove_label_values(&[server, tool]);
    let _ = metrics.tool_window_failures.remove_label_values(&[server, tool]);
    let _ = metrics.tool_window_recoveries.remove_label_values(&[server, tool]);
    for state in ToolState::ALL {
        let _ = metrics.tool_state.remove_label_values(&[server, tool, state.as_str()]);
    }
}
