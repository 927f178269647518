-- Every batch that was stored: its token, how many rows it had, and when. That nothing is lost and nothing counted twice
-- can be shown with it: for each day the rows of all batches are the rows of `calls`. (Those of a user who was forgotten
-- are missing from `calls`, and rows that somebody inserted without a token are one batch with an empty one.)
--
-- The view is fed by the insert itself, so that a batch is noted where its calls are stored and under the same token: a
-- row sent by the collector afterwards could be missing when the collector dies in between, and would be a second request
-- each time. A batch of several days has a row for each, so that both tables forget a day together.
--
-- What the collector knows of a batch and the rows do not tell travels with the insert: the token, and in the comment of
-- the query when its first and last request arrived, in microseconds; 1970 where that is not known.
--
-- Order key: a question is about a day, which is a partition, or about one token.
--
-- TTL: as long as the calls that it vouches for.
CREATE TABLE IF NOT EXISTS batches
(
    day Date CODEC(Delta(2), ZSTD(1)),
    token String CODEC(ZSTD(3)),
    collector LowCardinality(String) ALIAS extract(token, '^(.*):[0-9a-f]{32}:'),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_received SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last_received SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    first_call SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last_call SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    inserted_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY token
TTL day + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

TRUNCATE TABLE batches;

CREATE MATERIALIZED VIEW IF NOT EXISTS batches_view TO batches AS
SELECT
    toDate(call.time) AS day,
    getSetting('insert_deduplication_token') AS token,
    count() AS rows,
    fromUnixTimestamp64Micro(toInt64OrZero(splitByChar('-', getSetting('log_comment'))[1]), 'UTC') AS first_received,
    fromUnixTimestamp64Micro(toInt64OrZero(splitByChar('-', getSetting('log_comment'))[2]), 'UTC') AS last_received,
    min(call.time) AS first_call,
    max(call.time) AS last_call,
    now64(3, 'UTC') AS inserted_at
FROM calls AS call
GROUP BY day;
