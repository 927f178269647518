-- Which tools fail for each client of one page of clients.sql, by version and protocol version: the five with the most
-- failures.
SELECT
    client,
    client_version AS version,
    protocol_version AS protocol,
    server,
    target AS tool,
    sum(rollup.calls) AS calls,
    sum(rollup.failures) AS failures
FROM client_tools_between(
    tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}) AS rollup
WHERE ({server:String} = '' OR server = {server:String})
    AND (client, client_version, protocol_version) GLOBAL IN (
        SELECT client, client_version, protocol_version
        FROM calls_between(
            slice = 'client', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS listed
        WHERE direction != 'to_client'
            AND ({server:String} = '' OR server = {server:String})
        GROUP BY client, client_version, protocol_version
        ORDER BY sum(listed.calls) DESC, client, client_version, protocol_version
        LIMIT {limit:UInt32} OFFSET {offset:UInt32})
GROUP BY client, version, protocol, server, tool
HAVING failures > 0
ORDER BY failures DESC, server, tool, client, version, protocol
LIMIT 5 BY client, version, protocol
LIMIT 50000
