-- Which client of a large tenant called which tool, by day: for whom a tool breaks, as `client_tools_per_hour` of all
-- tenants. The 30 million calls that a month has of the largest of 5,000 tenants took seconds to be read for that; here it
-- has some 1,500 rows a day.
--
-- Order key: a question is about one tenant and a span of days.
--
-- TTL: 100 days as `client_tools_per_hour`. Codecs as there.
CREATE TABLE IF NOT EXISTS tenant_client_tools_per_day
(
    tenant LowCardinality(String) CODEC(ZSTD(1)),
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
ORDER BY (tenant, time, server, target, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 100 DAY
SETTINGS non_replicated_deduplication_window = 10000;

TRUNCATE TABLE tenant_client_tools_per_day;

CREATE MATERIALIZED VIEW IF NOT EXISTS tenant_client_tools_per_day_view TO tenant_client_tools_per_day AS
SELECT
    tenant,
    toStartOfDay(toDateTime(call.time, 'UTC')) AS time,
    server,
    target,
    client,
    client_version,
    protocol_version,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors
FROM calls AS call
WHERE kind = 'tool' AND direction != 'to_client' AND tenant IN (SELECT tenant FROM large_tenants)
GROUP BY tenant, time, server, target, client, client_version, protocol_version;
