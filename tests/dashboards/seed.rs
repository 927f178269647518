//! Calls of known content: ten minutes, two days ago, where nothing else writes.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{engine, macros::Range};

/// Equal calls at even distances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// The first one, in milliseconds since the start of the seed.
    pub(super) first_ms: i64,
    pub(super) every_ms: i64,
    pub(super) count: i64,
    pub(super) server: &'static str,
    pub(super) method: &'static str,
    pub(super) kind: &'static str,
    pub(super) target: &'static str,
    pub(super) outcome: &'static str,
    pub(super) fault: &'static str,
    pub(super) message: &'static str,
    pub(super) duration_us: u64,
    /// Name, version, protocol version.
    pub(super) client: [&'static str; 3],
    pub(super) user: &'static str,
    pub(super) weight: u64,
}

const DESKTOP: [&str; 3] = ["desktop", "1.0", "2025-11-25"];
const EDITOR: [&str; 3] = ["editor", "2.1", "2025-06-18"];
const NOBODY: [&str; 3] = ["", "", ""];

/// A success of the tool `search`, from which the others differ.
const SEARCH: Calls = Calls {
    first_ms: 0,
    every_ms: 1_000,
    count: 540,
    server: "shop",
    method: "tools/call",
    kind: "tool",
    target: "search",
    outcome: "ok",
    fault: "none",
    message: "",
    duration_us: 10_000,
    client: DESKTOP,
    user: "ada",
    weight: 1,
};

/// A tool and a server whose names need care in SQL, in the browser's macro and in links.
pub(super) const AWKWARD_TOOL: &str = "it's (a, b)";
pub(super) const AWKWARD_SERVER: &str = "o'hara";

pub(super) const SEED: [Calls; 9] = [
    SEARCH,
    Calls {
        first_ms: 180_250,
        every_ms: 500,
        count: 60,
        outcome: "tool_error",
        fault: "server",
        message: "upstream said 'no'",
        duration_us: 400_000,
        client: EDITOR,
        user: "bob",
        ..SEARCH
    },
    Calls {
        every_ms: 5_000,
        count: 20,
        target: AWKWARD_TOOL,
        outcome: "invalid_arguments",
        fault: "caller",
        duration_us: 2_000,
        user: "",
        ..SEARCH
    },
    Calls {
        first_ms: 300_000,
        count: 40,
        target: AWKWARD_TOOL,
        duration_us: 30_000,
        client: EDITOR,
        ..SEARCH
    },
    // Sampled: each of these stands for four.
    Calls {
        first_ms: 60_000,
        every_ms: 2_000,
        count: 50,
        server: AWKWARD_SERVER,
        target: "read",
        duration_us: 1_000,
        client: NOBODY,
        user: "",
        weight: 4,
        ..SEARCH
    },
    Calls {
        first_ms: 300_500,
        count: 4,
        server: AWKWARD_SERVER,
        target: "read",
        outcome: "internal_error",
        fault: "server",
        message: "disk full",
        duration_us: 1_000,
        client: NOBODY,
        user: "",
        ..SEARCH
    },
    // A prompt with the name of the tool, which is none.
    Calls {
        first_ms: 120_000,
        count: 10,
        method: "prompts/get",
        kind: "prompt",
        ..SEARCH
    },
    Calls {
        count: 15,
        method: "tools/list",
        kind: "",
        target: "",
        outcome: "unauthorized",
        fault: "auth",
        duration_us: 1_000,
        user: "",
        ..SEARCH
    },
    Calls {
        first_ms: 240_000,
        count: 5,
        outcome: "cancelled",
        fault: "client_gone",
        ..SEARCH
    },
];

/// Unix time of the seed's start, a whole hour; the rows are inserted on first use.
pub(super) fn start() -> i64 {
    static START: OnceLock<i64> = OnceLock::new();
    *START.get_or_init(|| {
        let start = (now() - 2 * 86_400) / 3_600 * 3_600;
        insert(&SEED, start * 1_000);
        start
    })
}

/// All of the seed, in steps of a minute.
pub(super) fn range() -> Range {
    Range {
        from_ms: start() * 1_000,
        to_ms: (start() + 600) * 1_000,
        step_s: 60,
    }
}

/// Inserts calls; their first is at `start_ms` and their own offset.
pub(super) fn insert(groups: &[Calls], start_ms: i64) {
    let rows: Vec<_> = groups
        .iter()
        .flat_map(|calls| (0..calls.count).map(move |n| row(calls, n, start_ms)))
        .collect();
    let sql = format!(
        "INSERT INTO calls (time, server, method, kind, target, outcome, fault, message, duration_us, client, \
         client_version, protocol_version, user_id, weight) VALUES {}",
        rows.join(", ")
    );
    engine::query(&sql).expect("the seed goes in");
}

fn row(calls: &Calls, n: i64, start_ms: i64) -> String {
    let time = start_ms + calls.first_ms + n * calls.every_ms;
    let [client, version, protocol] = calls.client;
    let texts = [
        calls.server,
        calls.method,
        calls.kind,
        calls.target,
        calls.outcome,
        calls.fault,
        calls.message,
    ];
    let quote = |text: &str| format!("'{}'", text.replace('\'', "\\'"));
    let texts: Vec<_> = texts.into_iter().map(quote).collect();
    let callers: Vec<_> = [client, version, protocol, calls.user].into_iter().map(quote).collect();
    let (texts, callers) = (texts.join(", "), callers.join(", "));
    let (seconds, thousandths) = (time / 1_000, time % 1_000);
    format!(
        "('{seconds}.{thousandths:03}', {texts}, {}, {callers}, {})",
        calls.duration_us, calls.weight
    )
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock before the end of time")
}
