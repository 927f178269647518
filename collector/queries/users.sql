-- How each known user fared: calls, failures, latency, tools and clients used; most calls first.
--
-- Whole days come from the rollup, the rest of the first and of the last day from the calls. Latencies are looked up
-- only for the users that are listed; they lie within a bucket half an octave wide, in which they count as even.
--
-- Calls are compared in microseconds: compared with whole seconds by `<`, the engine leaves out parts of the table that
-- lie within the last second.
WITH
    toDateTime64({from:Int64}, 6, 'UTC') AS begin,
    toDateTime64({to:Int64}, 6, 'UTC') AS end,
    toDate(toDateTime({from:Int64} + 86399, 'UTC')) AS first_day,
    toDate(toDateTime({to:Int64}, 'UTC')) AS last_day,
    users AS (
        SELECT user_id, calls, failures, caller_errors, durations, tools, clients, last_seen
        FROM users_per_day
        WHERE slice = if({server:String} = '', 'user', 'tool') AND day >= first_day AND day < last_day
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
        UNION ALL
        SELECT
            toString(call.user_id) AS user_id,
            sum(toUInt64(weight)) AS calls,
            sumIf(toUInt64(weight), fault = 'server') AS failures,
            sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
            sumForEachState(arrayResize(arrayPushBack(
                arrayWithConstant(least(31, greatest(0, toInt8(2 * log2(greatest(duration_us, 1)) - 19.5))), toUInt64(0)),
                toUInt64(weight)), 32)) AS durations,
            uniqCombinedIfState(12)((toString(call.server), toString(call.target)), call.kind = 'tool') AS tools,
            uniqCombinedIfState(12)(toString(client), client != '') AS clients,
            max(call.time) AS last_seen
        FROM calls AS call
        WHERE call.user_id != '' AND direction != 'to_client'
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
            AND toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
            AND call.time >= begin AND call.time < end
            AND NOT (toDate(call.time) >= first_day AND toDate(call.time) < last_day)
        GROUP BY user_id
    ),
    listed AS (
        SELECT user_id FROM users GROUP BY user_id ORDER BY sum(calls) DESC, user_id LIMIT 1000
    ),
    sumForEachMerge(known.durations) AS buckets,
    arrayCumSum(buckets) AS passed,
    0.95 * passed[32] AS wanted,
    arrayFirstIndex(count -> count >= wanted, passed) AS bucket
SELECT
    user_id AS user,
    sum(known.calls) AS calls,
    sum(known.failures) AS failures,
    sum(known.caller_errors) AS caller_errors,
    failures / calls AS failure_rate,
    -- A bucket begins half way between two powers of the square root of 2, in microseconds.
    exp2((bucket + 18.5 + (wanted - passed[bucket] + buckets[bucket]) / buckets[bucket]) / 2) / 1000 AS p95_ms,
    uniqCombinedIfMerge(12)(known.tools) AS tools,
    uniqCombinedIfMerge(12)(known.clients) AS clients,
    toUnixTimestamp64Micro(max(known.last_seen)) / 1000000 AS last_seen
FROM users AS known
WHERE user_id GLOBAL IN (SELECT user_id FROM listed)
GROUP BY user
ORDER BY calls DESC, user
LIMIT 1000
