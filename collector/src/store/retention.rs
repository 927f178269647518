//! How long rows are kept: the `TTL` of each table, changed where a setting says otherwise than the table.
//!
//! Several collectors may start at once: the change is the same for all of them and does nothing the second time.

use clickhouse::error::Error;

use super::{client::Clients, cluster};

/// Days for which rows are kept, by how much each row sums up; `None` leaves the tables as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Single calls, and up to a month longer the sessions that they were part of.
    pub calls: Option<u16>,
    /// Sums by minute.
    pub minutes: Option<u16>,
    /// Sums by hour, those of large tenants among them.
    pub hours: Option<u16>,
    /// Sums by day, the definitions of tools and what happened to them.
    pub days: Option<u16>,
}

/// A month at its longest: sessions are kept by month, from its first day on.
const MONTH: u16 = 31;

impl Retention {
    /// What is said of a table; `None` leaves it as it is.
    pub(crate) fn of(self, table: &str) -> Option<u16> {
        match table {
            // What proves that all calls of a day are there goes with them.
            "calls" | "batches" => self.calls,
            "sessions" => self.calls.map(|days| days + MONTH),
            "tenant_calls" => self.hours,
            "tool_definitions" | "tool_health" => self.days,
            _ if table.ends_with("_per_minute") => self.minutes,
            _ if table.ends_with("_per_hour") => self.hours,
            _ if table.ends_with("_per_day") => self.days,
            _ => None,
        }
    }
}

/// Changes the tables that keep their rows for another time.
pub(super) async fn apply(clients: &Clients, retention: &Retention) -> Result<(), Error> {
    if *retention == Retention::default() {
        return Ok(());
    }
    let query =
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'";
    for (table, engine) in clients.writer.query(query).fetch_all::<(String, String)>().await? {
        let table = cluster::asked(&table, clients.cluster.as_deref());
        let Some(days) = retention.of(table) else { continue };
        let Some(expression) = changed(&engine, days) else {
            continue;
        };
        let tables = cluster::everywhere(table, clients.cluster.as_deref());
        let alter = format!("ALTER TABLE {tables} MODIFY TTL {expression}");
        clients.writer.query_raw(&alter).execute().await?;
        tracing::info!(table, days, "rows are kept for another time from now on");
    }
    Ok(())
}

/// The table's expression with these days in it; `None` where it has them already or has no such expression.
fn changed(engine: &str, days: u16) -> Option<String> {
    let (_, ttl) = engine.split_once(" TTL ")?;
    let ttl = ttl.split_once(" SETTINGS ").map_or(ttl, |(ttl, _)| ttl);
    let (from, interval) = ttl.split_once(" + toIntervalDay(")?;
    let (now, _) = interval.split_once(')')?;
    (now != days.to_string()).then(|| format!("{from} + toIntervalDay({days})"))
}

#[cfg(test)]
mod tests {
    use super::{Retention, changed};

    #[test]
    fn only_another_number_of_days_is_a_change() {
        let engine =
            "MergeTree PARTITION BY toDate(time) ORDER BY time TTL toDate(time) + toIntervalDay(30) SETTINGS a = 1";
        for (case, engine, days, expected) in [
            ("other days", engine, 7, Some("toDate(time) + toIntervalDay(7)")),
            ("the same days", engine, 30, None),
            (
                "no settings behind",
                "MergeTree ORDER BY x TTL x + toIntervalDay(3)",
                30,
                Some("x + toIntervalDay(30)"),
            ),
            ("kept for ever", "MergeTree ORDER BY x SETTINGS a = 1", 7, None),
            (
                "another unit",
                "MergeTree ORDER BY x TTL x + toIntervalMonth(3)",
                7,
                None,
            ),
        ] {
            assert_eq!(changed(engine, days).as_deref(), expected, "{case}");
        }
    }

    #[test]
    fn each_level_has_its_tables() {
        let retention = Retention {
            calls: Some(1),
            minutes: Some(2),
            hours: Some(3),
            days: Some(4),
        };
        for (table, days) in [
            ("calls", Some(1)),
            ("batches", Some(1)),
            ("sessions", Some(32)),
            ("calls_per_minute", Some(2)),
            ("client_tools_per_hour", Some(3)),
            ("tenant_calls", Some(3)),
            ("tenant_users_per_day", Some(4)),
            ("tool_health", Some(4)),
            ("tool_definitions", Some(4)),
            ("schema_version", None),
            ("large_tenants", None),
        ] {
            assert_eq!(retention.of(table), days, "{table}");
        }
    }
}
