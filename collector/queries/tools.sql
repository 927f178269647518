-- How each tool did: calls, failures, latencies, users; most calls first.
WITH quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(rollup.duration_us) AS latency_us
SELECT
    server,
    target AS tool,
    sum(rollup.calls) AS calls,
    sum(rollup.failures) AS failures,
    sum(rollup.caller_errors) AS caller_errors,
    failures / calls AS failure_rate,
    latency_us[1] / 1000 AS p50_ms,
    latency_us[2] / 1000 AS p95_ms,
    latency_us[3] / 1000 AS p99_ms,
    uniqCombined64IfMerge(12)(rollup.users) AS users,
    uniqCombined64IfMerge(12)(rollup.clients) AS clients,
    toUnixTimestamp(max(rollup.last_seen)) AS last_seen
FROM calls_between(
    slice = 'tool', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
WHERE direction != 'to_client'
    AND ({server:String} = '' OR server = {server:String})
    AND kind = 'tool'
    AND ({target:String} = '' OR target = {target:String})
GROUP BY server, tool
ORDER BY calls DESC, server, tool
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
