//! Where the store is a cluster: the same statements, one rule per kind.
//!
//! A table `calls` becomes `calls_local` on each replica, and `calls` spreads over the shards. Views stay within a shard,
//! from one local table to the next. What asks or inserts names the table as ever.

/// What every statement is about.
const CLAUSES: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS ",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS ",
    "CREATE OR REPLACE VIEW ",
    "ALTER TABLE ",
    "TRUNCATE TABLE ",
];
/// Clauses that may have a table of an earlier version behind them.
const DROPS: [&str; 2] = ["DROP VIEW IF EXISTS ", "DROP TABLE IF EXISTS "];

/// What a batch is spread by: the calls of a trace stay together, and a repeated batch falls into the same pieces. What
/// else goes through the spread tables is written once.
const SHARD_OF_A_CALL: &str = "cityHash64(trace_id)";
/// The changes of a tool stay together, so that the same change noted twice is one.
const SHARD_OF_A_TOOL: &str = "cityHash64(server, tool)";

/// What each shard's views ask of all shards: its rows are few, and stand on one of them.
const ASKED_OF_ALL: &str = "large_tenants";

/// The statements that `statement` stands for: itself where there is no cluster.
pub(super) fn statements(statement: &str, cluster: Option<&str>) -> Vec<String> {
    let Some(cluster) = cluster else {
        return vec![statement.to_owned()];
    };
    let Some((clause, name, rest)) = parts(statement) else {
        return vec![statement.to_owned()];
    };
    let on = format!("ON CLUSTER `{cluster}`");
    match clause {
        "CREATE TABLE IF NOT EXISTS " => {
            let rest = replicated(rest.trim_start());
            vec![format!("{clause}{name}_local {on} {rest}"), spread(name, cluster, &on)]
        }
        "CREATE MATERIALIZED VIEW IF NOT EXISTS " => vec![format!("{clause}{name} {on}{}", of_this_shard(rest))],
        "ALTER TABLE " => vec![format!("{clause}{name}_local {on}{rest}"), spread(name, cluster, &on)],
        "TRUNCATE TABLE " => vec![format!("{clause}{name}_local {on} SYNC")],
        "DROP TABLE IF EXISTS " => vec![
            format!("{clause}{name} {on} SYNC"),
            format!("{clause}{name}_local {on} SYNC"),
        ],
        _ => vec![format!("{clause}{name} {on}{rest}")],
    }
}

/// Where a statement about the rows of a table has to run: the local tables' name, and the clause for all of them.
pub(super) fn everywhere(table: &str, cluster: Option<&str>) -> String {
    match cluster {
        Some(cluster) => format!("`{table}_local` ON CLUSTER `{cluster}`"),
        None => format!("`{table}`"),
    }
}

/// The name by which all rows of a table are asked for, of one that keeps some of them.
pub(super) fn asked<'a>(table: &'a str, cluster: Option<&str>) -> &'a str {
    match cluster {
        Some(_) => table.strip_suffix("_local").unwrap_or(table),
        None => table,
    }
}

/// A statement that each shard runs for its own rows. It names no database there but the one that is named here.
pub(super) fn filling(statement: &str, database: &str) -> String {
    statement.replace(
        &format!("FROM {ASKED_OF_ALL}"),
        &format!("FROM `{database}`.{ASKED_OF_ALL}"),
    )
}

/// The clause, the name behind it, and the rest with the white space in front of it.
fn parts(statement: &str) -> Option<(&'static str, &str, &str)> {
    let clause = CLAUSES
        .into_iter()
        .chain(DROPS)
        .find(|clause| statement.starts_with(clause))?;
    let behind = &statement[clause.len()..];
    let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
    Some((clause, &behind[..end], &behind[end..]))
}

/// The table that spreads over the shards, with the columns that the local one has now.
fn spread(name: &str, cluster: &str, on: &str) -> String {
    let shard = match name {
        "calls" => SHARD_OF_A_CALL,
        "tool_health" => SHARD_OF_A_TOOL,
        _ => "rand()",
    };
    format!(
        "CREATE OR REPLACE TABLE {name} {on} AS {name}_local \
         ENGINE = Distributed(`{cluster}`, currentDatabase(), '{name}_local', {shard})"
    )
}

/// The rest of a table's statement with an engine that replicates, which remembers tokens for a week of outage.
fn replicated(rest: &str) -> String {
    let engine = |rest: &str| {
        rest.replace("ENGINE = ", "ENGINE = Replicated").replace(
            "non_replicated_deduplication_window = 10000",
            "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800",
        )
    };
    match rest
        .strip_prefix("AS ")
        .and_then(|rest| rest.split_once(char::is_whitespace))
    {
        Some((like, rest)) => format!("AS {like}_local {}", engine(rest)),
        None => engine(rest),
    }
}

/// The rest of a view's statement, from one local table to another. The columns keep the name of the table in front.
fn of_this_shard(rest: &str) -> String {
    let lines = rest.split('\n').map(|line| {
        let words = line.split(' ').collect::<Vec<_>>();
        let local = |at: usize| match words.get(at.wrapping_sub(1)) {
            Some(&"TO") => format!("{}_local", words[at]),
            // A question in brackets has its own.
            Some(&"FROM") if words[at] == "(" || words[at].trim_end_matches(')') == ASKED_OF_ALL => {
                words[at].to_owned()
            }
            Some(&"FROM") if words.len() == at + 1 => format!("{0}_local AS {0}", words[at]),
            Some(&"FROM") => format!("{}_local", words[at]),
            _ => words[at].to_owned(),
        };
        (0..words.len()).map(local).collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_statement_has_its_rule() {
        let spread = "CREATE OR REPLACE TABLE t ON CLUSTER `c` AS t_local \
            ENGINE = Distributed(`c`, currentDatabase(), 't_local', rand())";
        let cases: [(&str, &[&str]); 10] = [
            (
                "CREATE TABLE IF NOT EXISTS t\n(a UInt8)\nENGINE = AggregatingMergeTree\n\
                 SETTINGS non_replicated_deduplication_window = 10000",
                &[
                    "CREATE TABLE IF NOT EXISTS t_local ON CLUSTER `c` (a UInt8)\n\
                     ENGINE = ReplicatedAggregatingMergeTree\nSETTINGS replicated_deduplication_window = 10000, \
                     replicated_deduplication_window_seconds = 604800",
                    spread,
                ],
            ),
            (
                "CREATE TABLE IF NOT EXISTS t AS other\nENGINE = MergeTree",
                &[
                    "CREATE TABLE IF NOT EXISTS t_local ON CLUSTER `c` AS other_local ENGINE = ReplicatedMergeTree",
                    spread,
                ],
            ),
            (
                "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS\nSELECT a\nFROM calls AS call",
                &[
                    "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER `c` TO t_local AS\nSELECT a\nFROM calls_local AS call",
                ],
            ),
            (
                "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS\nSELECT calls.a\nFROM calls\nGROUP BY a",
                &[
                    "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER `c` TO t_local AS\nSELECT calls.a\n\
                   FROM calls_local AS calls\nGROUP BY a",
                ],
            ),
            (
                "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS\nSELECT a\nFROM (\n    SELECT a\n    FROM calls\n    \
                 WHERE b IN (SELECT b FROM large_tenants)) AS call",
                &[
                    "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER `c` TO t_local AS\nSELECT a\nFROM (\n    SELECT a\n    \
                   FROM calls_local AS calls\n    WHERE b IN (SELECT b FROM large_tenants)) AS call",
                ],
            ),
            (
                "CREATE OR REPLACE VIEW v AS\nSELECT a\nFROM calls",
                &["CREATE OR REPLACE VIEW v ON CLUSTER `c` AS\nSELECT a\nFROM calls"],
            ),
            (
                "ALTER TABLE t\n    ADD COLUMN a UInt8",
                &["ALTER TABLE t_local ON CLUSTER `c`\n    ADD COLUMN a UInt8", spread],
            ),
            ("TRUNCATE TABLE t", &["TRUNCATE TABLE t_local ON CLUSTER `c` SYNC"]),
            (
                "DROP TABLE IF EXISTS t",
                &[
                    "DROP TABLE IF EXISTS t ON CLUSTER `c` SYNC",
                    "DROP TABLE IF EXISTS t_local ON CLUSTER `c` SYNC",
                ],
            ),
            (
                "INSERT INTO t\nSELECT a\nFROM calls",
                &["INSERT INTO t\nSELECT a\nFROM calls"],
            ),
        ];
        for (statement, expected) in cases {
            assert_eq!(statements(statement, Some("c")), expected, "{statement}");
            assert_eq!(statements(statement, None), [statement]);
        }
    }
}
