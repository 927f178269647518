-- The times in which tools were in trouble, of those that touch a span of time; the ones that last first, then the latest.
SELECT
    server,
    tool,
    state,
    toUnixTimestamp64Milli(alert.begin) / 1000 AS begin,
    if(alert.open, NULL, toUnixTimestamp64Milli(alert.end) / 1000) AS end,
    sample,
    failures,
    recoveries,
    reason
FROM alerts AS alert
WHERE alert.begin < toDateTime64({to:Int64}, 3, 'UTC')
    AND (alert.open OR alert.end >= toDateTime64({from:Int64}, 3, 'UTC'))
    AND ({server:String} = '' OR server = {server:String})
    AND ({target:String} = '' OR tool = {target:String})
ORDER BY alert.open DESC, alert.begin DESC, server, tool, state
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
