-- Calls as a month of real use would bring them: 60 tools of 6 servers, 10 clients with 3 versions each, 5 protocol
-- versions, 5,000 tenants and about 50,000 users. Tenants and tools are called by Zipf's law, a user keeps to a few tools
-- and one client. Durations are log-normal, 4 % of the calls fail. Two protocol versions have sessions, the others chains;
-- both last for 4 hours. Ids are random. One call in ten has a parent; a quarter of the tools take no arguments, half of
-- the other calls share theirs with others.
--
-- Call `first + n` begins at `from` microseconds plus n times `spacing`, so that a month is made of blocks in any order.
INSERT INTO calls
WITH
    -- A number from 0 to 1 that is random and the same each time, for a call and a purpose.
    (n, purpose) -> sipHash64(n, purpose) / 18446744073709551616. AS chance,
    toUInt32(exp(chance(number, 1) * log(5001))) AS tenant_number,
    greatest(1, toUInt32(5500 / tenant_number)) AS users_of_tenant,
    toUInt32(chance(number, 2) * users_of_tenant) AS user_of_tenant,
    sipHash64(tenant_number, user_of_tenant) AS user_hash,
    toUInt32(exp(chance(number, 3) * log(9))) AS favourite,
    toUInt32(exp(chance(user_hash, favourite) * log(61))) - 1 AS tool,
    -- A user has one client for a day, of 10 clients with 3 versions each.
    toUInt32(exp((user_hash % 1000 / 1000) * log(11))) - 1 AS client_number,
    intDiv(user_hash, 1000) % 3 AS version_number,
    (client_number * 3 + version_number) % 5 AS protocol_number,
    protocol_number < 2 AS legacy,
    toUInt64(number * {spacing:Float64} / 1e6) AS second,
    cityHash64(user_hash, intDiv(second + user_hash % 14400, 14400)) AS session_hash,
    chance(number, 4) AS luck,
    multiIf(luck < 0.96, 1, luck < 0.98, 2, luck < 0.992, 3, luck < 0.996, 4, luck < 0.999, 5, 6) AS ending,
    toUInt64(exp(7 + tool % 5 + 1.1 * sqrt(-2 * log(chance(number, 5) + 1e-12)) * cos(6.283185 * chance(number, 6)))) AS took,
    sipHash64(number, 12) AS bits
SELECT
    fromUnixTimestamp64Micro({from:Int64} + toInt64((number - {first:UInt64} + chance(number, 7)) * {spacing:Float64}), 'UTC') AS time,
    concat('tenant-', toString(tenant_number)) AS tenant,
    concat('server-', toString(tool % 6)) AS server,
    '2.4.1' AS server_version,
    concat('server-', toString(tool % 6), '-', toString(bits % 3)) AS instance,
    'tools/call' AS method, 'tool' AS kind, concat('tool-', toString(tool)) AS target, '' AS resource_uri,
    ['ok', 'tool_error', 'invalid_arguments', 'timeout', 'unauthorized', 'cancelled'][ending] AS outcome,
    ['none', 'server', 'caller', 'server', 'auth', 'client_gone'][ending] AS fault,
    ['', 'tool_error', 'invalid_params', 'timeout', 'unauthorized', 'cancelled'][ending] AS error_type,
    if(ending = 3, -32602, 0) AS rpc_code,
    [200, 200, 200, 504, 401, 200][ending] AS http_status,
    multiIf(ending = 2, concat('upstream answered ', toString(500 + bits % 5), ' for item ', toString(bits % 1000000)), ending = 3, concat('missing argument: ', ['path', 'query', 'limit'][1 + bits % 3]), '') AS message,
    took AS duration_us, if(bits % 8 = 0, toUInt64(took / 3), 0) AS first_byte_us,
    120 + toUInt64(exp(4 * chance(number, 8))) AS request_bytes,
    200 + toUInt64(exp(9 * chance(number, 9))) AS response_bytes,
    concat('client-', toString(client_number)) AS client, concat('1.', toString(version_number), '.0') AS client_version, '' AS client_bridge,
    ['2024-11-05', '2025-03-26', '2026-07-28', '2026-07-28', '2025-11-25'][1 + protocol_number] AS protocol_version,
    'streamable_http' AS transport,
    if(legacy, toString(reinterpretAsUUID(concat(reinterpretAsString(session_hash), reinterpretAsString(sipHash64(session_hash))))), '') AS session_id,
    lower(hex(user_hash)) AS user_id,
    toString(intDiv(second, 45) % 80) AS request_id,
    'to_server' AS direction,
    if(legacy, '', lower(hex(session_hash))) AS chain_id,
    multiIf(tool % 4 = 0, sipHash64(tool, 0), bits % 10 < 6, sipHash64(tool, toUInt32(exp(chance(number, 14) * log(101)))), sipHash64(user_hash, tool, intDiv(second, 14400))) AS args_hash,
    if(ending = 3, 'path', '') AS invalid_arguments, if(bits % 50 = 0, 'empty', '') AS result_flags, if(bits % 8 = 0, 'text,image', 'text') AS content_types,
    '' AS header_mismatch,
    1 AS attempt, 0 AS waited_us, if(bits % 100 = 1, 3, 0) AS progress,
    sipHash64(tool, 'definition') AS definition_hash, 400 + tool * 37 AS definition_bytes, '' AS arguments, '' AS result,
    1 AS weight,
    sipHash128(number, 10) AS trace_id,
    reinterpretAsFixedString(sipHash64(number, 11)) AS span_id,
    if(bits % 10 = 3, reinterpretAsFixedString(sipHash64(number, 13)), toFixedString('', 8)) AS parent_span_id
FROM numbers({first:UInt64}, {count:UInt64})
