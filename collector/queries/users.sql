-- How each known user fared: calls, failures, latency, tools and clients used; most calls first.
--
-- The range is given in microseconds: compared with whole seconds by `<`, the engine leaves out parts of the table
-- that lie within the last second.
SELECT
    user_id AS user,
    sum(weight) AS calls,
    sumIf(weight, fault = 'server') AS failures,
    sumIf(weight, fault = 'caller') AS caller_errors,
    failures / calls AS failure_rate,
    quantileTDigestWeighted(0.95)(duration_us, weight) / 1000 AS p95_ms,
    uniqExactIf((server, target), kind = 'tool') AS tools,
    uniqExactIf(client, client != '') AS clients,
    toUnixTimestamp64Micro(max(time)) / 1000000 AS last_seen
FROM calls
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(time) >= toStartOfHour({from:DateTime64(6, 'UTC')})
    AND toStartOfHour(time) <= toStartOfHour({to:DateTime64(6, 'UTC')})
    AND time >= {from:DateTime64(6, 'UTC')} AND time < {to:DateTime64(6, 'UTC')}
    AND ({server:String} = '' OR server = {server:String})
    AND user_id != ''
GROUP BY user
ORDER BY calls DESC, user
LIMIT 1000
