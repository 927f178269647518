import type { Client } from '../api';
import { buildMatrix, type Matrix, type MatrixRow } from '../clientMatrix';
import { ClientCell, isOpen } from '../components/ClientCell';
import { ClientDetail } from '../components/ClientDetail';
import { CutOff } from '../components/CutOff';
import { Empty, NoCalls } from '../components/Empty';
import { FilterBox, matchesFilter } from '../components/FilterBox';
import { Icon } from '../components/Icon';
import { Rate } from '../components/Rate';
import { Ago, Name } from '../components/Text';
import { formatCount, formatDateTime, formatExact } from '../format';
import { route, setQuery } from '../navigation';
import { rangeName } from '../route';
import { formatSort, parseSort, type Sort, sortRows, type SortValue } from '../sort';
import { clients, overview } from '../state';

/** The order in which clients and versions are easiest to compare. */
const BY_CLIENT: Sort = { column: 'client', descending: false };

const TOTALS: { id: string; title: string; value: (row: MatrixRow) => SortValue }[] = [
  { id: 'calls', title: 'Calls', value: (row) => row.calls },
  { id: 'failure_rate', title: 'Errors', value: (row) => row.failureRate },
  { id: 'last_seen', title: 'Last seen', value: (row) => row.lastSeen },
];

export function ClientsPage() {
  const entries = clients.data.value?.clients ?? [];
  if (entries.length === 0) return overview.data.value?.totals.calls ? <Empty title={`No client called in ${rangeName(route.value.query)}`} /> : <NoCalls />;
  const { filter } = route.value.query;
  const shown = entries.filter((entry) => matchesFilter(filter, entry.client, entry.version));
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Error rate by client version and protocol version</h2>
        <FilterBox label="Filter clients" />
      </div>
      {shown.length > 0 ? <MatrixTable matrix={buildMatrix(shown)} /> : <Empty title={`No client has “${filter}” in its name or version`} />}
      <CutOff next={clients.data.value?.next} source={clients.source.value} shown={entries.length} what="client versions" />
    </section>
  );
}

function MatrixTable({ matrix }: { matrix: Matrix }) {
  const sort = parseSort(route.value.query.sort, BY_CLIENT);
  const total = TOTALS.find(({ id }) => id === sort.column);
  const rows = total ? sortRows(matrix.rows, total.value, sort.descending) : matrix.rows;
  return (
    <div class="table-scroll" role="region" aria-label="Clients" tabIndex={0}>
      <table class="matrix">
        <caption class="visually-hidden">Error rate by client version and protocol version</caption>
        <thead>
          <tr>
            <SortHeader id="client" title="Client" sort={sort} />
            {matrix.protocols.map((protocol) => (
              <th key={protocol} scope="col" class="protocol">
                <Name text={protocol} missing="not sent" />
              </th>
            ))}
            {TOTALS.map((each) => (
              <SortHeader key={each.id} id={each.id} title={each.title} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <ClientRows key={JSON.stringify([row.client, row.version])} row={row} protocols={matrix.protocols} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SortHeader({ id, title, sort }: { id: string; title: string; sort: Sort }) {
  const active = sort.column === id;
  const numeric = id !== 'client';
  const next: Sort = { column: id, descending: active ? !sort.descending && numeric : numeric };
  return (
    <th scope="col" class={numeric ? 'number' : ''} aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="sort" data-testid={`sort-${id}`} onClick={() => setQuery({ sort: formatSort(next) })}>
        {title}
        <span class="sort-mark">{active && <Icon name={sort.descending ? 'down' : 'up'} />}</span>
      </button>
    </th>
  );
}

/** One client version, and below it the failing tools of its chosen cell. */
function ClientRows({ row, protocols }: { row: MatrixRow; protocols: string[] }) {
  const open: Client | undefined = [...row.cells.values()].find(isOpen);
  return (
    <>
      <tr data-testid="client-row" data-client={row.client} data-version={row.version}>
        <th scope="row">
          <span class="client-name">
            <Name text={row.client} missing="unnamed client" />
            <span class="version">
              <Name text={row.version} missing="no version" />
            </span>
          </span>
        </th>
        {protocols.map((protocol) => (
          <ClientCell key={protocol} entry={row.cells.get(protocol)} />
        ))}
        <td class="number" data-column="calls" data-value={row.calls} title={formatExact(row.calls)}>
          {formatCount(row.calls)}
        </td>
        <td class="number" data-column="failure_rate" data-value={row.failureRate} title={`${formatExact(row.failures)} of ${formatExact(row.calls)} calls failed`}>
          <Rate rate={row.failureRate} />
        </td>
        <td class="number" data-column="last_seen" data-value={row.lastSeen} title={formatDateTime(row.lastSeen)}>
          <Ago time={row.lastSeen} />
        </td>
      </tr>
      {open && (
        <tr class="detail-row">
          <td colSpan={protocols.length + TOTALS.length + 1}>
            <ClientDetail entry={open} />
          </td>
        </tr>
      )}
    </>
  );
}
