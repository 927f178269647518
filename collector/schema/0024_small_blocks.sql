-- Smaller blocks of compressed data where a list reads single granules from all over a table: 1,000 users, 100 sessions.
--
-- The engine ends a block at the first granule behind 64 KiB. These granules have 128 and 512 rows, so a block held dozens of
-- them, all of which were decompressed for one. Of users only the states, since the other columns are also read as a whole,
-- and small blocks of all columns would cost an insert a fifth more: a batch has as many rows of users as calls. Parts that
-- are there already stay as they are until they are merged.
ALTER TABLE tenant_users_per_day
    MODIFY COLUMN durations AggregateFunction(sumForEach, Array(UInt64)) CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 4096),
    MODIFY COLUMN tools AggregateFunction(uniqCombinedIf(12), Tuple(String, String), UInt8) CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 4096),
    MODIFY COLUMN clients AggregateFunction(uniqCombinedIf(12), String, UInt8) CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 4096);

ALTER TABLE sessions
    MODIFY SETTING min_compress_block_size = 4096;
