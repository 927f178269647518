-- How many tools were called between two minutes: from the rollup of who called which, which has the narrowest rows.
SELECT uniqExact(tool.server, tool.target) AS tools
FROM client_tools_between(tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}) AS tool
WHERE ({server:String} = '' OR server = {server:String})
    AND ({client:String} = '' OR client = {client:String})
    AND ({version:String} = '' OR client_version = {version:String})
    AND ({protocol:String} = '' OR protocol_version = {protocol:String})
    AND ({target:String} = '' OR target = {target:String})
