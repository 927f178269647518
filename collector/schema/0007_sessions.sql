-- Sessions of the protocol versions that have them: who called, and how it went. A session is one row per month that it was
-- used in. What is known of the client stands in the rows of `initialize`; `max` keeps it, since unknown is empty.
--
-- Order key: the id behind the tenant and the server that gave it out, so that one session is found at once, which is how
-- a collector learns the client of a session that began at another one. Ids are random, so the sessions of one list lie
-- far apart: granules are small, so that each costs 512 rows.
--
-- TTL: two months from the first of the month, so that a session outlives its calls, which go after 30 days.
CREATE TABLE IF NOT EXISTS sessions
(
    month Date CODEC(Delta(2), ZSTD(1)),
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    client SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    client_version SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    protocol_version SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    user_id SimpleAggregateFunction(max, String) CODEC(ZSTD(3)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failures SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    caller_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY month
ORDER BY (tenant, server, session_id)
TTL month + INTERVAL 62 DAY
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

TRUNCATE TABLE sessions;

CREATE MATERIALIZED VIEW IF NOT EXISTS sessions_view TO sessions AS
SELECT
    toStartOfMonth(call.time) AS month,
    tenant,
    server,
    session_id,
    max(toString(call.client)) AS client,
    max(toString(call.client_version)) AS client_version,
    max(toString(call.protocol_version)) AS protocol_version,
    max(toString(call.user_id)) AS user_id,
    sumIf(toUInt64(weight), direction != 'to_client') AS calls,
    sumIf(toUInt64(weight), direction != 'to_client' AND fault = 'server') AS failures,
    sumIf(toUInt64(weight), direction != 'to_client' AND fault = 'caller') AS caller_errors,
    min(call.time) AS first_seen,
    max(call.time) AS last_seen
FROM calls AS call
WHERE session_id != ''
GROUP BY month, tenant, server, session_id;
