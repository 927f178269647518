-- Errors that are the same but for numbers and ids in their message: how often, for how many users, since when, and one of
-- them as an example; the most frequent first. By whole days, since a group is a thing of days.
SELECT
    server,
    kind,
    target,
    method,
    outcome,
    fault,
    error_type,
    nullIf(rpc_code, 0) AS code,
    pattern,
    sum(error.calls) AS calls,
    uniqCombined64IfMerge(12)(error.users) AS users,
    any(error.sample_message) AS message,
    lower(hex(any(error.sample_trace_id))) AS trace_id,
    toUnixTimestamp64Micro(min(error.first_seen)) / 1000000 AS first_seen,
    toUnixTimestamp64Micro(max(error.last_seen)) / 1000000 AS last_seen
FROM errors_per_day AS error
WHERE slice = if({tenant:String} = '', 'all', 'tenant')
    AND ({tenant:String} = '' OR tenant = {tenant:String})
    AND day >= toDate(toDateTime({from:Int64}, 'UTC')) AND day <= toDate(toDateTime({to:Int64} - 1, 'UTC'))
    AND ({server:String} = '' OR server = {server:String})
    AND ({target:String} = '' OR target = {target:String})
    AND ({fault:String} = '' OR fault = {fault:String})
GROUP BY server, kind, target, method, outcome, fault, error_type, rpc_code, pattern
ORDER BY calls DESC, server, target, pattern, outcome, kind, method, fault, error_type, rpc_code
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
