-- Which tools fail for each client, by version and protocol version: the five with the most failures. Of all clients, whatever
-- page of clients.sql is shown: they are few beside calls, and a list of the page's own would be made of all of them, too.
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
WHERE {server:String} = '' OR server = {server:String}
GROUP BY client, version, protocol, server, tool
HAVING failures > 0
ORDER BY failures DESC, server, tool, client, version, protocol
LIMIT 5 BY client, version, protocol
LIMIT 50000
