-- What newer layers tell of a call. Hashes are 64 bits of noise, so only ZSTD's own check costs anything there; captured
-- arguments and results are empty unless the operator of the observed server turned capture on.
ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS direction LowCardinality(String) DEFAULT 'to_server' AFTER request_id,
    ADD COLUMN IF NOT EXISTS chain_id String CODEC(ZSTD(1)) AFTER direction,
    ADD COLUMN IF NOT EXISTS args_hash UInt64 CODEC(ZSTD(1)) AFTER chain_id,
    ADD COLUMN IF NOT EXISTS invalid_arguments LowCardinality(String) AFTER args_hash,
    ADD COLUMN IF NOT EXISTS result_flags LowCardinality(String) AFTER invalid_arguments,
    ADD COLUMN IF NOT EXISTS content_types LowCardinality(String) AFTER result_flags,
    ADD COLUMN IF NOT EXISTS attempt UInt16 CODEC(T64, ZSTD(1)) AFTER content_types,
    ADD COLUMN IF NOT EXISTS waited_us UInt64 CODEC(T64, ZSTD(1)) AFTER attempt,
    ADD COLUMN IF NOT EXISTS progress UInt32 CODEC(T64, ZSTD(1)) AFTER waited_us,
    ADD COLUMN IF NOT EXISTS definition_hash UInt64 CODEC(ZSTD(1)) AFTER progress,
    ADD COLUMN IF NOT EXISTS definition_bytes UInt32 CODEC(T64, ZSTD(1)) AFTER definition_hash,
    ADD COLUMN IF NOT EXISTS arguments String CODEC(ZSTD(3)) AFTER definition_bytes,
    ADD COLUMN IF NOT EXISTS result String CODEC(ZSTD(3)) AFTER arguments;
