-- Calls by minute, hour and day, for everything that is shown over time.
--
-- One view reads the calls, since each further one costs the insert about as much again; it sums them up in three ways at
-- once, the slices, and the hour and the day are made from the minute. `server` is for charts and totals, `tool` for what
-- was called (tools, prompts, resources and methods), `client` for who called. A slice leaves empty what it does not tell
-- apart. All tenants are together: one tenant's calls lie side by side in `calls`, where they are read directly.
--
-- Counts are weighted, so they are right under sampling; percentiles are mergeable t-digest states, so any slice and any
-- span of time is right. Calls without a user count as no user. What the server asked of the client (`to_client`) is
-- kept apart by `direction`.
--
-- Order key: a question is about one slice and a span of time. A minute of a busy month holds 100 calls of a tool, so its
-- state is no smaller than they are: minutes are kept for 3 days, hours for 100, days for 800.
--
-- Codecs: counts are small numbers in eight bytes, which T64 packs before ZSTD; times stand in order, so Delta; states are
-- what ZSTD makes of them.
CREATE TABLE IF NOT EXISTS calls_per_minute
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
PARTITION BY toDate(time)
ORDER BY (slice, time, direction, server, kind, target, method, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS calls_per_hour AS calls_per_minute
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (slice, time, direction, server, kind, target, method, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 100 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS calls_per_day AS calls_per_minute
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (slice, time, direction, server, kind, target, method, client, client_version, protocol_version)
TTL toDate(time) + INTERVAL 800 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_per_hour_view TO calls_per_hour AS
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

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_per_day_view TO calls_per_day AS
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
FROM calls_per_hour AS hour
GROUP BY slice, time, direction, server, kind, target, method, client, client_version, protocol_version;

-- The rollup before this one goes back farther than the calls: its view goes, and the new tables take over the days that
-- the calls do not tell any more. Then the calls themselves are summed up, and the new view begins: no call counts twice,
-- however often this stops half way.
DROP VIEW IF EXISTS calls_by_minute_view;

TRUNCATE TABLE calls_per_day;

TRUNCATE TABLE calls_per_hour;

TRUNCATE TABLE calls_per_minute;

INSERT INTO calls_per_minute
SELECT
    multiIf(grouping(target) = 0, 'tool', grouping(client) = 0, 'client', 'server') AS slice,
    minute AS time, direction, server, kind, target, method, client, client_version, protocol_version,
    sum(old.calls), sum(old.failures), sum(old.caller_errors), sum(old.auth_errors), sum(old.client_gone),
    sum(old.request_bytes), sum(old.response_bytes), max(old.duration_us_max),
    quantilesTDigestWeightedMergeState(0.5, 0.95, 0.99)(old.duration_us), uniqCombined64IfMergeState(12)(old.users),
    uniqCombined64IfState(12)(toString(client), client != ''), max(old.last_seen)
FROM (
    SELECT *, '' AS direction
    FROM calls_by_minute
    WHERE minute < (SELECT if(count() = 0, now('UTC'), toStartOfDay(toDateTime(min(time), 'UTC'))) FROM calls)) AS old
GROUP BY GROUPING SETS (
    (time, direction, server),
    (time, direction, server, kind, target, method),
    (time, direction, server, client, client_version, protocol_version))
SETTINGS max_bytes_before_external_group_by = 200000000, max_partitions_per_insert_block = 0, insert_deduplicate = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_per_minute_view TO calls_per_minute AS
SELECT
    multiIf(grouping(target) = 0, 'tool', grouping(client) = 0, 'client', 'server') AS slice,
    toStartOfMinute(call.time) AS time,
    if(call.direction = 'to_client', 'to_client', '') AS direction,
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
FROM calls AS call
GROUP BY GROUPING SETS (
    (time, direction, server),
    (time, direction, server, kind, target, method),
    (time, direction, server, client, client_version, protocol_version));
