import { GraphDrawStyle, StackingMode } from '@grafana/schema';
import { callsOverTime as ofSteps, chosen, completeMinutes, evenSteps, latency, withSecondsOfPoint } from '../calls.js';
import { colour, coloured, timeSeries } from '../panel.js';
import { sql } from '../query.js';

export const callsOverTime = timeSeries({
  title: 'Calls per second by fault',
  description:
    'All calls, split by who has to act so that the call succeeds next time. Minutes that are not over are left ' +
    'out.',
  unit: 'reqps',
  custom: { stacking: { mode: StackingMode.Normal }, fillOpacity: 30 },
  overrides: [
    coloured('No fault', colour.ok),
    coloured('Caller', colour.caller),
    coloured('Sign-in', colour.signIn),
    coloured('Client gone', colour.gone),
    coloured('Server', colour.failure),
  ],
  sql: sql`
    ${withSecondsOfPoint}
    SELECT
        $__timeInterval(minute) AS time,
        sum(calls - failures - caller_errors - auth_errors - client_gone) / seconds AS "No fault",
        sum(caller_errors) / seconds AS "Caller",
        sum(auth_errors) / seconds AS "Sign-in",
        sum(client_gone) / seconds AS "Client gone",
        sum(failures) / seconds AS "Server"
    FROM ${ofSteps('tool')}
    WHERE ${completeMinutes}
      AND ${chosen}
    GROUP BY time
    ${evenSteps}`,
});

export const ratesOverTime = timeSeries({
  title: 'Failure rate and caller error rate',
  description:
    'Failures of the server and errors of callers, each divided by all calls. A gap means that nothing was ' +
    'called.',
  unit: 'percentunit',
  overrides: [coloured('Failure rate', colour.failure), coloured('Caller error rate', colour.caller)],
  sql: sql`
    SELECT
        $__timeInterval(minute) AS time,
        toNullable(sum(failures) / sum(calls)) AS "Failure rate",
        toNullable(sum(caller_errors) / sum(calls)) AS "Caller error rate"
    FROM ${ofSteps('tool')}
    WHERE ${completeMinutes}
      AND ${chosen}
    GROUP BY time
    ${evenSteps}`,
});

export const latencyOverTime = timeSeries({
  title: 'Latency',
  description:
    'Time from the request to the last byte of the answer; failed calls are in it. A gap means that nothing was ' +
    'called.',
  unit: 'ms',
  overrides: [
    coloured('p50', colour.p50),
    coloured('p95', colour.p95),
    coloured('p99', colour.p99, { 'custom.lineStyle': { fill: 'dash', dash: [10, 10] } }),
  ],
  sql: sql`
    SELECT
        $__timeInterval(minute) AS time,
        toNullable(${latency(50)}) AS "p50",
        toNullable(${latency(95)}) AS "p95",
        toNullable(${latency(99)}) AS "p99"
    FROM ${ofSteps('tool')}
    WHERE ${completeMinutes}
      AND ${chosen}
    GROUP BY time
    ${evenSteps}`,
});

export const failuresByTool = timeSeries({
  title: 'Failures by tool',
  description:
    'Failed calls per bar of the ten tools with the most failures in the range. Mistakes of callers are not in ' +
    'it.',
  unit: 'short',
  displayName: '${__field.labels.tool} on ${__field.labels.server}',
  custom: { drawStyle: GraphDrawStyle.Bars, stacking: { mode: StackingMode.Normal }, fillOpacity: 80 },
  overrides: [],
  sql: sql`
    SELECT
        $__timeInterval(minute) AS time,
        server,
        target AS tool,
        sum(failures) AS Value
    FROM ${ofSteps('tool')}
    WHERE ${completeMinutes}
      AND failures > 0
      AND (server, target) GLOBAL IN (
        SELECT server, target
        FROM ${ofSteps('tool')}
        WHERE ${completeMinutes}
          AND kind = 'tool'
          AND failures > 0
          AND ${chosen}
        GROUP BY server, target
        ORDER BY sum(failures) DESC, server, target
        LIMIT 10)
      AND kind = 'tool'
    GROUP BY time, server, tool
    ORDER BY time, server, tool`,
});
