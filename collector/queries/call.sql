-- One call with its arguments and its result, where they are captured. Where its time is known, only that hour is read; else
-- the table's index by trace tells which parts may have it.
SELECT
    toUnixTimestamp64Micro(call.time) / 1000000 AS time,
    server,
    method,
    kind,
    target,
    outcome,
    fault,
    error_type,
    nullIf(rpc_code, 0) AS rpc_code,
    nullIf(http_status, 0) AS http_status,
    message,
    header_mismatch,
    duration_us / 1000 AS duration_ms,
    client,
    client_version,
    client_bridge,
    protocol_version AS protocol,
    transport,
    user_id AS user,
    session_id AS session,
    request_id,
    request_bytes,
    response_bytes,
    lower(hex(call.trace_id)) AS trace_id,
    lower(hex(call.span_id)) AS span_id,
    if(call.parent_span_id = toFixedString('', 8), '', lower(hex(call.parent_span_id))) AS parent_span_id,
    tenant,
    weight,
    direction,
    chain_id AS chain,
    server_version,
    instance,
    resource_uri,
    if(call.args_hash = 0, '', lower(leftPad(hex(call.args_hash), 16, '0'))) AS args_hash,
    invalid_arguments,
    result_flags,
    content_types,
    nullIf(first_byte_us, 0) / 1000 AS first_byte_ms,
    waited_us / 1000 AS waited_ms,
    attempt,
    progress,
    if(call.definition_hash = 0, '', lower(leftPad(hex(call.definition_hash), 16, '0'))) AS definition_hash,
    definition_bytes,
    arguments,
    result
FROM calls AS call
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(call.time) >= toStartOfHour(toDateTime({from:Int64}, 'UTC'))
    AND toStartOfHour(call.time) <= toStartOfHour(toDateTime({to:Int64}, 'UTC'))
    AND ({time:Int64} = 0 OR call.time = fromUnixTimestamp64Micro({time:Int64}, 'UTC'))
    AND call.trace_id = toFixedString(unhex({trace:String}), 16)
    AND call.span_id = toFixedString(unhex({span:String}), 8)
ORDER BY call.time DESC
LIMIT 1
