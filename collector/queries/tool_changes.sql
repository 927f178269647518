-- When the state of tools changed, the latest change first, and what that was decided by.
--
-- `FINAL` leaves one of two rows of the same change, which two collectors wrote.
SELECT
    server,
    tool,
    toUnixTimestamp64Milli(change.time) / 1000 AS time,
    state,
    previous,
    sample,
    failures,
    recoveries,
    reason
FROM tool_health AS change FINAL
WHERE change.time >= toDateTime64({from:Int64}, 3, 'UTC') AND change.time < toDateTime64({to:Int64}, 3, 'UTC')
    AND ({server:String} = '' OR server = {server:String})
    AND ({target:String} = '' OR tool = {target:String})
ORDER BY change.time DESC, server, tool, state, previous
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
