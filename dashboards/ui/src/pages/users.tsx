import type { User } from '../api';
import { CutOff } from '../components/CutOff';
import { type Column, DataTable } from '../components/DataTable';
import { Empty, NoCalls } from '../components/Empty';
import { FilterBox, matchesFilter } from '../components/FilterBox';
import { Rate, Share } from '../components/Rate';
import { Ago, Name } from '../components/Text';
import { formatCount, formatDateTime, formatExact, formatMilliseconds } from '../format';
import { pageLink, route } from '../navigation';
import { rangeName } from '../route';
import { overview, users } from '../state';

export function UsersPage() {
  const rows = users.data.value?.users ?? [];
  if (rows.length === 0) return <NoUsers />;
  const { filter } = route.value.query;
  const shown = rows.filter((row) => matchesFilter(filter, row.user));
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>
          Users <span class="quiet">{shown.length === rows.length ? rows.length : `${shown.length} of ${rows.length}`}</span>
        </h2>
        <FilterBox label="Filter users" />
      </div>
      {shown.length > 0 ? (
        <DataTable
          caption="Users"
          columns={userColumns(rows)}
          rows={shown}
          defaultSort={{ column: 'calls', descending: true }}
          rowKey={(row) => row.user}
          rowData={(row) => ({ 'data-testid': 'user-row', 'data-user': row.user })}
          rowLink={callsLink}
        />
      ) : (
        <Empty title={`No user has “${filter}” in the name`} />
      )}
      <CutOff next={users.data.value?.next} source={users.source.value} shown={rows.length} what="users" />
    </section>
  );
}

/** Failed calls of a user who had some, all calls of one who had none. */
function callsLink({ user, failures }: User): string {
  return pageLink('calls', { user, fault: failures > 0 ? '' : 'all' });
}

function userColumns(rows: readonly User[]): Column<User>[] {
  const most = Math.max(0, ...rows.map(({ calls }) => calls));
  const count = (id: string, title: string, value: (row: User) => number): Column<User> => ({
    id, title, numeric: true, value, exact: (row) => formatExact(value(row)), cell: (row) => formatCount(value(row)),
  });
  return [
    { id: 'user', title: 'User', value: (row) => row.user, cell: (row) => <a href={callsLink(row)}><Name text={row.user} /></a> },
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
    count('caller_errors', 'Caller errors', (row) => row.caller_errors),
    {
      id: 'p95_ms',
      title: 'p95',
      numeric: true,
      value: (row) => row.p95_ms,
      exact: (row) => `${formatExact(row.p95_ms)} ms`,
      cell: (row) => formatMilliseconds(row.p95_ms),
    },
    count('tools', 'Tools', (row) => row.tools),
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

function NoUsers() {
  if (!overview.data.value?.totals.calls) return <NoCalls />;
  return (
    <Empty title={`No call in ${rangeName(route.value.query)} names a user`}>
      <p>Users are known once requests carry a verified identity, as the servers’ authorisation sees it.</p>
    </Empty>
  );
}
