-- How each client, by version and protocol version, fared: calls, failures, latency, users; most calls first.
SELECT
    client,
    client_version AS version,
    protocol_version AS protocol,
    sum(rollup.calls) AS calls,
    sum(rollup.failures) AS failures,
    sum(rollup.caller_errors) AS caller_errors,
    sum(rollup.auth_errors) AS auth_errors,
    failures / calls AS failure_rate,
    quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(rollup.duration_us)[2] / 1000 AS p95_ms,
    uniqCombined64IfMerge(12)(rollup.users) AS users,
    toUnixTimestamp(max(rollup.last_seen)) AS last_seen
FROM calls_between(
    slice = 'client', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
WHERE direction != 'to_client'
    AND ({server:String} = '' OR server = {server:String})
GROUP BY client, version, protocol
ORDER BY calls DESC, client, version, protocol
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
