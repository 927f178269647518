-- The definitions of tools that were in use, the largest first: what each costs a conversation, and when it was used.
SELECT
    server,
    target AS tool,
    lower(leftPad(hex(definition_hash), 16, '0')) AS hash,
    max(definition.bytes) AS bytes,
    intDiv(bytes + 3, 4) AS estimated_tokens,
    sum(definition.calls) AS calls,
    toUnixTimestamp64Micro(min(definition.first_seen)) / 1000000 AS first_seen,
    toUnixTimestamp64Micro(max(definition.last_seen)) / 1000000 AS last_seen
FROM tool_definitions AS definition
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND ({server:String} = '' OR server = {server:String})
GROUP BY server, tool, definition_hash
HAVING last_seen >= {from:Int64} AND first_seen < {to:Int64}
ORDER BY bytes DESC, server, tool, last_seen DESC, definition_hash
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
