-- What a call costs on disk, measured on a month of calls (`tests/month`): 45 bytes instead of 54. The columns of names
-- were LZ4, the engine's default: ZSTD halves them. Users, sessions and chains repeat among neighbours, since a tenant's
-- hour lies together: a dictionary takes two thirds of what the text takes, and one that is full spills over, so any
-- number of users may come. Times differ by some 28 bits: T64 behind Delta keeps no more. Hashes repeat too, but farther
-- apart, so their blocks are larger.
ALTER TABLE calls
    MODIFY COLUMN time DateTime64(6, 'UTC') CODEC(Delta(8), T64('bit'), ZSTD(1)),
    MODIFY COLUMN server LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN tenant LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN target LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN server_version LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN instance LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN method LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN kind LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN outcome LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN fault LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN error_type LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN client LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN client_version LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN client_bridge LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN protocol_version LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN transport LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN direction LowCardinality(String) DEFAULT 'to_server' CODEC(ZSTD(1)),
    MODIFY COLUMN invalid_arguments LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN result_flags LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN content_types LowCardinality(String) CODEC(ZSTD(1)),
    MODIFY COLUMN session_id LowCardinality(String) CODEC(ZSTD(3)),
    MODIFY COLUMN user_id LowCardinality(String) CODEC(ZSTD(3)),
    MODIFY COLUMN chain_id LowCardinality(String) CODEC(ZSTD(3)),
    MODIFY COLUMN request_id LowCardinality(String) CODEC(ZSTD(3)),
    MODIFY COLUMN first_byte_us UInt64 CODEC(ZSTD(3)),
    MODIFY COLUMN http_status UInt16 CODEC(ZSTD(1)),
    MODIFY COLUMN args_hash UInt64 CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576),
    MODIFY COLUMN definition_hash UInt64 CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576),
    MODIFY COLUMN definition_bytes UInt32 CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576);

-- A filter that errs once in 25 granules instead of once in 1,000 is half as large. A month's filters are read as a whole
-- for one trace, so a smaller one also answers sooner, until the granules that it errs about cost more.
ALTER TABLE calls DROP INDEX IF EXISTS by_trace;

ALTER TABLE calls ADD INDEX IF NOT EXISTS by_trace_id trace_id TYPE bloom_filter(0.04) GRANULARITY 1;

ALTER TABLE calls ADD INDEX IF NOT EXISTS by_chain chain_id TYPE bloom_filter(0.01) GRANULARITY 1;
