import type { Call } from '../api';
import { callKey, CALLS_KEPT } from '../callPages';
import { CallFilters } from '../components/CallFilters';
import { CallRow } from '../components/CallRow';
import { Empty, NoCalls } from '../components/Empty';
import { DEFAULT_FAULT, FIELDS } from '../callFilters';
import { queryLink, route } from '../navigation';
import { rangeName } from '../route';
import { calls, overview } from '../state';

export const CALL_COLUMNS = [
  { id: 'time', title: 'Time' },
  { id: 'target', title: 'Tool' },
  { id: 'outcome', title: 'Outcome' },
  { id: 'code', title: 'Code', numeric: true },
  { id: 'message', title: 'Message' },
  { id: 'client', title: 'Client' },
  { id: 'protocol', title: 'Protocol' },
  { id: 'user', title: 'User' },
  { id: 'duration_ms', title: 'Duration', numeric: true },
  { id: 'trace_id', title: 'Trace' },
] as const;

export function CallsPage() {
  const rows = calls.data.value?.calls ?? [];
  return (
    <section class="panel">
      <CallFilters />
      {rows.length > 0 ? <CallTable rows={rows} /> : <NoneFound />}
    </section>
  );
}

function CallTable({ rows }: { rows: readonly Call[] }) {
  return (
    <>
      <div class="table-scroll head-stays" role="region" aria-label="Calls" tabIndex={0}>
        <table class="calls">
          <caption class="visually-hidden">Calls, newest first</caption>
          <thead>
            <tr>
              {CALL_COLUMNS.map((column) => (
                <th key={column.id} scope="col" class={`col-${column.id} ${'numeric' in column ? 'number' : ''}`} aria-sort={column.id === 'time' ? 'descending' : undefined}>
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((call) => (
              <CallRow key={callKey(call)} call={call} columns={CALL_COLUMNS.length} />
            ))}
          </tbody>
        </table>
      </div>
      <More shown={rows.length} />
    </>
  );
}

function More({ shown }: { shown: number }) {
  if (shown >= CALLS_KEPT) return <p class="quiet more">The newest {CALLS_KEPT} calls. For older ones, choose another span of time or a filter.</p>;
  if (!calls.data.value?.next) return null;
  const loading = calls.pending.value?.includes('&cursor=') ?? false;
  return (
    <button type="button" class="button wide" data-testid="more" disabled={loading} onClick={() => void calls.more()}>
      {loading ? 'Loading …' : 'Load older calls'}
    </button>
  );
}

function NoneFound() {
  const { query } = route.value;
  const filtered = FIELDS.some(({ name }) => query[name]) || query.outcome || query.server;
  if (!filtered && overview.data.value?.totals.calls === 0) return <NoCalls />;
  const failed = (query.fault || DEFAULT_FAULT) === 'server';
  return (
    <Empty title={`No ${failed ? 'failed ' : ''}call in ${rangeName(query)}${filtered ? ' matches the filters' : ''}`}>
      {query.fault !== 'all' && <a href={queryLink({ fault: 'all' })}>Show calls with any outcome</a>}
    </Empty>
  );
}
