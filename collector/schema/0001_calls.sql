-- One row per MCP request or notification.
--
-- Order key: every question is asked by one tenant for a span of time, then by server and tool; the hour in front of
-- the names keeps "the last 15 minutes" and "one tool for a day" both short. `time` last keeps a tool's calls in order.
-- Partitions by day so that the TTL drops whole parts. Names from bounded sets are LowCardinality; user, session,
-- resource and message are not bounded. The deduplication window makes an insert repeated with the same token a no-op.
CREATE TABLE IF NOT EXISTS calls
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    tenant LowCardinality(String),
    server LowCardinality(String),
    server_version LowCardinality(String),
    instance LowCardinality(String),
    method LowCardinality(String),
    kind LowCardinality(String),
    target LowCardinality(String),
    resource_uri String CODEC(ZSTD(3)),
    outcome LowCardinality(String),
    fault LowCardinality(String),
    error_type LowCardinality(String),
    rpc_code Int32 CODEC(T64, ZSTD(1)),
    http_status UInt16 CODEC(T64, ZSTD(1)),
    message String CODEC(ZSTD(3)),
    duration_us UInt64 CODEC(T64, ZSTD(1)),
    first_byte_us UInt64 CODEC(T64, ZSTD(1)),
    request_bytes UInt64 CODEC(T64, ZSTD(1)),
    response_bytes UInt64 CODEC(T64, ZSTD(1)),
    client LowCardinality(String),
    client_version LowCardinality(String),
    client_bridge LowCardinality(String),
    protocol_version LowCardinality(String),
    transport LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    weight UInt32 CODEC(T64, ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(ZSTD(1)),
    parent_span_id FixedString(8) CODEC(ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, toStartOfHour(time), server, target, time)
TTL toDate(time) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;
