-- Single calls without their arguments and results, newest first, that started before the call (before, before_trace,
-- before_span) in this order.
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
    definition_bytes
FROM calls AS call
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(call.time) >= toStartOfHour({from:DateTime64(6, 'UTC')})
    AND toStartOfHour(call.time) <= toStartOfHour(fromUnixTimestamp64Micro({before:Int64}, 'UTC'))
    AND call.time >= {from:DateTime64(6, 'UTC')}
    AND call.time <= fromUnixTimestamp64Micro({before:Int64}, 'UTC')
    AND (toUnixTimestamp64Micro(call.time), call.trace_id, call.span_id) < ({before:Int64},
        toFixedString(unhex({before_trace:String}), 16), toFixedString(unhex({before_span:String}), 8))
    AND ({server:String} = '' OR server = {server:String})
    AND ({target:String} = '' OR target = {target:String})
    AND ({client:String} = '' OR client = {client:String})
    AND ({version:String} = '' OR client_version = {version:String})
    AND ({protocol:String} = '' OR protocol_version = {protocol:String})
    AND ({user:String} = '' OR user_id = {user:String})
    AND ({session:String} = '' OR session_id = {session:String})
    AND ({chain:String} = '' OR chain_id = {chain:String})
    AND ({outcome:String} = '' OR outcome = {outcome:String})
    AND ({fault:String} = '' OR fault = {fault:String})
ORDER BY call.time DESC, call.trace_id DESC, call.span_id DESC
LIMIT {limit:UInt32}
