import type { Dashboard } from '@grafana/schema';
import { board, choice, datasourceVariable } from '../board.js';
import { callsOfRange, everyMinute } from '../calls.js';
import { sql } from '../query.js';
import { callsOverTime, failuresByTool, latencyOverTime, ratesOverTime } from './over_time.js';
import { clients, latestFailures, sickTools, tools } from './tables.js';
import { callerErrorRate, calls, callsPerSecond, failureRate, latencyStat, usersOfRange } from './totals.js';

/** What breaks, where and for whom: the first board to open. */
export function overview(toolHealth: string): Dashboard {
  return board({
    uid: 'toolsight-overview',
    title: 'Toolsight overview',
    description: 'Calls, failures, latency and users of the observed MCP servers, by tool and by client.',
    variables: [
      datasourceVariable,
      choice(
        'server',
        'Server',
        'MCP servers that were called in the range.',
        sql`
          SELECT DISTINCT server
          FROM ${callsOfRange('server')}
          WHERE ${everyMinute}
          ORDER BY server
          LIMIT 1000`,
      ),
      choice(
        'tool',
        'Tool',
        'Tools of the chosen servers that were called in the range.',
        sql`
          SELECT DISTINCT target
          FROM ${callsOfRange('tool')}
          WHERE ${everyMinute}
            AND kind = 'tool'
            AND $__conditionalAll(server IN (\${server:singlequote}), $server)
          ORDER BY target
          LIMIT 1000`,
      ),
    ],
    rows: [
      {
        height: 4,
        panels: [
          [3, calls],
          [3, callsPerSecond],
          [3, failureRate],
          [3, callerErrorRate],
          [3, latencyStat(50)],
          [3, latencyStat(95)],
          [3, latencyStat(99)],
          [3, usersOfRange],
        ],
      },
      { height: 8, panels: [[12, callsOverTime], [12, ratesOverTime]] },
      { height: 8, panels: [[12, latencyOverTime], [12, failuresByTool]] },
      { height: 6, panels: [[24, sickTools(toolHealth)]] },
      { height: 9, panels: [[24, tools]] },
      { height: 9, panels: [[24, clients]] },
      { height: 10, panels: [[24, latestFailures]] },
    ],
  });
}
