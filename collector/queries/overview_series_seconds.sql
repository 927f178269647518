-- Calls, failure rates and latencies per step of any seconds, from the calls; for short ranges, where a minute is too
-- coarse. Steps without calls are left out.
--
-- The range is given in microseconds: compared with whole seconds by `<`, the engine leaves out parts of the table
-- that lie within the last second.
WITH quantilesTDigestWeighted(0.5, 0.95, 0.99)(duration_us, weight) AS latency_us
SELECT
    toUInt32(intDiv(toUnixTimestamp(time) - toUnixTimestamp({from:DateTime64(6, 'UTC')}), {step:UInt32})) AS step,
    sum(weight) AS calls,
    sumIf(weight, fault = 'server') / calls AS failure_rate,
    sumIf(weight, fault = 'caller') / calls AS caller_error_rate,
    latency_us[1] / 1000 AS p50_ms,
    latency_us[2] / 1000 AS p95_ms,
    latency_us[3] / 1000 AS p99_ms
FROM calls
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(time) >= toStartOfHour({from:DateTime64(6, 'UTC')})
    AND toStartOfHour(time) <= toStartOfHour({to:DateTime64(6, 'UTC')})
    AND time >= {from:DateTime64(6, 'UTC')} AND time < {to:DateTime64(6, 'UTC')}
    AND ({server:String} = '' OR server = {server:String})
    AND ({client:String} = '' OR client = {client:String})
    AND ({version:String} = '' OR client_version = {version:String})
    AND ({protocol:String} = '' OR protocol_version = {protocol:String})
    AND ({target:String} = '' OR kind = 'tool' AND target = {target:String})
GROUP BY step
ORDER BY step
LIMIT 1000
