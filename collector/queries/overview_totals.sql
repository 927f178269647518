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
    uniqExactIf(client, client != '') AS clients,
    uniqExactIf((server, target), kind = 'tool') AS tools
FROM calls_by_minute AS rollup
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
    AND ({server:String} = '' OR server = {server:String})
