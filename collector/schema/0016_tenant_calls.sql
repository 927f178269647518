-- Calls of large tenants, by hour in all and by day by tool and by client, as the rollups of all tenants.
--
-- A small tenant's calls lie side by side in `calls` and are read from there: 30 days of 300,000 calls take a third of a
-- second. Of a tenant with a tenth of 278 million calls they take four. A rollup of all tenants costs the engine 4.2 us
-- a call, since a batch has nearly as many tenants with a tool as calls; of the 50 largest of 5,000 it costs 1.0, and these
-- have half of the calls. So only those of `large_tenants` are summed up: the collector adds who had 20,000 calls in a day,
-- some days ahead, so that each call from `since` on is in the rollup whenever it arrives. What is older is read as before.
CREATE TABLE IF NOT EXISTS large_tenants
(
    tenant String CODEC(ZSTD(1)),
    since SimpleAggregateFunction(min, DateTime('UTC')) CODEC(Delta(4), ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY tenant;

-- Order key: a question is about one tenant, one slice and a span of time.
--
-- TTL: 100 days as the rollups by hour of all tenants, which it stands beside. Codecs as there.
CREATE TABLE IF NOT EXISTS tenant_calls
(
    tenant LowCardinality(String) CODEC(ZSTD(1)),
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
ORDER BY (tenant, slice, time, direction, server, kind, target, method, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 100 DAY
SETTINGS non_replicated_deduplication_window = 10000;

INSERT INTO large_tenants
SELECT tenant, toDateTime(0, 'UTC') AS since
FROM calls
WHERE tenant != ''
GROUP BY tenant
HAVING count() >= 1000000
ORDER BY count() DESC
LIMIT 100
SETTINGS insert_deduplicate = 0;

TRUNCATE TABLE tenant_calls;

CREATE MATERIALIZED VIEW IF NOT EXISTS tenant_calls_view TO tenant_calls AS
SELECT
    tenant,
    multiIf(grouping(target) = 0, 'tool', grouping(client) = 0, 'client', 'server') AS slice,
    greatest(hour, day) AS time,
    to_client AS direction,
    server, kind, target, method, client, client_version, protocol_version,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
    sumIf(toUInt64(weight), fault = 'auth') AS auth_errors,
    sumIf(toUInt64(weight), fault = 'client_gone') AS client_gone,
    sum(call.request_bytes * weight) AS request_bytes,
    sum(call.response_bytes * weight) AS response_bytes,
    max(call.duration_us) AS duration_us_max,
    quantilesTDigestWeightedState(0.5, 0.95, 0.99)(call.duration_us, weight) AS duration_us,
    uniqCombined64IfState(12)(toString(user_id), user_id != '') AS users,
    uniqCombined64IfState(12)(toString(call.client), call.client != '') AS clients,
    toDateTime(max(call.time), 'UTC') AS last_seen
FROM (
    SELECT
        *,
        toStartOfHour(toDateTime(time, 'UTC')) AS hour,
        toStartOfDay(toDateTime(time, 'UTC')) AS day,
        if(direction = 'to_client', 'to_client', '') AS to_client
    FROM calls
    WHERE tenant IN (SELECT tenant FROM large_tenants)) AS call
GROUP BY GROUPING SETS (
    (tenant, hour, to_client, server),
    (tenant, day, to_client, server, kind, target, method),
    (tenant, day, to_client, server, client, client_version, protocol_version));
