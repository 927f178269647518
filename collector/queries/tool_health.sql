-- How each tool is doing now, from its calls of the last 15 minutes; the tools in the worst state first.
--
-- The sample leaves out what is not the server's doing. A recovery is a success right after a failure, when everything
-- that is neither is skipped; it is what tells a tool that comes and goes (flaky) from one that broke or was repaired.
-- The order of the calls is made by sorting an array per tool: sequenceCount gives up on long runs of successes.
WITH
    now64(6) AS end,
    end - INTERVAL 15 MINUTE AS start,
    arraySort(groupArrayIf((time, fault = 'server'), fault = 'server' OR outcome = 'ok')).2 AS failed
SELECT
    server,
    target AS tool,
    sumIf(weight, fault NOT IN ('caller', 'auth', 'client_gone')) AS sample,
    sumIf(weight, fault = 'server') AS failures,
    countEqual(arrayDifference(failed), -1) AS recoveries,
    multiIf(
        sample >= 20 AND failures >= 3 AND failures / sample >= 0.02 AND recoveries >= 2, 'flaky',
        sample >= 5 AND failures / sample >= 0.9, 'broken',
        'healthy') AS state
FROM calls
WHERE tenant = {tenant:String}
    AND toStartOfHour(time) >= toStartOfHour(start)
    AND time > start AND time <= end
    AND kind = 'tool'
GROUP BY server, tool
ORDER BY indexOf(['broken', 'flaky', 'healthy'], state), failures DESC, sample DESC, server, tool
LIMIT 10000
