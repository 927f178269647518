import { formatAgo, formatCount, formatDateTime, formatExact, formatSeconds } from '../format';
import { now, signedOut, status } from '../state';
import type { StatusField } from '../testids';

type Level = 'plain' | 'warning' | 'error';

/** The collector's own state, at the foot of every page. */
export function StatusBar() {
  const state = status.data.value;
  const { spans, rows } = state ?? {};
  const reached = status.error.value === null || signedOut.value;
  const store = reached ? (state?.store.state ?? 'starting') : 'unreachable';
  return (
    <footer class="status" data-testid="status" data-value={reached ? (state?.store.state ?? '') : 'collector-unreachable'}>
      <span class={`status-store status-${store}`} title={state?.store.error ?? undefined}>
        {signedOut.value ? 'signed out' : reached ? `${state?.store.kind ?? ''} store ${store}` : 'collector does not answer'}
      </span>
      {state && spans && rows && (
        <dl>
          <Fact field="received" title="spans received" value={spans.received} />
          <Fact field="refused" title="refused" value={spans.refused} level="warning" hint="Spans that the collector did not take, with an error to the sender" />
          <Fact field="ignored" title="ignored" value={spans.ignored} hint="Spans that are not calls of an MCP server" />
          <Fact field="inserted" title="calls stored" value={rows.inserted} />
          <Fact field="queued" title="queued" value={rows.queued} hint="Calls received and not yet stored" />
          <Fact field="failed" title="failed" value={rows.failed} level="warning" hint="Calls whose insert failed" />
          <Fact field="lost" title="lost" value={rows.lost} level="error" hint="Calls that will never be stored" />
          <Fact field="last-insert" title="last stored" value={state.last_insert} text={formatAgo(now.value, state.last_insert)} exact={formatDateTime(state.last_insert)} />
          <Fact field="uptime" title="up for" value={state.uptime_seconds} text={formatSeconds(state.uptime_seconds)} />
        </dl>
      )}
      {state && <span class="status-version">Toolsight {state.version}</span>}
    </footer>
  );
}

interface FactProps {
  field: StatusField;
  title: string;
  value: number | null;
  text?: string;
  exact?: string;
  hint?: string;
  /** How loud it is when it is not zero. */
  level?: Level;
}

function Fact({ field, title, value, text = formatCount(value), exact = formatExact(value), hint, level = 'plain' }: FactProps) {
  return (
    <div class={`fact fact-${value ? level : 'plain'}`} data-tip={hint}>
      <dt>{title}</dt>
      <dd data-testid={`status-${field}`} data-value={value ?? ''} title={exact}>
        {text}
      </dd>
    </div>
  );
}
