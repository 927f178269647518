-- Calls by minute, for everything that is shown over time. One wide rollup: each further view costs the insert about as
-- much again as the first. Counts are weighted, so they are right under sampling; percentiles are mergeable t-digest
-- states, so any slice and any span of time is right. Calls without a user count as no user.
CREATE TABLE IF NOT EXISTS calls_by_minute
(
    minute DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    tenant LowCardinality(String),
    server LowCardinality(String),
    method LowCardinality(String),
    kind LowCardinality(String),
    target LowCardinality(String),
    client LowCardinality(String),
    client_version LowCardinality(String),
    protocol_version LowCardinality(String),
    calls SimpleAggregateFunction(sum, UInt64),
    failures SimpleAggregateFunction(sum, UInt64),
    caller_errors SimpleAggregateFunction(sum, UInt64),
    auth_errors SimpleAggregateFunction(sum, UInt64),
    client_gone SimpleAggregateFunction(sum, UInt64),
    request_bytes SimpleAggregateFunction(sum, UInt64),
    response_bytes SimpleAggregateFunction(sum, UInt64),
    duration_us_max SimpleAggregateFunction(max, UInt64),
    duration_us AggregateFunction(quantilesTDigestWeighted(0.5, 0.95, 0.99), UInt64, UInt32),
    users AggregateFunction(uniqCombined64If(12), String, UInt8),
    last_seen SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, minute, server, kind, target, method, client, client_version, protocol_version)
TTL toDate(minute) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_by_minute_view TO calls_by_minute AS
SELECT
    toStartOfMinute(time) AS minute,
    tenant,
    server,
    method,
    kind,
    target,
    client,
    client_version,
    protocol_version,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
    sumIf(toUInt64(weight), fault = 'auth') AS auth_errors,
    sumIf(toUInt64(weight), fault = 'client_gone') AS client_gone,
    sum(calls.request_bytes * weight) AS request_bytes,
    sum(calls.response_bytes * weight) AS response_bytes,
    max(calls.duration_us) AS duration_us_max,
    quantilesTDigestWeightedState(0.5, 0.95, 0.99)(calls.duration_us, weight) AS duration_us,
    uniqCombined64IfState(12)(user_id, user_id != '') AS users,
    toDateTime(max(time), 'UTC') AS last_seen
FROM calls
GROUP BY tenant, minute, server, method, kind, target, client, client_version, protocol_version;
