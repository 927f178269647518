-- Users by day, as `users_per_day` had them, in an order in which the days of one user lie together.
--
-- A list of 30 days adds up every user's calls, which are narrow columns, and then reads the histograms of the 1,000 that
-- it shows. Ordered by day these lay in every granule: 844 MB were read for 50,000 users. Now they are 1,000 places of
-- 128 rows: 90 MB, a quarter of the work, and 30 % less on disk, since tenant and day repeat. One tenant's users are in
-- one place too. A list of a few hours reads the calls, whatever the order.
--
-- TTL and codecs as there.
--
-- An array of counts ends at its last bucket that is not empty: the engine spends a tenth less on a row of the view.
DROP VIEW IF EXISTS users_per_day_view;

DROP TABLE IF EXISTS tenant_users_per_day;

CREATE TABLE IF NOT EXISTS tenant_users_per_day
(
    slice LowCardinality(String) CODEC(ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(3)),
    day Date CODEC(Delta(2), ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failures SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    caller_errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    durations AggregateFunction(sumForEach, Array(UInt64)) CODEC(ZSTD(1)),
    tools AggregateFunction(uniqCombinedIf(12), Tuple(String, String), UInt8) CODEC(ZSTD(1)),
    clients AggregateFunction(uniqCombinedIf(12), String, UInt8) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (slice, server, tenant, user_id, day)
TTL day + INTERVAL 400 DAY
SETTINGS index_granularity = 128, non_replicated_deduplication_window = 10000;

INSERT INTO tenant_users_per_day
    (slice, server, tenant, user_id, day, calls, failures, caller_errors, durations, tools, clients, first_seen, last_seen)
SELECT slice, server, tenant, user_id, day, calls, failures, caller_errors, durations, tools, clients, first_seen, last_seen
FROM users_per_day
SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS tenant_users_per_day_view TO tenant_users_per_day AS
SELECT
    if(grouping(server) = 0, 'server', 'user') AS slice,
    server,
    tenant,
    user_id,
    toDate(call.time) AS day,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
    sumForEachState(arrayPushBack(
        arrayWithConstant(least(31, greatest(0, toInt8(2 * log2(greatest(duration_us, 1)) - 19.5))), toUInt64(0)),
        toUInt64(weight))) AS durations,
    uniqCombinedIfState(12)((toString(call.server), toString(call.target)), call.kind = 'tool') AS tools,
    uniqCombinedIfState(12)(toString(client), client != '') AS clients,
    min(call.time) AS first_seen,
    max(call.time) AS last_seen
FROM calls AS call
WHERE user_id != '' AND direction != 'to_client'
GROUP BY GROUPING SETS ((day, tenant, user_id), (day, tenant, user_id, server));
