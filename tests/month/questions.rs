//! The questions of the collector, and what the calls themselves say to them.

use clickhouse::Client;

macro_rules! questions {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../collector/queries/", $name, ".sql")))),*]
    };
}

pub(super) const QUESTIONS: [(&str, &str); 18] = questions![
    "overview_totals",
    "overview_tools",
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

/// Sums of a rollup by day, and the same from the calls; for any number of calls.
pub(super) const SUMS: [(&str, &str, &str); 8] = [
    (
        "calls_per_day",
        "SELECT toDate(time) AS day, sumIf(calls, slice = 'server') AS n, sumIf(calls, slice = 'tool'), \
         sumIf(calls, slice = 'client'), sumIf(failures, slice = 'tool'), sumIf(response_bytes, slice = 'client') \
         FROM calls_per_day GROUP BY day ORDER BY day",
        "SELECT toDate(time) AS day, sum(weight) AS n, n, n, sumIf(weight, fault = 'server'), sum(response_bytes * weight) \
         FROM calls GROUP BY day ORDER BY day",
    ),
    (
        "client_calls_per_hour",
        "SELECT time, sum(calls) FROM client_calls_per_hour WHERE slice = 'server' GROUP BY time ORDER BY time",
        "SELECT toStartOfHour(toDateTime(time, 'UTC')) AS hour, sum(weight) FROM calls GROUP BY hour ORDER BY hour",
    ),
    (
        "tenant_users_per_day",
        "SELECT day, sumIf(calls, slice = 'user'), sumIf(failures, slice = 'server'), uniqExactIf(user_id, slice = 'user') \
         FROM tenant_users_per_day GROUP BY day ORDER BY day",
        "SELECT toDate(time) AS day, sum(weight), sumIf(weight, fault = 'server'), uniqExact(user_id) FROM calls \
         GROUP BY day ORDER BY day",
    ),
    (
        "sessions",
        "SELECT uniqExact(tenant, server, session_id), sum(calls), sum(failures) FROM sessions",
        "SELECT uniqExact(tenant, server, toString(session_id)), sum(weight), sumIf(weight, fault = 'server') FROM calls \
         WHERE session_id != ''",
    ),
    (
        "errors_per_day",
        "SELECT day, sumIf(calls, slice = 'all'), sumIf(calls, slice = 'tenant') FROM errors_per_day GROUP BY day ORDER BY day",
        "SELECT toDate(time) AS day, sum(weight) AS n, n FROM calls WHERE fault != 'none' GROUP BY day ORDER BY day",
    ),
    (
        "tenant_calls and tenant_client_tools_per_day",
        "SELECT tenant, sum(n), sum(m) FROM (SELECT tenant, calls AS n, 0 AS m FROM tenant_calls WHERE slice = 'tool' \
         UNION ALL SELECT tenant, 0, calls FROM tenant_client_tools_per_day) GROUP BY tenant ORDER BY tenant",
        "SELECT tenant, sum(weight) AS n, n FROM calls WHERE tenant IN (SELECT tenant FROM large_tenants) \
         GROUP BY tenant ORDER BY tenant",
    ),
    (
        "client_tools_per_hour and tool_definitions",
        "SELECT target, sum(n), sum(m) FROM (SELECT target, calls AS n, 0 AS m FROM client_tools_per_hour \
         UNION ALL SELECT target, 0, calls FROM tool_definitions) GROUP BY target ORDER BY target",
        "SELECT target, sum(weight) AS n, n FROM calls GROUP BY target ORDER BY target",
    ),
    (
        "batches",
        "SELECT day, sum(rows) FROM batches GROUP BY day ORDER BY day",
        "SELECT toDate(time) AS day, count() FROM calls GROUP BY day ORDER BY day",
    ),
];

/// A question, the part of its answer that is compared, and the same part from the calls. Durations are left out: digests
/// are near, not equal.
pub(super) const CHECKS: [(&str, &str, &str); 9] = [
    (
        "overview_totals",
        "SELECT calls, failures, caller_errors, auth_errors, clients FROM (QUESTION)",
        "SELECT sum(weight), sumIf(weight, fault = 'server'), sumIf(weight, fault = 'caller'), sumIf(weight, fault = 'auth'), \
         uniqExact(client) FROM calls WHERE RANGE",
    ),
    (
        "overview_tools",
        "SELECT tools FROM (QUESTION)",
        "SELECT uniqExact(server, target) FROM calls WHERE RANGE",
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

/// Rows of a list.
pub(super) const LIMIT: usize = 100;
/// Lists that are told at once where they can be.
const SUMMARIES: [&str; 4] = ["tools", "clients", "client_failing_tools", "users"];

/// Seconds since the Unix epoch, and the parameters that say more than "any", such as a tenant.
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) narrowed: &'a [(&'a str, &'a str)],
}

impl Range<'_> {
    /// The rows of an answer, each as a line of JSON.
    pub(super) async fn ask(self, client: &Client, name: &str, question: &str) -> String {
        let of_range = "time >= toDateTime64({from:Int64}, 6) AND time < toDateTime64({to:Int64}, 6) \
            AND ({tenant:String} = '' OR tenant = {tenant:String}) \
            AND ({client:String} = '' OR client = {client:String})";
        let step = if self.to - self.from > 3600 { 7200 } else { 10 };
        let mut query = client
            .query_raw(&question.replace("RANGE", of_range))
            .param("from", self.from)
            .param("to", self.to)
            .param("step", step)
            .param("limit", if SUMMARIES.contains(&name) { 1000 } else { LIMIT })
            .param("offset", 0)
            .param("before", self.to * 1_000_000)
            .param("before_trace", "0".repeat(32))
            .param("before_span", "0".repeat(16));
        for (text, any) in [
            ("tenant", ""),
            ("server", ""),
            ("target", ""),
            ("fault", ""),
            ("user", ""),
            ("client", ""),
            ("version", ""),
            ("protocol", ""),
            ("session", ""),
            ("outcome", ""),
            ("chain", ""),
            ("slice", "server"),
        ] {
            let said = self.narrowed.iter().find(|(name, _)| *name == text);
            query = query.param(text, said.map_or(any, |(_, said)| *said));
        }
        let answer = query.fetch_bytes("JSONCompactEachRow").unwrap().collect().await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        String::from_utf8(answer.to_vec()).unwrap()
    }
}
