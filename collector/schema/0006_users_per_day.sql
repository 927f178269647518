-- Users by day: as a whole (slice `user`), and by server (slice `server`). One row per user, day and server at most, so that
-- 30 days of all users are read at once. By tool there would be as many rows as calls: that is asked of the calls of a user.
--
-- A t-digest per user and day would be as large as the calls themselves. Durations are counted in 32 buckets instead, each
-- half an octave wide: the first ends at 1.2 ms, the last begins at 40 s. That tells a percentile within 20 %.
--
-- Order key: lists are of days, and often of one server; the tenant comes before the user, because users belong to one.
--
-- TTL: 400 days, so that a month can be held against the same one a year ago. Codecs as in the rollups of
-- calls.
CREATE TABLE IF NOT EXISTS users_per_day
(
    slice LowCardinality(String) CODEC(ZSTD(1)),
    day Date CODEC(Delta(2), ZSTD(1)),
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(3)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failures SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    caller_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    durations AggregateFunction(sumForEach, Array(UInt64)) CODEC(ZSTD(1)),
    tools AggregateFunction(uniqCombinedIf(12), Tuple(String, String), UInt8) CODEC(ZSTD(1)),
    clients AggregateFunction(uniqCombinedIf(12), String, UInt8) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (slice, day, server, tenant, user_id)
TTL day + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

TRUNCATE TABLE users_per_day;

CREATE MATERIALIZED VIEW IF NOT EXISTS users_per_day_view TO users_per_day AS
SELECT
    if(grouping(server) = 0, 'server', 'user') AS slice,
    toDate(call.time) AS day,
    tenant,
    user_id,
    server,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
    sumForEachState(arrayResize(arrayPushBack(
        arrayWithConstant(least(31, greatest(0, toInt8(2 * log2(greatest(duration_us, 1)) - 19.5))), toUInt64(0)),
        toUInt64(weight)), 32)) AS durations,
    uniqCombinedIfState(12)((toString(call.server), toString(call.target)), call.kind = 'tool') AS tools,
    uniqCombinedIfState(12)(toString(client), client != '') AS clients,
    min(call.time) AS first_seen,
    max(call.time) AS last_seen
FROM calls AS call
WHERE user_id != '' AND direction != 'to_client'
GROUP BY GROUPING SETS ((day, tenant, user_id), (day, tenant, user_id, server));
