import type { Overview, Tool } from '../api';
import { Chart } from '../components/Chart';
import { NoCalls } from '../components/Empty';
import { Icon } from '../components/Icon';
import { Rate } from '../components/Rate';
import { StateBadge } from '../components/StateBadge';
import { Ago } from '../components/Text';
import { Tile } from '../components/Tile';
import { ToolLink } from '../components/ToolLink';
import { formatCount, formatMilliseconds, formatPerSecond, formatRate } from '../format';
import { pageLink, queryLink, visit } from '../navigation';
import { STATE_RANK } from '../severity';
import { overview, tools } from '../state';
import { failedCallsLink } from './toolColumns';
import { ToolTable } from './tools';

/** Rows in the table below the charts. */
const TOP_TOOLS = 10;
/** Tools in the list that need attention. */
const ATTENTION = 6;

export function OverviewPage() {
  const answer = overview.data.value;
  if (!answer) return null;
  if (answer.totals.calls === 0) return <NoCalls />;
  const rows = tools.data.value?.tools ?? [];
  return (
    <>
      <Tiles totals={answer.totals} />
      <Charts answer={answer} />
      <Attention rows={rows} />
      {rows.length > 0 && (
        <section class="panel">
          <div class="panel-head">
            <h2>Tools</h2>
            {rows.length > TOP_TOOLS && <a href={pageLink('tools')}>All {rows.length}</a>}
          </div>
          <ToolTable rows={rows} limit={TOP_TOOLS} expandable={false} />
        </section>
      )}
    </>
  );
}

function Tiles({ totals }: Pick<Overview, 'totals'>) {
  return (
    <div class="tiles">
      <dl class="tile-group">
        <Tile name="calls" title="Calls" value={totals.calls} format={formatCount} />
        <Tile name="calls-per-second" title="Throughput" value={totals.calls_per_second} format={formatPerSecond} />
      </dl>
      <dl class="tile-group">
        <Tile name="failure-rate" title="Error rate" value={totals.failure_rate} format={formatRate} tone={totals.failures > 0 ? 'error' : undefined} hint="Share of calls that failed by the server’s fault, or that of something it depends on" />
        <Tile name="failures" title="Failed" value={totals.failures} format={formatCount} />
      </dl>
      <dl class="tile-group">
        <Tile name="caller-error-rate" title="Caller error rate" value={totals.caller_error_rate} format={formatRate} tone={totals.caller_errors > 0 ? 'warning' : undefined} hint="Share of calls that failed by the caller’s fault: bad arguments, unknown tools. They never count as failures of the server" />
        <Tile name="caller-errors" title="Caller errors" value={totals.caller_errors} format={formatCount} />
        <Tile name="auth-errors" title="Auth errors" value={totals.auth_errors} format={formatCount} hint="Calls without valid credentials" />
      </dl>
      <dl class="tile-group">
        <Tile name="p50" title="p50" value={totals.p50_ms} format={formatMilliseconds} tone="p50" hint="Half of the calls took no longer" />
        <Tile name="p95" title="p95" value={totals.p95_ms} format={formatMilliseconds} tone="p95" hint="95 of 100 calls took no longer" />
        <Tile name="p99" title="p99" value={totals.p99_ms} format={formatMilliseconds} tone="p99" hint="99 of 100 calls took no longer" />
      </dl>
      <dl class="tile-group">
        <Tile name="users" title="Users" value={totals.users} format={formatCount} />
        <Tile name="clients" title="Clients" value={totals.clients} format={formatCount} />
        <Tile name="tools" title="Tools" value={totals.tools} format={formatCount} />
      </dl>
    </div>
  );
}

function Charts({ answer: { series, range } }: { answer: Overview }) {
  const common = { time: series.time, range, onSelect: showSpan };
  return (
    <div class="charts">
      <Chart
        {...common}
        id="calls"
        title="Calls per second"
        format={formatPerSecond}
        lines={[{ id: 'calls-per-second', title: 'calls', values: series.calls_per_second, filled: true }]}
      />
      <Chart
        {...common}
        id="errors"
        title="Error rate"
        format={formatRate}
        lines={[
          { id: 'failure-rate', title: 'failed', values: series.failure_rate, filled: true },
          { id: 'caller-error-rate', title: 'caller errors', values: series.caller_error_rate },
        ]}
      />
      <Chart
        {...common}
        id="latency"
        title="Latency"
        format={formatMilliseconds}
        lines={[
          { id: 'p50', title: 'p50', values: series.p50_ms },
          { id: 'p95', title: 'p95', values: series.p95_ms },
          { id: 'p99', title: 'p99', values: series.p99_ms, dashed: true },
        ]}
      />
    </div>
  );
}

/** Looks closer at a span of time, at least a minute long. */
function showSpan(from: number, to: number): void {
  const start = Math.floor(from);
  visit(queryLink({ range: '', from: String(start), to: String(Math.max(Math.ceil(to), start + 60)) }));
}

function Attention({ rows }: { rows: readonly Tool[] }) {
  const unwell = rows
    .filter(({ state }) => state !== 'healthy')
    .sort((left, right) => STATE_RANK[right.state] - STATE_RANK[left.state] || right.failures - left.failures);
  if (rows.length === 0) return null;
  if (unwell.length === 0) {
    return (
      <p class="all-well">
        <Icon name="check" /> No tool is flaky or broken.
      </p>
    );
  }
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>
          Needs attention <span class="quiet">{unwell.length}</span>
        </h2>
        {unwell.length > ATTENTION && <a href={pageLink('tools', { sort: '-state' })}>All {unwell.length}</a>}
      </div>
      <ul class="attention">
        {unwell.slice(0, ATTENTION).map((row) => (
          <li key={JSON.stringify([row.server, row.tool])} data-testid="attention-row" data-server={row.server} data-tool={row.tool} data-state={row.state}>
            <StateBadge state={row.state} />
            <ToolLink tool={row.tool} server={row.server} href={failedCallsLink(row)} />
            <span class="attention-facts">
              <Rate rate={row.failure_rate} /> of {formatCount(row.calls)} calls failed, {formatCount(row.users)}{' '}
              {row.users === 1 ? 'user' : 'users'}, last seen <Ago time={row.last_seen} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
