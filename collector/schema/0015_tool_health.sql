-- When a tool became healthy, flaky or broken, and what that was decided by. A row is a change, not a look: the collector
-- looks every ten seconds and writes where the state is another one than before.
--
-- Several collectors may look at once and see the same change. `after` is when the state before began, so that a change
-- is known by what it follows: two rows with the same server, tool and `after` are one, of which the engine keeps one.
--
-- Order key: the history of one tool. All tenants are together, since a tool is broken for whoever calls it. Few rows;
-- kept for 400 days, as long as definitions, so that a change of one can be seen against the other.
CREATE TABLE IF NOT EXISTS tool_health
(
    server LowCardinality(String) CODEC(ZSTD(1)),
    tool LowCardinality(String) CODEC(ZSTD(1)),
    after DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    state LowCardinality(String) CODEC(ZSTD(1)),
    previous LowCardinality(String) CODEC(ZSTD(1)),
    sample UInt64 CODEC(T64, ZSTD(1)),
    failures UInt64 CODEC(T64, ZSTD(1)),
    recoveries UInt64 CODEC(T64, ZSTD(1)),
    reason String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (server, tool, after)
TTL toDate(time) + INTERVAL 400 DAY;

-- Alerts: the times in which a tool was in trouble, from a change to a state other than healthy up to the next change. The
-- end is 1970 as long as it lasts. They say what the changes say, so they are read from them: a table of their own could
-- contradict them.
CREATE OR REPLACE VIEW alerts AS
SELECT server, tool, state, begin, end, end = toDateTime64(0, 3, 'UTC') AS open, sample, failures, recoveries, reason
FROM (
    SELECT
        server, tool, state, sample, failures, recoveries, reason,
        time AS begin,
        leadInFrame(time, 1, toDateTime64(0, 3, 'UTC')) OVER (
            PARTITION BY server, tool ORDER BY time, after ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS end
    FROM tool_health FINAL)
WHERE state != 'healthy';
