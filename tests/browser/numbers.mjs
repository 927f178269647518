// The numbers on each page against the expected ones.
import { equal, equalRows, check } from './findings.mjs';

/** Compares all that the page shows and EXPECTED.json names. */
export async function compareNumbers(page, name, expected) {
  await compareStatus(page, expected.status ?? {});
  const compare = { overview: compareTotals, tools: compareTools, clients: compareClients, users: compareUsers, calls: compareCalls, collector: compareCollector }[name];
  await compare(page, expected);
}

async function compareStatus(page, status) {
  equal('store', await page.value('status'), 'ready');
  for (const [field, value] of Object.entries(status)) equal(`status ${field}`, Number(await page.value(`status-${field}`)), value);
  const banners = await page.all('banner', (elements) => elements.map((element) => element.dataset.kind));
  for (const kind of banners) check(kind === 'rows-lost' && status.lost > 0, `the banner ${kind} is shown`);
}

async function compareTotals(page, { totals = {} }) {
  for (const [field, value] of Object.entries(totals)) {
    equal(`totals.${field}`, Number(await page.value(`tile-${field.replaceAll('_', '-')}`)), value);
  }
  for (const chart of ['calls', 'errors', 'latency']) {
    const points = Number(await page.one(`chart-${chart}`).getAttribute('data-points'));
    check(points > 1, `chart ${chart} has ${points} points`);
  }
}

async function compareTools(page, { tools }) {
  if (!tools) return;
  await showAll(page);
  const rows = await page.all('tool-row', (elements) =>
    elements.map((row) => {
      const value = (column) => row.querySelector(`[data-column="${column}"]`).dataset.value;
      const { server, tool } = row.dataset;
      return { server, tool, calls: Number(value('calls')), failures: Number(value('failures')), state: value('state') };
    }),
  );
  equalRows('tool', byKey(rows, 'server', 'tool'), byKey(tools, 'server', 'tool'));
}

async function compareClients(page, { clients }) {
  if (!clients) return;
  const cells = await page.all('client-cell', (elements) =>
    elements.map(({ dataset }) => ({
      client: dataset.client,
      version: dataset.version,
      protocol: dataset.protocol,
      calls: Number(dataset.calls),
      failures: Number(dataset.failures),
    })),
  );
  equalRows('client', byKey(cells, 'client', 'version', 'protocol'), byKey(clients, 'client', 'version', 'protocol'));
}

async function compareUsers(page, { users }) {
  if (!users) return;
  await showAll(page);
  const rows = await page.all('user-row', (elements) =>
    elements.map((row) => {
      const value = (column) => Number(row.querySelector(`[data-column="${column}"]`).dataset.value);
      return { user: row.dataset.user, calls: value('calls'), failures: value('failures') };
    }),
  );
  equalRows('user', byKey(rows, 'user'), byKey(users, 'user'));
}

async function compareCalls(page, { failed_calls: failedCalls }) {
  if (!failedCalls) return;
  await loadAllCalls(page);
  const rows = await page.all('call-row', (elements) => elements.map(({ dataset }) => ({ ...dataset })));
  const counted = new Map();
  for (const { target: tool, outcome, fault } of rows) {
    equal(`fault of a call of ${tool} among the failed ones`, fault, 'server');
    const key = JSON.stringify([tool, outcome]);
    counted.set(key, { tool, outcome, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  equalRows('failed calls of', counted, byKey(failedCalls, 'tool', 'outcome'));
}

/** What the page shows of the collector against what it answers; nothing is sent meanwhile. */
async function compareCollector(page, { collector = {} }) {
  await page.one('live-toggle').click();
  const answer = await page.tab.evaluate(async () => (await fetch('api/v1/collector')).json());
  const { lag, spool, inserts, ledger, memory, ...reasons } = answer.numbers;
  equal('the verdict', await page.value('verdict'), answer.problems[0]?.severity ?? 'well');
  const problems = await page.all('problem', (items) => items.map(({ dataset }) => dataset.kind));
  equal('problems', problems.join(), answer.problems.map(({ kind }) => kind).join());
  const tiles = {
    'spool-records': spool.records, 'fsync-p50': spool.fsync_p50_ms, 'fsync-p99': spool.fsync_p99_ms,
    'insert-p50': inserts.p50_ms, 'insert-p99': inserts.p99_ms, retries: inserts.retries,
    'batch-rows': inserts.mean_batch_rows, memory, 'oldest-waiting': lag.oldest_waiting_seconds,
  };
  for (const [name, value] of Object.entries(tiles)) equal(`tile ${name}`, await page.value(`tile-${name}`), String(value ?? ''));
  for (const [name, now] of Object.entries({ freshness: lag.freshness_seconds, uptime: answer.uptime_seconds })) {
    const shown = Number(await page.value(`tile-${name}`));
    check(shown > 0 && shown <= now, `tile ${name} is ${shown}, and later it is ${now}`);
  }
  const counts = new Map(await page.all('count', (cells) => cells.map(({ dataset }) => [`${dataset.group} ${dataset.name}`, Number(dataset.value)])));
  const { refused, ignored, holds, ...plain } = ledger;
  const groups = { ledger: plain, refused, ignored, requests_refused: reasons.requests_refused, values_corrected: reasons.values_corrected };
  for (const [group, fields] of Object.entries(groups)) {
    for (const [field, value] of Object.entries(fields)) equal(`${group} ${field}`, counts.get(`${group} ${field}`), value);
  }
  check(counts.has('layers instances') && counts.has('layers calls_in_flight'), 'what layers tell is missing');
  for (const [reason, value] of Object.entries(reasons.layers.records_dropped).filter(([, value]) => value > 0)) {
    equal(`records lost ${reason}`, counts.get(`layers_dropped ${reason}`), value);
  }
  for (const { worker } of reasons.workers) check(counts.get(`workers ${worker}`) >= 0, `the worker ${worker} is missing`);
  for (const [field, value] of Object.entries(collector)) equal(`ledger ${field}`, counts.get(`ledger ${field}`), value);
  equal('the ledger', await page.value('ledger'), String(holds ?? ''));
  equal('whether the ledger holds', holds, true);
}

async function showAll(page) {
  const button = page.one('show-all');
  if ((await button.count()) > 0) await button.click();
}

/** Presses "load older calls" until there are none. */
async function loadAllCalls(page) {
  const rows = page.one('call-row');
  const more = page.one('more');
  while ((await more.count()) > 0) {
    const before = await rows.count();
    await more.click();
    await page.tab.waitForFunction(
      (count) => document.querySelectorAll('[data-testid=call-row]').length > count || !document.querySelector('[data-testid=more]'),
      before,
    );
  }
}

/** Rows by the fields that name them. */
function byKey(rows, ...fields) {
  return new Map(rows.map((row) => [JSON.stringify(fields.map((field) => row[field])), row]));
}
