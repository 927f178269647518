-- How each tool is doing now, from its calls of the last 15 minutes; the tools in the worst state first.
--
-- The sample leaves out what is not the server's doing. A recovery is a success right after a failure, when everything
-- that is neither is skipped; it is what tells a tool that comes and goes (flaky) from one that broke or was repaired.
-- Recoveries are looked for among a tool's newest 1,000 calls, so that memory does not grow with the traffic: the calls
-- are kept as negative numbers made of time and failure, of which the smallest are the newest.
WITH
    now64(6) AS end,
    end - INTERVAL 15 MINUTE AS start,
    groupArraySortedIf(1000)(
        -(toUnixTimestamp64Micro(time) * 2 + (fault = 'server')),
        fault = 'server' OR outcome = 'ok') AS newest,
    arrayMap(call -> bitAnd(-call, 1), newest) AS failed
SELECT
    server,
    target AS tool,
    sumIf(weight, fault NOT IN ('caller', 'auth', 'client_gone')) AS sample,
    sumIf(weight, fault = 'server') AS failures,
    countEqual(arrayDifference(failed), 1) AS recoveries,
    multiIf(
        sample >= 5 AND failures / sample >= 0.9, 'broken',
        sample >= 20 AND failures >= 3 AND failures / sample >= 0.02 AND recoveries >= 2, 'flaky',
        'healthy') AS state
FROM calls
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND toStartOfHour(time) >= toStartOfHour(start)
    AND time > start AND time <= end
    AND kind = 'tool'
GROUP BY server, tool
ORDER BY indexOf(['broken', 'flaky', 'healthy'], state), failures DESC, sample DESC, server, tool
LIMIT 10000
