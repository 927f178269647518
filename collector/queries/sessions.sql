-- Sessions that were used between two times, the latest first: who called, when, and how it went in all.
--
-- Which sessions these are, the calls tell; what is known of each, the table of sessions. As with calls, ask for the
-- last hour first and farther back only where that has too few. The engine does not read the ids first by itself where
-- their list is for all shards (`GLOBAL`), hence `PREWHERE`.
WITH
    toDateTime64({from:Int64}, 6, 'UTC') AS begin,
    toDateTime64({to:Int64}, 6, 'UTC') AS end,
    latest AS (
        SELECT tenant, server, toString(session_id) AS session_id
        FROM calls AS call
        WHERE toStartOfHour(call.time) >= toStartOfHour(begin) AND toStartOfHour(call.time) <= toStartOfHour(end)
            AND call.time >= begin AND call.time < end
            AND call.session_id != ''
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
            AND ({user:String} = '' OR user_id = {user:String})
            AND ({client:String} = '' OR client = {client:String})
        GROUP BY tenant, server, session_id
        ORDER BY max(call.time) DESC, session_id DESC, server, tenant
        LIMIT {limit:UInt32} OFFSET {offset:UInt32}
    )
SELECT
    server,
    session_id AS session,
    max(used.client) AS client,
    max(used.client_version) AS client_version,
    max(used.protocol_version) AS protocol,
    max(used.user_id) AS user,
    sum(used.calls) AS calls,
    sum(used.failures) AS failures,
    sum(used.caller_errors) AS caller_errors,
    toUnixTimestamp64Micro(min(used.first_seen)) / 1000000 AS first_seen,
    toUnixTimestamp64Micro(max(used.last_seen)) / 1000000 AS last_seen
FROM sessions AS used
PREWHERE (tenant, server, session_id) GLOBAL IN (SELECT tenant, server, session_id FROM latest)
GROUP BY tenant, server, session
ORDER BY last_seen DESC, session DESC
LIMIT {limit:UInt32}
