import type { Tool } from '../api';
import type { Column } from '../components/DataTable';
import { Rate, Share } from '../components/Rate';
import { StateBadge } from '../components/StateBadge';
import { Ago } from '../components/Text';
import { ToolLink } from '../components/ToolLink';
import { formatCount, formatDateTime, formatExact, formatMilliseconds } from '../format';
import { pageLink } from '../navigation';
import { STATE_RANK } from '../severity';

/** Address of a tool's failed calls. */
export function failedCallsLink({ server, tool }: Pick<Tool, 'server' | 'tool'>): string {
  return pageLink('calls', { server, target: tool });
}

/** Columns of the tools table; `rows` gives the bars their scale. */
export function toolColumns(rows: readonly Tool[]): Column<Tool>[] {
  const most = Math.max(0, ...rows.map(({ calls }) => calls));
  return [
    {
      id: 'tool',
      title: 'Tool',
      value: (row) => row.tool,
      cell: (row) => <ToolLink tool={row.tool} server={row.server} href={failedCallsLink(row)} />,
    },
    { id: 'state', title: 'State', value: (row) => row.state, rank: (row) => STATE_RANK[row.state], numeric: false, cell: (row) => <StateBadge state={row.state} />, hint: 'Of the last 15 minutes, whatever the chosen span of time' },
    { ...count('calls', 'Calls', (row) => row.calls), cell: (row) => <Share of={row.calls} most={most}>{formatCount(row.calls)}</Share> },
    {
      id: 'failure_rate',
      title: 'Errors',
      hint: 'Share of calls that failed by the server’s fault',
      numeric: true,
      value: (row) => row.failure_rate,
      exact: (row) => `${formatExact(row.failures)} of ${formatExact(row.calls)} calls failed`,
      cell: (row) => <Rate rate={row.failure_rate} />,
    },
    count('failures', 'Failed', (row) => row.failures),
    { ...count('caller_errors', 'Caller errors', (row) => row.caller_errors), hint: 'Calls that failed by the caller’s fault: bad arguments, unknown tools' },
    latency('p50_ms', 'p50', (row) => row.p50_ms),
    latency('p95_ms', 'p95', (row) => row.p95_ms),
    latency('p99_ms', 'p99', (row) => row.p99_ms),
    count('users', 'Users', (row) => row.users),
    count('clients', 'Clients', (row) => row.clients),
    {
      id: 'last_seen',
      title: 'Last seen',
      numeric: true,
      value: (row) => row.last_seen,
      exact: (row) => formatDateTime(row.last_seen),
      cell: (row) => <Ago time={row.last_seen} />,
    },
  ];
}

function count(id: string, title: string, value: (row: Tool) => number): Column<Tool> {
  return { id, title, numeric: true, value, exact: (row) => formatExact(value(row)), cell: (row) => formatCount(value(row)) };
}

function latency(id: string, title: string, value: (row: Tool) => number | null): Column<Tool> {
  return { id, title, numeric: true, value, exact: (row) => `${formatExact(value(row))} ms`, cell: (row) => formatMilliseconds(value(row)) };
}
