-- The calls of one session, or of one chain, the oldest first.
SELECT
    toUnixTimestamp64Micro(call.time) / 1000000 AS time,
    server,
    method,
    kind,
    target,
    outcome,
    fault,
    message,
    duration_us / 1000 AS duration_ms,
    attempt,
    waited_us / 1000 AS waited_ms,
    lower(leftPad(hex(call.args_hash), 16, '0')) AS args_hash,
    lower(hex(call.trace_id)) AS trace_id,
    lower(hex(call.span_id)) AS span_id
FROM calls AS call
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(call.time) >= toStartOfHour(toDateTime({from:Int64}, 'UTC'))
    AND toStartOfHour(call.time) <= toStartOfHour(toDateTime({to:Int64}, 'UTC'))
    AND ({server:String} = '' OR server = {server:String})
    AND ({session:String} != '' OR {chain:String} != '')
    AND ({session:String} = '' OR session_id = {session:String})
    AND ({chain:String} = '' OR chain_id = {chain:String})
ORDER BY call.time, call.span_id, call.trace_id, call.request_id
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
