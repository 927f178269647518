-- Sessions that were used, the latest first: who called, when, and how it went.
--
-- Three steps, each of which reads more of fewer rows: since when the latest ones were used, which they are, and what is
-- known of them. A session has a row for each month, and one for each insert that is not merged yet, hence the factor.
WITH
    toDateTime64({from:Int64}, 6, 'UTC') AS begin,
    toDateTime64({to:Int64}, 6, 'UTC') AS end,
    (
        SELECT min(last_seen)
        FROM (
            SELECT last_seen
            FROM sessions
            WHERE month >= toStartOfMonth(begin) AND month <= toStartOfMonth(end) AND last_seen >= begin AND first_seen < end
                AND ({tenant:String} = '' OR tenant = {tenant:String})
                AND ({server:String} = '' OR server = {server:String})
                AND ({user:String} = '' OR user_id = {user:String})
                AND ({client:String} = '' OR client = {client:String})
            ORDER BY last_seen DESC
            LIMIT {limit:UInt32} * 4
        )
    ) AS since,
    latest AS (
        SELECT tenant, server, session_id
        FROM sessions
        WHERE month >= toStartOfMonth(begin) AND month <= toStartOfMonth(end) AND last_seen >= since AND first_seen < end
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND ({server:String} = '' OR server = {server:String})
            AND ({user:String} = '' OR user_id = {user:String})
            AND ({client:String} = '' OR client = {client:String})
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
WHERE (tenant, server, session_id) GLOBAL IN (SELECT tenant, server, session_id FROM latest)
GROUP BY tenant, server, session
ORDER BY last_seen DESC, session DESC
LIMIT {limit:UInt32}
