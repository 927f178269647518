//! What a month takes on disk, and how long each question about it takes in its heaviest forms.

use std::{fmt::Write as _, time::Instant};

use clickhouse::Client;

use super::questions::{LIMIT, QUESTIONS, Range, text};

/// How often each question is asked.
const RUNS: usize = 5;
/// A month has 42 million calls of the first tenant and 600,000 of the one in front of which the large ones end.
const FORMS: [(&str, &[(&str, &str)]); 8] = [
    ("all", &[]),
    ("largest tenant", &[("tenant", "tenant-1")]),
    ("largest without sums", &[("tenant", "tenant-57")]),
    ("100th tenant", &[("tenant", "tenant-100")]),
    ("one server", &[("server", "server-1")]),
    ("one tool", &[("target", "tool-1"), ("slice", "tool")]),
    ("one client", &[("client", "client-0"), ("slice", "client")]),
    ("failures", &[("fault", "server")]),
];

/// Which time a question is about.
#[derive(Clone, Copy)]
enum Span {
    Whole,
    /// The last seconds.
    Last(u64),
    /// The last seconds, then six times as many each time, until there are enough rows; and whether that goes on in front
    /// of what was searched.
    Search(u64, bool),
}

/// The questions, and what they can be narrowed to.
const ASKED: [(&str, Span, &[&str]); 17] = [
    (
        "overview_totals",
        Span::Whole,
        &["tenant", "server", "target", "client"],
    ),
    ("overview_tools", Span::Whole, &["tenant", "server", "target", "client"]),
    (
        "overview_series_minutes",
        Span::Whole,
        &["tenant", "server", "target", "client"],
    ),
    (
        "overview_series_seconds",
        Span::Last(900),
        &["tenant", "server", "target", "client"],
    ),
    ("servers", Span::Whole, &["tenant"]),
    ("tools", Span::Whole, &["tenant", "server", "target"]),
    ("clients", Span::Whole, &["tenant", "server"]),
    ("client_failing_tools", Span::Whole, &["tenant", "server"]),
    ("users", Span::Whole, &["tenant", "server"]),
    ("sessions", Span::Search(120, false), &["tenant", "server", "client"]),
    ("errors", Span::Whole, &["tenant", "server", "target", "fault"]),
    ("definitions", Span::Whole, &["tenant", "server"]),
    (
        "calls",
        Span::Search(3600, true),
        &["tenant", "server", "target", "client", "fault"],
    ),
    ("tool_health", Span::Whole, &["tenant"]),
    ("tool_changes", Span::Whole, &["server", "target"]),
    ("alerts", Span::Whole, &["server", "target"]),
    ("batches", Span::Whole, &[]),
];

/// What a call takes on disk: in all, and by column.
pub(super) async fn sizes(client: &Client, table: &mut String) {
    let parts = "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts \
        WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC";
    let parts: Vec<(String, u64, u64)> = client.query(parts).fetch_all().await.unwrap();
    let (_, calls, _) = parts.iter().find(|(table, ..)| table == "calls").unwrap();
    table.push_str("| table | rows | bytes per call |\n|---|--:|--:|\n");
    for (name, rows, bytes) in &parts {
        writeln!(table, "| `{name}` | {rows} | {:.2} |", *bytes as f64 / *calls as f64).unwrap();
    }
    let columns = "SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns \
        WHERE active AND database = currentDatabase() AND table = 'calls' GROUP BY column ORDER BY bytes DESC";
    let columns: Vec<(String, u64)> = client.query(columns).fetch_all().await.unwrap();
    table.push_str("\n| column of `calls` | bytes per call |\n|---|--:|\n");
    for (name, bytes) in columns {
        let bytes = bytes as f64 / *calls as f64;
        if bytes >= 0.05 {
            writeln!(table, "| `{name}` | {bytes:.2} |").unwrap();
        }
    }
}

/// How long each question takes, in milliseconds.
pub(super) async fn times(client: &Client, range: Range<'_>, table: &mut String) {
    let names: Vec<_> = FORMS.iter().map(|(name, _)| *name).collect();
    writeln!(table, "\n| question | {} |", names.join(" | ")).unwrap();
    writeln!(table, "|---|{}", "--:|".repeat(FORMS.len())).unwrap();
    for (name, span, known) in ASKED {
        write!(table, "| `{name}` |").unwrap();
        for (_, narrowed) in FORMS {
            let is_known = |(filter, _): &(&str, &str)| *filter == "slice" || known.contains(filter);
            if narrowed.iter().all(is_known) {
                let range = Range { narrowed, ..range };
                write!(
                    table,
                    " {} |",
                    median(async || ask(client, range, name, span).await).await
                )
                .unwrap();
            } else {
                table.push_str(" |");
            }
        }
        table.push('\n');
    }
    table.push_str("\n| one of many | milliseconds |\n|---|--:|\n");
    for (what, name, narrowed, from) in single(client, range).await {
        let narrowed: Vec<_> = narrowed.iter().map(|(filter, text)| (*filter, text.as_str())).collect();
        let range = Range {
            from,
            narrowed: &narrowed,
            ..range
        };
        let span = ASKED
            .iter()
            .find(|(asked, ..)| *asked == name)
            .map_or(Span::Whole, |(_, span, _)| *span);
        let time = median(async || ask(client, range, name, span).await).await;
        writeln!(table, "| `{name}` {what} | {time} |").unwrap();
    }
    assert_eq!(ASKED.len() + 1, QUESTIONS.len(), "every question is asked");
}

/// Questions about one of very many: what, which question, its filter, and from when.
type Single = (&'static str, &'static str, [(&'static str, String); 1], u64);

async fn single(client: &Client, range: Range<'_>) -> Vec<Single> {
    let one = async |column: &str| {
        let any = format!(
            "SELECT toString({column}) FROM calls WHERE tenant = 'tenant-100' AND {column} != '' AND \
             toDate(time) = toDate(toDateTime(?, 'UTC')) LIMIT 1"
        );
        client
            .query(&any)
            .bind(range.to - 43_200)
            .fetch_one::<String>()
            .await
            .unwrap()
    };
    let (chain, session, user) = (one("chain_id").await, one("session_id").await, one("user_id").await);
    vec![
        ("of a day", "chain", [("chain", chain.clone())], range.to - 86_400),
        ("of the month", "chain", [("chain", chain)], range.from),
        (
            "that is not there, of the month",
            "chain",
            [("chain", "none".to_owned())],
            range.from,
        ),
        (
            "of a session, of the month",
            "chain",
            [("session", session)],
            range.from,
        ),
        ("of a user", "calls", [("user", user.clone())], range.from),
        ("of a user", "sessions", [("user", user)], range.from),
    ]
}

async fn median(asked: impl AsyncFn()) -> u128 {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        asked().await;
        runs.push(started.elapsed());
    }
    runs.sort();
    runs[RUNS / 2].as_millis()
}

/// Asks as the API does.
async fn ask(client: &Client, range: Range<'_>, name: &str, span: Span) {
    let ask = async |range: Range<'_>| range.ask(client, name, text(name)).await.lines().count();
    match span {
        Span::Whole => {
            ask(range).await;
        }
        Span::Last(seconds) => {
            ask(Range {
                from: range.to - seconds,
                ..range
            })
            .await;
        }
        Span::Search(mut seconds, goes_on) => {
            let (mut to, mut found) = (range.to, 0);
            loop {
                let from = range.from.max(to.saturating_sub(seconds));
                let rows = ask(Range { from, to, ..range }).await;
                found = if goes_on { found + rows } else { rows };
                if found >= LIMIT || from == range.from {
                    return;
                }
                to = if goes_on { from } else { to };
                seconds *= 6;
            }
        }
    }
}
