-- Calls by hour, as `calls_per_hour` had them, in an order in which the hours of one client lie together.
--
-- A month's chart of one client is made of 12,500 digests. Ordered by time these lay among those of all clients, of which
-- 136,000 were read: a second of CPU, now 290 ms. The other slices have no client, so their order is what it was. A digest is
-- large, so that 512 rows are a granule of 1 MB.
--
-- TTL and codecs as there.
--
-- The days are made from the hours: their view goes first, else it would count once more what is moved.
DROP VIEW IF EXISTS calls_per_day_view;

DROP VIEW IF EXISTS client_calls_per_day_view;

DROP VIEW IF EXISTS calls_per_hour_view;

DROP TABLE IF EXISTS client_calls_per_hour;

CREATE TABLE IF NOT EXISTS client_calls_per_hour
(
    slice LowCardinality(String) CODEC(ZSTD(1)),
    time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    target LowCardinality(String) CODEC(ZSTD(1)),
    method LowCardinality(String) CODEC(ZSTD(1)),
    client LowCardinality(String) CODEC(ZSTD(1)),
    client_version LowCardinality(String) CODEC(ZSTD(1)),
    protocol_version LowCardinality(String) CODEC(ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failures SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    caller_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    auth_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_gone SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    request_bytes SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    response_bytes SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    duration_us_max SimpleAggregateFunction(max, UInt64) CODEC(T64, ZSTD(1)),
    duration_us AggregateFunction(quantilesTDigestWeighted(0.5, 0.95, 0.99), UInt64, UInt32) CODEC(ZSTD(1)),
    users AggregateFunction(uniqCombined64If(12), String, UInt8) CODEC(ZSTD(1)),
    clients AggregateFunction(uniqCombined64If(12), String, UInt8) CODEC(ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta(4), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (slice, client, time, direction, server, kind, target, method, client_version, protocol_version)
TTL toDate(time) + INTERVAL 100 DAY
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 10000;

INSERT INTO client_calls_per_hour
SELECT *
FROM calls_per_hour
SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS client_calls_per_day_view TO calls_per_day AS
SELECT
    slice, toStartOfDay(hour.time) AS time, direction, server, kind, target, method, client, client_version,
    protocol_version,
    sum(hour.calls) AS calls,
    sum(hour.failures) AS failures,
    sum(hour.caller_errors) AS caller_errors,
    sum(hour.auth_errors) AS auth_errors,
    sum(hour.client_gone) AS client_gone,
    sum(hour.request_bytes) AS request_bytes,
    sum(hour.response_bytes) AS response_bytes,
    max(hour.duration_us_max) AS duration_us_max,
    quantilesTDigestWeightedMergeState(0.5, 0.95, 0.99)(hour.duration_us) AS duration_us,
    uniqCombined64IfMergeState(12)(hour.users) AS users,
    uniqCombined64IfMergeState(12)(hour.clients) AS clients,
    max(hour.last_seen) AS last_seen
FROM client_calls_per_hour AS hour
GROUP BY slice, time, direction, server, kind, target, method, client, client_version, protocol_version;

CREATE MATERIALIZED VIEW IF NOT EXISTS client_calls_per_hour_view TO client_calls_per_hour AS
SELECT
    slice, toStartOfHour(minute.time) AS time, direction, server, kind, target, method, client, client_version,
    protocol_version,
    sum(minute.calls) AS calls,
    sum(minute.failures) AS failures,
    sum(minute.caller_errors) AS caller_errors,
    sum(minute.auth_errors) AS auth_errors,
    sum(minute.client_gone) AS client_gone,
    sum(minute.request_bytes) AS request_bytes,
    sum(minute.response_bytes) AS response_bytes,
    max(minute.duration_us_max) AS duration_us_max,
    quantilesTDigestWeightedMergeState(0.5, 0.95, 0.99)(minute.duration_us) AS duration_us,
    uniqCombined64IfMergeState(12)(minute.users) AS users,
    uniqCombined64IfMergeState(12)(minute.clients) AS clients,
    max(minute.last_seen) AS last_seen
FROM calls_per_minute AS minute
GROUP BY slice, time, direction, server, kind, target, method, client, client_version, protocol_version;
