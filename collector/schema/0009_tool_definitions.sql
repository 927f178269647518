-- Every definition of a tool that was seen, by its hash: how large it is, and from when to when it was called. Each costs
-- the model its tokens in every conversation, which are about a quarter of its bytes.
--
-- Order key: how the definition of one tool changed. Few rows, kept until 400 days after the last call.
CREATE TABLE IF NOT EXISTS tool_definitions
(
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    server LowCardinality(String) CODEC(ZSTD(1)),
    target LowCardinality(String) CODEC(ZSTD(1)),
    definition_hash UInt64 CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(T64, ZSTD(1)),
    estimated_tokens UInt32 ALIAS intDiv(bytes + 3, 4)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, server, target, definition_hash)
TTL toDate(last_seen) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

TRUNCATE TABLE tool_definitions;

CREATE MATERIALIZED VIEW IF NOT EXISTS tool_definitions_view TO tool_definitions AS
SELECT
    tenant,
    server,
    target,
    definition_hash,
    max(definition_bytes) AS bytes,
    sum(toUInt64(weight)) AS calls,
    min(call.time) AS first_seen,
    max(call.time) AS last_seen
FROM calls AS call
WHERE definition_hash != 0 AND kind = 'tool'
GROUP BY tenant, server, target, definition_hash;
