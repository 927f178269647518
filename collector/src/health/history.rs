//! Writes down when the state of a tool changes, in `tool_health`.

use std::collections::HashMap;

use clickhouse::{Client, Row, error::Error};
use serde::{Deserialize, Serialize};

use super::tool_health::{ToolRow, ToolState};
use crate::telemetry::unix_now;

/// Changes that are written at one look; the rest are seen again at the next one.
const MAX_CHANGES: usize = 1000;
/// The last state of each tool. Bounded, since the names of tools come from outside.
const LATEST: &str = "SELECT server, tool, argMax(state, (time, after)) AS state, toUnixTimestamp64Milli(max(time)) AS since \
    FROM tool_health FINAL GROUP BY server, tool ORDER BY since DESC LIMIT 100000";
/// Why a tool that is in no answer is healthy again.
const NOT_CALLED: &str = "not called for 15 minutes";

type Name = (String, String);

/// What is known about a tool: its state, and since when in milliseconds since the Unix epoch.
type Known = HashMap<Name, (ToolState, i64)>;

#[derive(Row, Deserialize)]
struct Latest {
    server: String,
    tool: String,
    state: String,
    since: i64,
}

/// A row of `tool_health`.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize)]
struct Change {
    server: String,
    tool: String,
    after: i64,
    time: i64,
    state: &'static str,
    previous: &'static str,
    sample: u64,
    failures: u64,
    recoveries: u64,
    reason: String,
}

/// The history of all tools, as far as this collector and others have written it.
pub(super) struct History {
    writer: Client,
    /// `None` as long as it was not read.
    known: Option<Known>,
}

impl History {
    /// A history that `writer` reads and writes.
    pub(super) fn new(writer: Client) -> Self {
        Self { writer, known: None }
    }

    /// Writes what differs between these rows and what was written last; a tool that was never written is healthy.
    ///
    /// # Errors
    /// When the store cannot be asked or written; what was not written is seen again at the next look.
    pub(super) async fn note(&mut self, rows: &[ToolRow]) -> Result<(), Error> {
        let known = match self.known.take() {
            // Another collector may have seen the same: what follows a state that it wrote must name that one.
            Some(known) if !changes(&known, rows, now()).is_empty() => self.read().await?,
            Some(known) => known,
            None => self.read().await?,
        };
        let changes = changes(&known, rows, now());
        let known = self.known.insert(known);
        if changes.is_empty() {
            return Ok(());
        }
        let mut insert = self.writer.insert::<Change>("tool_health").await?;
        for change in &changes {
            insert.write(change).await?;
        }
        insert.end().await?;
        for change in changes {
            let state = ToolState::named(change.state);
            known.insert((change.server, change.tool), (state, change.time));
        }
        Ok(())
    }

    async fn read(&self) -> Result<Known, Error> {
        let rows = self.writer.query(LATEST).fetch_all::<Latest>().await?;
        let known = rows
            .into_iter()
            .map(|row| ((row.server, row.tool), (ToolState::named(&row.state), row.since)));
        Ok(known.collect())
    }
}

fn now() -> i64 {
    (unix_now() * 1e3) as i64
}

/// What is to be written, the worst tools first.
fn changes(known: &Known, rows: &[ToolRow], now: i64) -> Vec<Change> {
    let before = |name: &Name| known.get(name).copied().unwrap_or_default();
    let change = |name: Name, state: ToolState, row: Option<&ToolRow>| {
        let (previous, after) = before(&name);
        (state != previous).then(|| Change {
            server: name.0,
            tool: name.1,
            after,
            // Clocks of several collectors differ.
            time: now.max(after + 1),
            state: state.as_str(),
            previous: previous.as_str(),
            sample: row.map_or(0, |row| row.sample),
            failures: row.map_or(0, |row| row.failures),
            recoveries: row.map_or(0, |row| row.recoveries),
            reason: row.map_or_else(|| NOT_CALLED.to_owned(), ToolRow::reason),
        })
    };
    let called: HashMap<Name, &ToolRow> = rows.iter().map(|row| (row.name(), row)).collect();
    let seen = rows.iter().map(|row| change(row.name(), row.state(), Some(row)));
    let mut gone: Vec<_> = known.keys().filter(|name| !called.contains_key(*name)).collect();
    gone.sort();
    let gone = gone
        .into_iter()
        .map(|name| change(name.clone(), ToolState::Healthy, None));
    seen.chain(gone).flatten().take(MAX_CHANGES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tool: &str, state: &str) -> ToolRow {
        ToolRow {
            server: "files".to_owned(),
            tool: tool.to_owned(),
            sample: 40,
            failures: 10,
            recoveries: 3,
            state: state.to_owned(),
        }
    }

    #[test]
    fn only_what_is_another_state_than_before_is_written() {
        let name = |tool: &str| ("files".to_owned(), tool.to_owned());
        let known = Known::from([
            (name("same"), (ToolState::Flaky, 500)),
            (name("worse"), (ToolState::Flaky, 500)),
            (name("ahead"), (ToolState::Healthy, 2000)),
            (name("silent"), (ToolState::Broken, 700)),
            (name("silent and well"), (ToolState::Healthy, 700)),
        ]);
        let rows = [
            row("same", "flaky"),
            row("worse", "broken"),
            row("ahead", "broken"),
            row("new", "flaky"),
            row("new and well", "healthy"),
        ];
        let found = changes(&known, &rows, 1000);
        let found: Vec<_> = found
            .iter()
            .map(|change| {
                (
                    &*change.tool,
                    change.previous,
                    change.after,
                    change.state,
                    change.time,
                    &*change.reason,
                )
            })
            .collect();
        let expected = [
            ("worse", "flaky", 500, "broken", 1000, "10 of 40 calls failed"),
            ("ahead", "healthy", 2000, "broken", 2001, "10 of 40 calls failed"),
            (
                "new",
                "healthy",
                0,
                "flaky",
                1000,
                "10 of 40 calls failed, and it recovered 3 times",
            ),
            ("silent", "broken", 700, "healthy", 1000, NOT_CALLED),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_look_writes_a_bounded_number_of_changes() {
        let rows: Vec<_> = (0..MAX_CHANGES + 1).map(|n| row(&n.to_string(), "broken")).collect();
        assert_eq!(changes(&Known::new(), &rows, 1).len(), MAX_CHANGES);
    }
}
