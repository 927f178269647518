-- How many calls, failures, users and clients there were between two minutes, and how long the calls took; from the slice of
-- the rollups that tells the filters apart.
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
    uniqCombined64IfMerge(12)(rollup.clients) AS clients
FROM calls_between(
    slice = {slice:String}, tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
WHERE direction != 'to_client'
    AND ({server:String} = '' OR server = {server:String})
    AND ({client:String} = '' OR client = {client:String})
    AND ({version:String} = '' OR client_version = {version:String})
    AND ({protocol:String} = '' OR protocol_version = {protocol:String})
    AND ({target:String} = '' OR kind = 'tool' AND target = {target:String})
