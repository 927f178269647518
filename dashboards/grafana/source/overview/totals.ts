import { callsOfRange, chosen, everyMinute, latency, secondsOfRange, users } from '../calls.js';
import { failureRateSteps, stat } from '../panel.js';
import { sql } from '../query.js';

/** One value of all calls of the range; without a call there is no value, not a zero. */
function ofRange(name: string, expression: string): string {
  return sql`
    SELECT ${expression} AS "${name}"
    FROM ${callsOfRange('tool')}
    WHERE ${everyMinute}
      AND ${chosen}
    HAVING sum(calls) > 0`;
}

export const calls = stat({
  title: 'Calls',
  description: 'Requests and notifications that crossed the servers in the range, whatever their end.',
  unit: 'short',
  noValue: '0',
  sql: ofRange('Calls', 'sum(calls)'),
});

export const callsPerSecond = stat({
  title: 'Calls per second',
  description: 'Calls divided by the length of the range.',
  unit: 'reqps',
  noValue: '0',
  decimals: 2,
  sql: ofRange('Calls per second', `sum(calls) / ${secondsOfRange}`),
});

export const failureRate = stat({
  title: 'Failure rate',
  description: 'Calls that failed by the fault of the server, divided by all calls. Mistakes of callers are not in it.',
  unit: 'percentunit',
  noValue: 'no calls',
  decimals: 2,
  steps: failureRateSteps,
  sql: ofRange('Failure rate', 'sum(failures) / sum(calls)'),
});

export const callerErrorRate = stat({
  title: 'Caller error rate',
  description: 'Calls that could not be served because of what the caller sent, divided by all calls.',
  unit: 'percentunit',
  noValue: 'no calls',
  decimals: 2,
  sql: ofRange('Caller error rate', 'sum(caller_errors) / sum(calls)'),
});

export function latencyStat(percentile: 50 | 95 | 99) {
  return stat({
    title: `Latency p${percentile}`,
    description: `${percentile} of 100 calls took at most this long, from the request to the last byte of the answer.`,
    unit: 'ms',
    noValue: 'no calls',
    sql: ofRange(`p${percentile}`, latency(percentile)),
  });
}

export const usersOfRange = stat({
  title: 'Users',
  description: 'Distinct users that called in the range. Calls without a known user do not count as one.',
  unit: 'short',
  noValue: '0',
  sql: ofRange('Users', users),
});
