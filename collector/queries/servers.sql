-- Which servers were called, by name.
SELECT DISTINCT server
FROM calls_by_minute
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
ORDER BY server
LIMIT 1000
