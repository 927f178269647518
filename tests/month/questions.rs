//! The questions of the collector, and what the calls themselves say to them.

use clickhouse::Client;

macro_rules! questions {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../collector/queries/", $name, ".sql")))),*]
    };
}

pub(super) const QUESTIONS: [(&str, &str); 17] = questions![
    "overview_totals",
    "overview_series_minutes",
    "overview_series_seconds",
    "tools",
    "clients",
    "client_failing_tools",
    "servers",
    "users",
    "sessions",
    "errors",
    "definitions",
    "calls",
    "chain",
    "tool_health",
    "tool_changes",
    "alerts",
    "batches"
];

pub(super) fn text(name: &str) -> &'static str {
    let found = QUESTIONS.iter().find(|(known, _)| *known == name);
    found.expect("a question of the table").1
}

/// A question, the part of its answer that is compared, and the same part from the calls. Durations are left out: digests
/// are near, not equal.
pub(super) const CHECKS: [(&str, &str, &str); 8] = [
    (
        "overview_totals",
        "SELECT calls, failures, caller_errors, auth_errors, clients, tools FROM (QUESTION)",
        "SELECT sum(weight), sumIf(weight, fault = 'server'), sumIf(weight, fault = 'caller'), sumIf(weight, fault = 'auth'), \
         uniqExact(client), uniqExact(server, target) FROM calls WHERE RANGE",
    ),
    (
        "overview_series_minutes",
        "SELECT step, calls, round(failure_rate, 9) FROM (QUESTION)",
        "SELECT toUInt32(intDiv(toUnixTimestamp(time) - {from:Int64}, {step:UInt32})) AS step, sum(weight), \
         round(sumIf(weight, fault = 'server') / sum(weight), 9) FROM calls WHERE RANGE GROUP BY step ORDER BY step",
    ),
    (
        "tools",
        "SELECT server, tool, calls, failures, caller_errors, clients, last_seen FROM (QUESTION)",
        "SELECT server, target, sum(weight) AS n, sumIf(weight, fault = 'server'), sumIf(weight, fault = 'caller'), \
         uniqExact(client), toUnixTimestamp(max(time)) FROM calls WHERE RANGE GROUP BY server, target \
         ORDER BY n DESC, server, target",
    ),
    (
        "clients",
        "SELECT client, version, protocol, calls, failures FROM (QUESTION)",
        "SELECT client, client_version, protocol_version, sum(weight) AS n, sumIf(weight, fault = 'server') FROM calls \
         WHERE RANGE GROUP BY 1, 2, 3 ORDER BY n DESC, client, client_version, protocol_version",
    ),
    (
        "client_failing_tools",
        "SELECT client, version, protocol, server, tool, calls, failures FROM (QUESTION)",
        "SELECT client, client_version AS v, protocol_version AS p, server, target, sum(weight), \
         sumIf(weight, fault = 'server') AS f FROM calls WHERE RANGE GROUP BY client, v, p, server, target HAVING f > 0 \
         ORDER BY f DESC, server, target, client, v, p LIMIT 5 BY client, v, p LIMIT 5000",
    ),
    (
        "users",
        "SELECT user, calls, failures, caller_errors, tools, clients, last_seen FROM (QUESTION)",
        "SELECT user_id, sum(weight) AS n, sumIf(weight, fault = 'server'), sumIf(weight, fault = 'caller'), \
         uniqExact(server, target), uniqExact(client), toUnixTimestamp64Micro(max(time)) / 1000000 FROM calls WHERE RANGE \
         GROUP BY user_id ORDER BY n DESC, user_id LIMIT 1000",
    ),
    (
        "sessions",
        "SELECT server, session, user, calls, failures, last_seen FROM (QUESTION)",
        "SELECT server, session_id, any(user_id), sum(weight), sumIf(weight, fault = 'server'), \
         toUnixTimestamp64Micro(max(time)) / 1000000 AS l FROM calls WHERE RANGE AND session_id != '' \
         GROUP BY tenant, server, session_id ORDER BY l DESC, session_id DESC LIMIT 100",
    ),
    (
        "errors",
        "SELECT server, target, outcome, pattern, calls FROM (QUESTION)",
        "SELECT server, target, outcome, replaceRegexpAll(message, '[0-9]+', '#') AS p, sum(weight) AS n FROM calls \
         WHERE RANGE AND fault != 'none' GROUP BY server, target, outcome, p ORDER BY n DESC, server, target, p, outcome LIMIT 100",
    ),
];

/// Seconds since the Unix epoch, and whose calls, empty for all.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) tenant: &'static str,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Range {
    /// The rows of an answer, each as a line of JSON.
    pub(super) async fn ask(self, client: &Client, name: &str, question: &str) -> String {
        let of_range = "time >= toDateTime64({from:Int64}, 6) AND time < toDateTime64({to:Int64}, 6) \
            AND ({tenant:String} = '' OR tenant = {tenant:String})";
        let mut query = client
            .query_raw(&question.replace("RANGE", of_range))
            .param("from", self.from)
            .param("to", self.to)
            .param("step", 7200)
            .param("limit", 100)
            .param("before", self.to * 1_000_000)
            .param("before_trace", "0".repeat(32))
            .param("before_span", "0".repeat(16))
            .param("tenant", self.tenant)
            .param("slice", "server");
        for text in [
            "server", "target", "fault", "user", "client", "version", "protocol", "session", "outcome", "chain",
        ] {
            query = query.param(text, "");
        }
        let answer = query.fetch_bytes("JSONCompactEachRow").unwrap().collect().await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        String::from_utf8(answer.to_vec()).unwrap()
    }
}
