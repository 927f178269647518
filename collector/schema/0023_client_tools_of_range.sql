-- Who called which tool, as before, without telling when: nobody asks. The calls of a tenant without sums were told apart by
-- hour, so that nearly each was a row of its own.
CREATE OR REPLACE VIEW client_tools_between AS
WITH
    toDateTime({from:Int64}, 'UTC') AS begin,
    toDateTime({to:Int64}, 'UTC') AS end,
    {tenant:String} = '' AS of_all,
    (
        SELECT if(count() = 0, toDateTime('2100-01-01 00:00:00', 'UTC'), min(large.since))
        FROM large_tenants AS large
        WHERE large.tenant = {tenant:String}
    ) AS since,
    if(of_all, toStartOfHour(begin + 3599), greatest(toStartOfDay(begin + 86399), toStartOfDay(since + 86399))) AS summed_from,
    if(of_all, toStartOfHour(end), toStartOfDay(end)) AS summed_to
SELECT * EXCEPT (time) FROM client_tools_per_hour
WHERE of_all AND time >= summed_from AND time < summed_to
UNION ALL
SELECT * EXCEPT (tenant, time) FROM tenant_client_tools_per_day
WHERE tenant = {tenant:String} AND NOT of_all AND time >= summed_from AND time < summed_to
UNION ALL
SELECT
    server,
    target,
    client,
    client_version,
    protocol_version,
    sum(toUInt64(weight)) AS calls,
    sumIf(toUInt64(weight), fault = 'server') AS failures,
    sumIf(toUInt64(weight), fault = 'caller') AS caller_errors
FROM calls AS call
WHERE (of_all OR tenant = {tenant:String}) AND kind = 'tool' AND direction != 'to_client'
    AND toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
    AND call.time >= toDateTime64(begin, 6) AND call.time < toDateTime64(end, 6)
    AND NOT (call.time >= toDateTime64(summed_from, 6) AND call.time < toDateTime64(summed_to, 6))
GROUP BY server, target, client, client_version, protocol_version;
