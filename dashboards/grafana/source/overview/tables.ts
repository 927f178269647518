import { MappingType, SpecialValueMatch, TableCellDisplayMode } from '@grafana/schema';
import { callsOfRange, chosen, everyMinute, latency, users } from '../calls.js';
import { colour, failureRateSteps, field, rateColumn, table } from '../panel.js';
import { sql } from '../query.js';

const unknown = [
  { type: MappingType.SpecialValue, options: { match: SpecialValueMatch.Empty, result: { text: 'unknown' } } },
];

const onlyThisTool = {
  links: [
    {
      title: 'Show only this tool',
      url:
        `/d/toolsight-overview?\${datasource:queryparam}&var-server=\${__data.fields.Server:percentencode}` +
        '&var-tool=${__data.fields.Tool:percentencode}&${__url_time_range}',
    },
  ],
};

export function sickTools(toolHealth: string) {
  return table({
    title: 'Flaky and broken tools now',
    description:
      'Judged from the last 15 minutes, whatever the range. Flaky: at least 20 calls that count, 3 failures, 2 % of them, ' +
      'and 2 recoveries. Broken: at least 5 calls that count, 90 % of them failed. Caller and sign-in errors and calls ' +
      'that the client gave up do not count.',
    noValue: 'no tool is flaky or broken',
    overrides: [
      field('State', {
        mappings: [
          {
            type: MappingType.ValueToText,
            options: {
              broken: { text: 'broken', color: colour.failure, index: 0 },
              flaky: { text: 'flaky', color: colour.warning, index: 1 },
            },
          },
        ],
        'custom.cellOptions': { type: TableCellDisplayMode.ColorBackground },
        'custom.width': 100,
      }),
      field('Tool', onlyThisTool),
      rateColumn('Failure rate'),
    ],
    sql: sql`
      SELECT
          state AS "State",
          server AS "Server",
          tool AS "Tool",
          failures / sample AS "Failure rate",
          failures AS "Failures",
          sample AS "Calls that count",
          recoveries AS "Recoveries"
      FROM (
          ${toolHealth}
      )
      WHERE state != 'healthy'
        AND $__conditionalAll(server IN (\${server:singlequote}), $server)
        AND $__conditionalAll(tool IN (\${tool:singlequote}), $tool)
      ORDER BY "State", "Failure rate" DESC, "Server", "Tool"`,
  });
}

export const tools = table({
  title: 'Tools',
  description:
    'Every tool that was called in the range, most calls first, at most 500. Rates are shares of all calls of ' +
    'the tool.',
  noValue: 'no tool was called',
  overrides: [
    field('Tool', onlyThisTool),
    rateColumn('Failure rate', failureRateSteps),
    rateColumn('Caller error rate'),
    field('p50', { unit: 'ms' }),
    field('p95', { unit: 'ms' }),
    field('p99', { unit: 'ms' }),
    field('Last call', { unit: 'dateTimeFromNow' }),
  ],
  sql: sql`
    SELECT
        server AS "Server",
        target AS "Tool",
        sum(calls) AS "Calls",
        sum(failures) AS "Failures",
        sum(failures) / sum(calls) AS "Failure rate",
        sum(caller_errors) / sum(calls) AS "Caller error rate",
        ${latency(50)} AS "p50",
        ${latency(95)} AS "p95",
        ${latency(99)} AS "p99",
        ${users} AS "Users",
        max(last_seen) AS "Last call"
    FROM ${callsOfRange('tool')}
    WHERE ${everyMinute}
      AND kind = 'tool'
      AND ${chosen}
    GROUP BY server, target
    ORDER BY "Calls" DESC, "Server", "Tool"
    LIMIT 500`,
});

export const clients = table({
  title: 'Clients by version and protocol',
  description:
    'Every client program, its version and the MCP protocol version it spoke, most calls first, at most 500. ' +
    'A version that fails more often than the others shows for whom something breaks.',
  noValue: 'no client called',
  overrides: [
    field('Client', { mappings: unknown }),
    field('Version', { mappings: unknown }),
    field('Protocol', { mappings: unknown }),
    rateColumn('Failure rate', failureRateSteps),
    rateColumn('Caller error rate'),
    field('p95', { unit: 'ms' }),
    field('Last call', { unit: 'dateTimeFromNow' }),
  ],
  sql: sql`
    SELECT
        client AS "Client",
        client_version AS "Version",
        protocol_version AS "Protocol",
        sum(calls) AS "Calls",
        sum(failures) AS "Failures",
        sum(failures) / sum(calls) AS "Failure rate",
        sum(caller_errors) / sum(calls) AS "Caller error rate",
        ${latency(95)} AS "p95",
        ${users} AS "Users",
        max(last_seen) AS "Last call"
    FROM (
        SELECT server, client, client_version, protocol_version, calls, failures, caller_errors, duration_us, users, last_seen
        FROM ${callsOfRange('client')}
        WHERE ${everyMinute}
          AND $__conditionalAll(server IN (\${server:singlequote}), $server)
          AND $__conditionalAll(0, $tool)
        UNION ALL
        SELECT
            server,
            client,
            client_version,
            protocol_version,
            sum(weight) AS calls,
            sumIf(weight, fault = 'server') AS failures,
            sumIf(weight, fault = 'caller') AS caller_errors,
            quantilesTDigestWeightedState(0.5, 0.95, 0.99)(calls.duration_us, weight) AS duration_us,
            uniqCombined64IfState(12)(toString(user_id), user_id != '') AS users,
            toDateTime(max(time), 'UTC') AS last_seen
        FROM calls
        WHERE toStartOfHour(time) >= toStartOfHour($__fromTime) AND toStartOfHour(time) <= toStartOfHour($__toTime)
          AND time >= toDateTime64(toStartOfMinute($__fromTime), 6)
          AND time < toDateTime64(toStartOfMinute($__toTime) + 60, 6)
          AND direction != 'to_client'
          AND NOT ($__conditionalAll(0, $tool))
          AND ${chosen}
        GROUP BY server, client, client_version, protocol_version)
    GROUP BY client, client_version, protocol_version
    ORDER BY "Calls" DESC, "Client", "Version", "Protocol"
    LIMIT 500`,
});

export const latestFailures = table({
  title: 'Latest failures',
  description: 'The newest 100 calls of the range that failed by the fault of the server, with what the server said.',
  noValue: 'nothing failed',
  overrides: [
    field('Time', { 'custom.width': 180 }),
    field('Duration', { unit: 'ms' }),
    field('Code', { unit: 'none', noValue: '-' }),
    field('HTTP', { unit: 'none', noValue: '-' }),
    field('Message', { 'custom.inspect': true, 'custom.minWidth': 240 }),
    field('Client', { mappings: unknown }),
    field('User', { mappings: unknown }),
  ],
  sql: sql`
    SELECT
        time AS "Time",
        server AS "Server",
        method AS "Method",
        target AS "Tool",
        outcome AS "Outcome",
        error_type AS "Error type",
        message AS "Message",
        nullIf(rpc_code, 0) AS "Code",
        nullIf(http_status, 0) AS "HTTP",
        duration_us / 1000 AS "Duration",
        client AS "Client",
        client_version AS "Version",
        user_id AS "User",
        lower(hex(trace_id)) AS "Trace"
    FROM calls
    WHERE $__timeFilter(time)
      AND fault = 'server'
      AND ${chosen}
    ORDER BY time DESC
    LIMIT 100`,
});
