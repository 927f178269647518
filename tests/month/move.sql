-- The calls of the day that ends at `to`, once more `days` days earlier: with ids of their own, and with all rollups. A day
-- through all views takes some ten times as long. Percentiles, sizes and the work of a question are those of other calls of
-- the same kind.
CREATE TABLE IF NOT EXISTS moved AS calls;

INSERT INTO moved
SELECT * REPLACE (
    call.time - toIntervalDay({days:UInt32}) AS time,
    if(call.session_id = '', '', toString(reinterpretAsUUID(MD5(concat(call.session_id, {days:String}))))) AS session_id,
    if(call.chain_id = '', '', lower(hex(sipHash64(call.chain_id, {days:String})))) AS chain_id,
    sipHash128(call.trace_id, {days:String}) AS trace_id,
    reinterpretAsFixedString(sipHash64(call.span_id, {days:String})) AS span_id,
    if(call.parent_span_id = toFixedString('', 8), call.parent_span_id,
        reinterpretAsFixedString(sipHash64(call.parent_span_id, {days:String}))) AS parent_span_id)
FROM calls AS call
WHERE toDate(call.time) = toDate(toDateTime({to:Int64} - 1, 'UTC'))
-- As few and as large parts as a day has after some hours of merging.
SETTINGS max_threads = 1, min_insert_block_size_rows = 10000000, min_insert_block_size_bytes = 0;

-- Past the views, which are fed by inserts.
ALTER TABLE moved MOVE PARTITION PARTITION_MOVED TO TABLE calls;

-- Minutes are kept for so long only; from here the hours and days are made, as from any minutes.
INSERT INTO calls_per_minute
SELECT * REPLACE (
    minute.time - toIntervalDay({days:UInt32}) AS time,
    minute.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM calls_per_minute AS minute
WHERE {days:UInt32} < 2 AND minute.time >= {to:Int64} - 86400;

INSERT INTO client_calls_per_hour
SELECT * REPLACE (
    hour.time - toIntervalDay({days:UInt32}) AS time,
    hour.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM client_calls_per_hour AS hour
WHERE {days:UInt32} >= 2 AND hour.time >= {to:Int64} - 86400;

INSERT INTO tenant_calls
SELECT * REPLACE (
    rollup.time - toIntervalDay({days:UInt32}) AS time,
    rollup.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM tenant_calls AS rollup
WHERE rollup.time >= {to:Int64} - 86400;

INSERT INTO client_tools_per_hour
SELECT * REPLACE (rollup.time - toIntervalDay({days:UInt32}) AS time)
FROM client_tools_per_hour AS rollup
WHERE rollup.time >= {to:Int64} - 86400;

INSERT INTO tenant_client_tools_per_day
SELECT * REPLACE (rollup.time - toIntervalDay({days:UInt32}) AS time)
FROM tenant_client_tools_per_day AS rollup
WHERE rollup.time >= {to:Int64} - 86400;

INSERT INTO tenant_users_per_day
SELECT * REPLACE (
    rollup.day - {days:UInt32} AS day,
    rollup.first_seen - toIntervalDay({days:UInt32}) AS first_seen,
    rollup.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM tenant_users_per_day AS rollup
WHERE rollup.day = toDate(toDateTime({to:Int64} - 1, 'UTC'));

INSERT INTO errors_per_day
SELECT * REPLACE (
    rollup.day - {days:UInt32} AS day,
    sipHash128(rollup.sample_trace_id, {days:String}) AS sample_trace_id,
    rollup.first_seen - toIntervalDay({days:UInt32}) AS first_seen,
    rollup.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM errors_per_day AS rollup
WHERE rollup.day = toDate(toDateTime({to:Int64} - 1, 'UTC'));

INSERT INTO sessions
SELECT * REPLACE (
    toStartOfMonth(used.last_seen - toIntervalDay({days:UInt32})) AS month,
    toString(reinterpretAsUUID(MD5(concat(used.session_id, {days:String})))) AS session_id,
    used.first_seen - toIntervalDay({days:UInt32}) AS first_seen,
    used.last_seen - toIntervalDay({days:UInt32}) AS last_seen)
FROM sessions AS used
WHERE used.last_seen >= toDateTime64({to:Int64} - 86400, 6);

INSERT INTO tool_definitions
SELECT tenant, server, target, definition_hash, max(definition_bytes), sum(toUInt64(weight)),
    min(call.time) - toIntervalDay({days:UInt32}), max(call.time) - toIntervalDay({days:UInt32})
FROM calls AS call
WHERE toDate(call.time) = toDate(toDateTime({to:Int64} - 1, 'UTC')) AND definition_hash != 0 AND kind = 'tool'
GROUP BY tenant, server, target, definition_hash;

INSERT INTO batches
SELECT
    batch.day - {days:UInt32} AS day,
    concat(batch.token, '-', {days:String}) AS token,
    sum(batch.rows) AS rows,
    min(batch.first_received),
    min(batch.last_received),
    min(batch.first_call) - toIntervalDay({days:UInt32}),
    max(batch.last_call) - toIntervalDay({days:UInt32}),
    min(batch.inserted_at) - toIntervalDay({days:UInt32})
FROM batches AS batch
WHERE batch.day = toDate(toDateTime({to:Int64} - 1, 'UTC'))
GROUP BY day, token;
