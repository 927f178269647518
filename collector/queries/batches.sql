-- Whether the calls of each day are those of the batches that were stored: both counts, the latest day first. The number
-- of calls is known without reading any, since a partition is a day.
SELECT
    toUnixTimestamp(toDateTime(day, 'UTC')) AS time,
    sum(of_batches.batches) AS batches,
    sum(of_batches.rows) AS rows,
    sum(of_batches.calls) AS calls
FROM (
    SELECT day, uniqExact(token) AS batches, sum(batch.rows) AS rows, 0 AS calls
    FROM batches AS batch
    GROUP BY day
    UNION ALL
    SELECT toDate(call.time) AS day, 0 AS batches, 0 AS rows, count() AS calls
    FROM calls AS call
    GROUP BY day) AS of_batches
WHERE day >= toDate(toDateTime({from:Int64}, 'UTC')) AND day <= toDate(toDateTime({to:Int64} - 1, 'UTC'))
GROUP BY day
ORDER BY day DESC
LIMIT 1000
