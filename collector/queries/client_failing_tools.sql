-- Which tools fail for each client, by version and protocol version: the five with the most failures.
SELECT
    client,
    client_version AS version,
    protocol_version AS protocol,
    server,
    target AS tool,
    sum(rollup.calls) AS calls,
    sum(rollup.failures) AS failures
FROM calls_by_minute AS rollup
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
    AND ({server:String} = '' OR server = {server:String})
    AND kind = 'tool'
GROUP BY client, version, protocol, server, tool
HAVING failures > 0
ORDER BY failures DESC, server, tool
LIMIT 5 BY client, version, protocol
LIMIT 5000
