-- Which client called which tool, by hour: for whom a tool breaks. Counts only, since there are as many combinations as
-- clients, versions, protocol versions and tools multiplied. All tenants are together, as in the other rollups.
--
-- Order key: a question is about a span of hours; clients and tools are summed up from there.
--
-- TTL: 100 days as the other rollups by hour. Codecs as there.
CREATE TABLE IF NOT EXISTS client_tools_per_hour
(
    time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    target LowCardinality(String) CODEC(ZSTD(1)),
    client LowCardinality(String) CODEC(ZSTD(1)),
    client_version LowCardinality(String) CODEC(ZSTD(1)),
    protocol_version LowCardinality(String) CODEC(ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failures SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    caller_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, server, target, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 100 DAY
SETTINGS non_replicated_deduplication_window = 10000;

TRUNCATE TABLE client_tools_per_hour;

CREATE MATERIALIZED VIEW IF NOT EXISTS client_tools_per_hour_view TO client_tools_per_hour AS
SELECT
    toStartOfHour(call.time) AS time,
    server,
    target,
    client,
    client_version,
    protocol_version,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors
FROM calls AS call
WHERE kind = 'tool' AND direction != 'to_client'
GROUP BY time, server, target, client, client_version, protocol_version;
