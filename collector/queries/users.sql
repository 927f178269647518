-- How each known user fared: calls, failures, latency, tools and clients used; most calls first.
--
-- Whole days come from the rollup, the rest of the first and of the last day from the calls; a week and more is taken as
-- whole days. Who is listed is decided by the counts alone; all else is read of the listed users only, of whom the rollup has
-- all days in one place. Latencies lie within a bucket half an octave wide; its middle is told, which is off by 19 % at most.
--
-- Calls are compared in microseconds: compared with whole seconds by `<`, the engine leaves out parts of the table that
-- lie within the last second.
WITH
    toDateTime64({from:Int64}, 6, 'UTC') AS begin,
    toDateTime64({to:Int64}, 6, 'UTC') AS end,
    {to:Int64} - {from:Int64} < 7 * 86400 AS with_edges,
    toDate(toDateTime({from:Int64} + if(with_edges, 86399, 0), 'UTC')) AS first_day,
    toDate(toDateTime({to:Int64} + if(with_edges, 0, 86399), 'UTC')) AS last_day,
    counts AS (
        SELECT tenant, user_id, sum(rollup.calls) AS calls
        FROM tenant_users_per_day AS rollup
        WHERE slice = if({server:String} = '', 'user', 'server') AND day >= first_day AND day < last_day
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
        GROUP BY tenant, user_id
        UNION ALL
        SELECT tenant, toString(call.user_id) AS user_id, sum(toUInt64(weight)) AS calls
        FROM calls AS call
        WHERE with_edges AND call.user_id != '' AND direction != 'to_client'
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
            AND toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
            AND call.time >= begin AND call.time < end
            AND NOT (toDate(call.time) >= first_day AND toDate(call.time) < last_day)
        GROUP BY tenant, user_id
    ),
    listed AS (
        SELECT {server:String} AS server, arrayJoin(tenants) AS tenant, user_id
        FROM (
            SELECT groupUniqArray(toString(tenant)) AS tenants, user_id
            FROM counts
            GROUP BY user_id
            ORDER BY sum(calls) DESC, user_id
            LIMIT {limit:UInt32} OFFSET {offset:UInt32})
    ),
    users AS (
        SELECT user_id, calls, failures, caller_errors, durations, tools, clients, last_seen
        FROM tenant_users_per_day
        WHERE slice = if({server:String} = '', 'user', 'server') AND day >= first_day AND day < last_day
            AND (server, tenant, user_id) GLOBAL IN (SELECT server, tenant, user_id FROM listed)
        UNION ALL
        SELECT
            toString(call.user_id) AS user_id,
            sum(toUInt64(weight)) AS calls,
            sumIf(toUInt64(weight), fault = 'server') AS failures,
            sumIf(toUInt64(weight), fault = 'caller') AS caller_errors,
            sumForEachState(arrayPushBack(
                arrayWithConstant(least(31, greatest(0, toInt8(2 * log2(greatest(duration_us, 1)) - 19.5))), toUInt64(0)),
                toUInt64(weight))) AS durations,
            uniqCombinedIfState(12)((toString(call.server), toString(call.target)), call.kind = 'tool') AS tools,
            uniqCombinedIfState(12)(toString(client), client != '') AS clients,
            max(call.time) AS last_seen
        FROM calls AS call
        WHERE with_edges AND direction != 'to_client'
            AND (tenant, toString(call.user_id)) GLOBAL IN (SELECT tenant, user_id FROM listed)
            AND ({server:String} = '' OR call.server = {server:String})
            AND toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
            AND call.time >= begin AND call.time < end
            AND NOT (toDate(call.time) >= first_day AND toDate(call.time) < last_day)
        GROUP BY user_id
    ),
    arrayResize(sumForEachMerge(known.durations), 32) AS buckets,
    arrayCumSum(buckets) AS passed,
    arrayFirstIndex(count -> count >= 0.95 * passed[32], passed) AS bucket
SELECT
    user_id AS user,
    sum(known.calls) AS calls,
    sum(known.failures) AS failures,
    sum(known.caller_errors) AS caller_errors,
    failures / calls AS failure_rate,
    -- A bucket begins half way between two powers of the square root of 2, in microseconds.
    exp2((bucket + 19) / 2) / 1000 AS p95_ms,
    uniqCombinedIfMerge(12)(known.tools) AS tools,
    uniqCombinedIfMerge(12)(known.clients) AS clients,
    toUnixTimestamp64Micro(max(known.last_seen)) / 1000000 AS last_seen
FROM users AS known
GROUP BY user
ORDER BY calls DESC, user
LIMIT {limit:UInt32}
