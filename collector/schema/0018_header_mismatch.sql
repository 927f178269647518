-- Which headers of a request did not say what its body said: `method`, `name` and `version`, with commas between. Empty for
-- nearly all calls, so it costs nothing on disk.
ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS header_mismatch LowCardinality(String) CODEC(ZSTD(1)) AFTER content_types;
