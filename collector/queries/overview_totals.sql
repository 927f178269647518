-- How many calls, failures, users, clients and tools there were between two minutes, and how long the calls took.
WITH quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(rollup.duration_us) AS latency_us
SELECT
    sum(rollup.calls) AS calls,
    sum(rollup.failures) AS failures,
    sum(rollup.caller_errors) AS caller_errors,
    sum(rollup.auth_errors) AS auth_errors,
    failures / calls AS failure_rate,
    caller_errors / calls AS caller_error_rate,
    latency_us[1] / 1000 AS p50_ms,
    latency_us[2] / 1000 AS p95_ms,
    latency_us[3] / 1000 AS p99_ms,
    uniqCombined64IfMerge(12)(rollup.users) AS users,
    uniqCombined64IfMerge(12)(rollup.clients) AS clients,
    assumeNotNull((
        SELECT uniqExact(tool.server, tool.target)
        FROM calls_between(
            slice = 'tool', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS tool
        WHERE kind = 'tool' AND direction != 'to_client' AND ({server:String} = '' OR server = {server:String})
    )) AS tools
FROM calls_between(
    slice = 'server', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
WHERE direction != 'to_client'
    AND ({server:String} = '' OR server = {server:String})
