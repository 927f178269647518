-- The same farther back than is known who called which tool: from the rollup of tools by day, whoever called them.
SELECT uniqExact(rollup.server, rollup.target) AS tools
FROM calls_between(
    slice = 'tool', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
WHERE direction != 'to_client'
    AND kind = 'tool'
    AND ({server:String} = '' OR server = {server:String})
    AND ({target:String} = '' OR target = {target:String})
