import type { ComponentChildren } from 'preact';
import type { Collector, CollectorNumbers, Counts } from '../api';
import { Icon } from '../components/Icon';
import { Name } from '../components/Text';
import { Tile } from '../components/Tile';
import { formatAgo, formatBytes, formatCount, formatExact, formatMilliseconds, formatRate, formatSeconds } from '../format';
import { collector } from '../state';
import { words } from '../words';

export function CollectorPage() {
  const answer = collector.data.value;
  if (!answer) return null;
  const { numbers } = answer;
  if (!numbers) {
    return (
      <p class="empty" data-testid="empty">
        Your token is for one tenant. How the collector itself is doing is for those who may see all: ask its operator.
      </p>
    );
  }
  return (
    <>
      <Verdict answer={answer} />
      <Tiles numbers={numbers} uptime={answer.uptime_seconds} />
      <div class="collector-columns">
        <Ledger ledger={numbers.ledger} />
        <div class="collector-stack">
          <Layers layers={numbers.layers} />
          <Reasons numbers={numbers} />
        </div>
        <Workers workers={numbers.workers} toolHealthAge={numbers.tool_health_age_seconds} />
      </div>
    </>
  );
}

/** One sentence first; then what is wrong, the worst on top. */
function Verdict({ answer: { problems, store } }: { answer: Collector }) {
  const found = problems ?? [];
  const level = found[0]?.severity ?? 'well';
  const starting = store.state === 'starting' ? ' The store is starting; calls wait on disk until it is ready.' : '';
  return (
    <section class={`panel verdict verdict-${level}`} data-testid="verdict" data-value={level}>
      <h2>
        <Icon name={level === 'well' ? 'check' : 'warning'} />
        {level === 'well' && `All is well with the collector.${starting}`}
        {level === 'warning' && 'The collector works, but something needs your attention.'}
        {level === 'error' && 'Something is wrong with the collector.'}
      </h2>
      {found.length > 0 && (
        <ul>
          {found.map(({ kind, severity, message }) => (
            <li key={message} data-testid="problem" data-kind={kind} data-severity={severity}>
              <span class={`badge badge-${severity}`}>{severity}</span> {message}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Tiles({ numbers: { lag, spool, inserts, memory, memory_limit: limit }, uptime }: { numbers: CollectorNumbers; uptime: number }) {
  const share = spool.limit_bytes > 0 ? spool.bytes / spool.limit_bytes : null;
  return (
    <div class="tiles">
      <dl class="tile-group">
        <Tile name="freshness" title="Newest call" value={lag.freshness_seconds} format={formatAge} hint="How long ago the newest stored call began. It grows while nobody calls" />
        <Tile name="oldest-waiting" title="Oldest waiting" value={lag.oldest_waiting_seconds} format={formatSeconds} hint="Age of the oldest request that the store does not have yet" />
      </dl>
      <dl class="tile-group">
        <Tile name="spool-bytes" title="Spool" value={spool.bytes} format={formatBytes} hint={`${formatRate(share)} of its bound of ${formatBytes(spool.limit_bytes)}. Stored requests stay in it for a while`} />
        <Tile name="spool-records" title="Requests waiting" value={spool.records} format={formatCount} />
      </dl>
      <dl class="tile-group">
        <Tile name="fsync-p50" title="Disk p50" value={spool.fsync_p50_ms} format={formatMilliseconds} hint="Half of the waits for the spool’s disk took no longer" />
        <Tile name="fsync-p99" title="Disk p99" value={spool.fsync_p99_ms} format={formatMilliseconds} hint="99 of 100 waits for the spool’s disk took no longer" />
      </dl>
      <dl class="tile-group">
        <Tile name="insert-p50" title="Insert p50" value={inserts.p50_ms} format={formatMilliseconds} hint="Half of the inserts took no longer" />
        <Tile name="insert-p99" title="Insert p99" value={inserts.p99_ms} format={formatMilliseconds} hint="99 of 100 inserts took no longer" />
      </dl>
      <dl class="tile-group">
        <Tile name="retries" title="Retries" value={inserts.retries} format={formatCount} tone={inserts.retries > 0 ? 'warning' : undefined} hint="Batches that were sent to the store once more" />
        <Tile name="batch-rows" title="Batch rows" value={inserts.mean_batch_rows} format={formatRounded} hint="Rows of a batch, on average" />
      </dl>
      <dl class="tile-group">
        <Tile name="memory" title="Memory" value={memory} format={(state) => (limit.bytes === null ? 'unwatched' : (state ?? ''))} tone={memory === 'scarce' ? 'error' : memory === 'little' || limit.bytes === null ? 'warning' : undefined} hint={`Enough, little, or so scarce that requests are refused. ${limit.bytes === null ? 'The system tells of no limit: set memory_limit_bytes' : `Watched: ${formatBytes(limit.bytes)}, ${LIMITS[limit.of] ?? limit.of}`}`} />
        <Tile name="uptime" title="Up for" value={uptime} format={formatSeconds} hint="All numbers here are since the start" />
      </dl>
    </div>
  );
}

/** Whose limit of memory is watched, in words. */
const LIMITS: Record<string, string> = { setting: 'as memory_limit_bytes says', 'control group': 'the limit of the control group', machine: 'the last of the machine' };

/** Where every span went, as the sum that has to be right. */
function Ledger({ ledger }: { ledger: CollectorNumbers['ledger'] }) {
  const total = (counts: Counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const verdict = { true: 'adds up', false: 'does not add up', null: 'in motion' }[String(ledger.holds) as 'true' | 'false' | 'null'];
  const state = { true: 'healthy', false: 'broken', null: 'none' }[String(ledger.holds) as 'true' | 'false' | 'null'];
  return (
    <Panel
      title="Ledger"
      aside={
        <span class={`badge badge-${state}`} data-testid="ledger" data-value={ledger.holds ?? ''} data-tip="Spans received are those refused, ignored, repeated or written; these, with those found at the start, are the calls stored, set aside, damaged or waiting">
          {verdict}
        </span>
      }
    >
      <CountTable
        caption="Ledger"
        rows={[
          count('ledger', 'received', 'Spans received', ledger.received),
          ...parts([
            ...entries('refused', ledger.refused, 'refused: '),
            ...entries('ignored', ledger.ignored, 'ignored: '),
            count('ledger', 'duplicate', 'repeated by a sender', ledger.duplicate),
            count('ledger', 'spooled', 'written to the spool', ledger.spooled),
          ]),
          count('ledger', 'recovered', 'Found in the spool at the start', ledger.recovered),
          count('ledger', 'to-store', 'Written and found, to be stored', ledger.spooled + ledger.recovered),
          ...parts([
            count('ledger', 'inserted', 'stored', ledger.inserted),
            count('ledger', 'queued', 'waiting for the store', ledger.queued),
            count('ledger', 'set_aside', 'set aside: refused by the store', ledger.set_aside, 'error'),
            count('ledger', 'unreadable', 'damaged on disk', ledger.unreadable, 'error'),
          ]),
        ]}
      />
      {total(ledger.refused) > 0 && <p class="panel-note">Senders keep what was refused and send it again.</p>}
    </Panel>
  );
}

/** What the layers tell of themselves: what they lose never reaches the ledger. */
function Layers({ layers }: Pick<CollectorNumbers, 'layers'>) {
  const oldest = count('layers', 'oldest_call_seconds', 'oldest of them', layers.oldest_call_seconds);
  const server = ([name, value]: [string, number]) => count('layers', `dropped_by_${name}`, `by ${name}`, value, 'error');
  const rows = [
    count('layers', 'instances', 'Processes with a layer', layers.instances),
    count('layers', 'calls_in_flight', 'Calls that are running', layers.calls_in_flight),
    ...(layers.calls_in_flight > 0 ? parts([{ ...oldest, text: formatSeconds(layers.oldest_call_seconds) }]) : []),
    ...entries('layers_dropped', layers.records_dropped, 'records lost: ', 'error'),
    ...parts(Object.entries(layers.records_dropped_by_server).map(server)),
    ...entries('layers_forgotten', layers.state_forgotten, 'forgotten for want of room: ', 'warning'),
    ...entries('layers_unread', layers.bodies_unread, 'bodies not read: ', 'warning'),
  ];
  return (
    <Panel title="In the observed servers">
      <CountTable caption="In the observed servers" rows={rows.filter(({ group, value }) => group === 'layers' || value)} />
    </Panel>
  );
}

function Workers({ workers, toolHealthAge }: { workers: CollectorNumbers['workers']; toolHealthAge: number | null }) {
  const rows = workers.map(({ worker, silent_seconds: silent }) => ({ ...count('workers', worker, worker, silent), text: formatAge(silent) }));
  return (
    <Panel title="Last sign of life">
      <CountTable caption="Last sign of life" rows={[...rows, { ...count('numbers', 'tool_health_age_seconds', 'health of tools', toolHealthAge), text: formatAge(toolHealthAge) }]} />
    </Panel>
  );
}

/** What was refused, corrected or lost, by reason; only what has happened. */
function Reasons({ numbers }: { numbers: CollectorNumbers }) {
  const { spool, inserts } = numbers;
  const waits = inserts.refused;
  const rows = [
    ...entries('requests_refused', numbers.requests_refused, 'requests refused: ', 'warning'),
    ...entries('connections_refused', numbers.connections_refused, 'connections refused: ', 'warning'),
    ...entries('values_corrected', numbers.values_corrected, 'values corrected: '),
    ...entries('reload_failures', numbers.reload_failures, 'files not read again: ', 'warning'),
    count('spool', 'full', 'requests that found the spool full', spool.full, 'warning'),
    count('spool', 'quarantined_segments', 'segments in quarantine', spool.quarantined_segments, 'error'),
    count('spool', 'requests_lost', 'acknowledged requests gone from the spool', spool.requests_lost, 'error'),
    { ...count('spool', 'set_aside_bytes', 'calls set aside, on disk', spool.set_aside_bytes, 'warning'), text: formatBytes(spool.set_aside_bytes) },
    count('spool', 'set_aside_replaced', 'calls set aside and gone', spool.set_aside_replaced, 'error'),
    count('inserts', 'refused', 'calls of the batch that the store does not take', waits?.rows ?? 0, 'warning'),
  ].filter(({ value }) => value);
  return (
    <Panel title="Refused, corrected, lost">
      {rows.length > 0 ? <CountTable caption="Refused, corrected, lost" rows={rows} /> : <p class="panel-note">Nothing since the start.</p>}
    </Panel>
  );
}

function Panel({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

interface CountRow {
  group: string;
  name: string;
  title: string;
  value: number | null;
  text: string;
  level: 'plain' | 'warning' | 'error';
  /** Whether it is part of what stands above. */
  part?: boolean;
}

function count(group: string, name: string, title: string, value: number | null, level: CountRow['level'] = 'plain'): CountRow {
  return { group, name, title, value, text: formatExact(value), level };
}

function parts(rows: CountRow[]): CountRow[] {
  return rows.map((row) => ({ ...row, part: true }));
}

function entries(group: string, counts: Counts, prefix: string, level: CountRow['level'] = 'plain'): CountRow[] {
  return Object.entries(counts).map(([name, value]) => count(group, name, `${prefix}${words(name)}`, value, level));
}

function CountTable({ caption, rows }: { caption: string; rows: CountRow[] }) {
  return (
    <table class="counts">
      <caption class="visually-hidden">{caption}</caption>
      <tbody>
        {rows.map(({ group, name, title, value, text, level, part }) => (
          <tr key={`${group} ${name}`} class={part ? 'count-part' : ''}>
            <th scope="row">
              <Name text={title} />
            </th>
            <td class={`number ${value ? `count-${level}` : ''}`} data-testid="count" data-group={group} data-name={name} data-value={value ?? ''}>
              {text}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The page asks often enough for it to stay right. */
function formatAge(seconds: number | null): string {
  return seconds === null ? 'never' : formatAgo(seconds, 0);
}

function formatRounded(value: number | null): string {
  return formatCount(value === null ? null : Math.round(value));
}
