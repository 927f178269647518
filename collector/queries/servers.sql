-- Which servers were called, by name.
SELECT DISTINCT server
FROM calls_between(
    slice = 'server', tenant = {tenant:String}, from = {from:Int64}, to = {to:Int64}, step = 86400) AS rollup
ORDER BY server
LIMIT 1000
