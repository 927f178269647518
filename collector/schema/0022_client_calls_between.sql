-- The calls of a span of time from whatever tells them at least cost, as before, with the hours from their new table. What is
-- read from the calls makes a digest per day where days will do, not one per hour: a third less CPU for a tenant without sums.
CREATE OR REPLACE VIEW calls_between AS
WITH
    toDateTime({from:Int64}, 'UTC') AS begin,
    toDateTime({to:Int64}, 'UTC') AS end,
    toStartOfHour(begin + 3599) AS first_hour,
    toStartOfHour(end) AS last_hour,
    toStartOfDay(begin + 86399) AS first_day,
    toStartOfDay(end) AS last_day,
    toStartOfDay(now('UTC')) - INTERVAL 2 DAY AS first_minute,
    {tenant:String} = '' AS of_all,
    {step:UInt32} % 3600 = 0 AS with_hours,
    {step:UInt32} % 86400 = 0 AS with_days,
    (
        SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), min(large.since))
        FROM large_tenants AS large
        WHERE large.tenant = {tenant:String}
    ) AS since,
    {slice:String} = 'server' AS by_hour,
    NOT of_all AND if(by_hour, with_hours, with_days) AS of_tenant,
    if(by_hour, greatest(first_hour, toStartOfHour(since + 3599)), greatest(first_day, toStartOfDay(since + 86399))) AS summed_from,
    if(by_hour, last_hour, last_day) AS summed_to,
    multiIf(with_days, 86400, with_hours, 3600, {step:UInt32} % 60 = 0, 60, {step:UInt32}) AS grain
SELECT * FROM calls_per_day
WHERE slice = {slice:String} AND of_all AND with_days AND time >= first_day AND time < last_day
UNION ALL
SELECT * FROM client_calls_per_hour
WHERE slice = {slice:String} AND of_all AND with_hours AND time >= first_hour AND time < last_hour
    AND NOT (with_days AND time >= first_day AND time < last_day)
UNION ALL
SELECT * FROM calls_per_minute
WHERE slice = {slice:String} AND of_all AND time >= begin AND time < end AND time >= first_minute
    AND NOT (with_hours AND time >= first_hour AND time < last_hour)
UNION ALL
SELECT * EXCEPT (tenant) FROM tenant_calls
WHERE tenant = {tenant:String} AND slice = {slice:String} AND of_tenant AND time >= summed_from AND time < summed_to
UNION ALL
SELECT
    {slice:String} AS slice,
    toDateTime(greatest({from:Int64}, intDiv(toUnixTimestamp(call.time), grain) * grain), 'UTC') AS time,
    if(call.direction = 'to_client', 'to_client', '') AS direction,
    call.server AS server,
    if(slice = 'tool', call.kind, '') AS kind,
    if(slice = 'tool', call.target, '') AS target,
    if(slice = 'tool', call.method, '') AS method,
    if(slice = 'client', call.client, '') AS client,
    if(slice = 'client', call.client_version, '') AS client_version,
    if(slice = 'client', call.protocol_version, '') AS protocol_version,
    sum(toUInt64(call.weight)) AS calls,
    sumIf(toUInt64(call.weight), call.fault = 'server') AS failures,
    sumIf(toUInt64(call.weight), call.fault = 'caller') AS caller_errors,
    sumIf(toUInt64(call.weight), call.fault = 'auth') AS auth_errors,
    sumIf(toUInt64(call.weight), call.fault = 'client_gone') AS client_gone,
    sum(call.request_bytes * call.weight) AS request_bytes,
    sum(call.response_bytes * call.weight) AS response_bytes,
    max(call.duration_us) AS duration_us_max,
    quantilesTDigestWeightedState(0.5, 0.95, 0.99)(call.duration_us, call.weight) AS duration_us,
    uniqCombined64IfState(12)(toString(call.user_id), call.user_id != '') AS users,
    uniqCombined64IfState(12)(toString(call.client), call.client != '') AS clients,
    toDateTime(max(call.time), 'UTC') AS last_seen
FROM calls AS call
WHERE (of_all OR call.tenant = {tenant:String})
    AND toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
    AND call.time >= toDateTime64(begin, 6) AND call.time < toDateTime64(end, 6)
    AND NOT (of_tenant AND call.time >= toDateTime64(summed_from, 6) AND call.time < toDateTime64(summed_to, 6))
    AND (NOT of_all
        OR call.time < toDateTime64(first_minute, 6)
        AND NOT (with_hours AND call.time >= toDateTime64(first_hour, 6) AND call.time < toDateTime64(last_hour, 6)))
GROUP BY slice, time, direction, server, kind, target, method, client, client_version, protocol_version;

DROP TABLE IF EXISTS calls_per_hour;
