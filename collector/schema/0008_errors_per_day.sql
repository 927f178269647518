-- Errors that are the same but for numbers and ids in their message, by day: in all tenants together (slice `all`, with
-- an empty tenant), and by tenant. Only what failed is read, so this view costs little.
--
-- Order key: a question is about one slice, a span of days, and perhaps one tenant and server.
--
-- TTL: 100 days as the rollups by hour. Codecs as there.
CREATE TABLE IF NOT EXISTS errors_per_day
(
    slice LowCardinality(String) CODEC(ZSTD(1)),
    day Date CODEC(Delta(2), ZSTD(1)),
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    target LowCardinality(String) CODEC(ZSTD(1)),
    method LowCardinality(String) CODEC(ZSTD(1)),
    outcome LowCardinality(String) CODEC(ZSTD(1)),
    fault LowCardinality(String) CODEC(ZSTD(1)),
    error_type LowCardinality(String) CODEC(ZSTD(1)),
    rpc_code Int32 CODEC(T64, ZSTD(1)),
    pattern String CODEC(ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    users AggregateFunction(uniqCombined64If(12), String, UInt8) CODEC(ZSTD(1)),
    sample_message SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    sample_trace_id SimpleAggregateFunction(any, FixedString(16)) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (slice, day, tenant, server, kind, target, method, outcome, fault, error_type, rpc_code, pattern)
TTL day + INTERVAL 100 DAY
SETTINGS non_replicated_deduplication_window = 10000;

TRUNCATE TABLE errors_per_day;

CREATE MATERIALIZED VIEW IF NOT EXISTS errors_per_day_view TO errors_per_day AS
SELECT
    if(grouping(tenant) = 0, 'tenant', 'all') AS slice,
    toDate(call.time) AS day,
    tenant,
    server,
    kind,
    target,
    method,
    outcome,
    fault,
    error_type,
    rpc_code,
    replaceRegexpAll(message, '[0-9a-fA-F-]{8,}|[0-9]+', '#') AS pattern,
    sum(toUInt64(weight)) AS calls,
    uniqCombined64IfState(12)(toString(user_id), user_id != '') AS users,
    any(message) AS sample_message,
    any(trace_id) AS sample_trace_id,
    min(call.time) AS first_seen,
    max(call.time) AS last_seen
FROM calls AS call
WHERE fault NOT IN ('', 'none') AND direction != 'to_client'
GROUP BY GROUPING SETS (
    (day, server, kind, target, method, outcome, fault, error_type, rpc_code, pattern),
    (day, tenant, server, kind, target, method, outcome, fault, error_type, rpc_code, pattern));
