-- Calls, failure rates and latencies per step of whole minutes, from the slice of the rollups that tells the
-- filters apart; steps without calls are left out.
WITH quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(rollup.duration_us) AS latency_us
SELECT
    toUInt32(intDiv(toUnixTimestamp(time) - {from:Int64}, {step:UInt32})) AS step,
    sum(rollup.calls) AS calls,
    sum(rollup.failures) / calls AS failure_rate,
    sum(rollup.caller_errors) / calls AS caller_error_rate,
    latency_us[1] / 1000 AS p50_ms,
    latency_us[2] / 1000 AS p95_ms,
    latency_us[3] / 1000 AS p99_ms
FROM calls_between(
    slice = {slice:String}, tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = {step:UInt32}) AS rollup
WHERE direction != 'to_client'
    AND ({server:String} = '' OR server = {server:String})
    AND ({client:String} = '' OR client = {client:String})
    AND ({version:String} = '' OR client_version = {version:String})
    AND ({protocol:String} = '' OR protocol_version = {protocol:String})
    AND ({target:String} = '' OR kind = 'tool' AND target = {target:String})
GROUP BY step
ORDER BY step
LIMIT 1000
