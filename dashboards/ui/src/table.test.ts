import { expect, test } from 'vitest';
import type { Client } from './api';
import { buildMatrix } from './clientMatrix';
import { heat, rateLevel } from './severity';
import { formatSort, parseSort, sortRows } from './sort';
import { visibleText } from './visibleText';

const fallback = { column: 'calls', descending: true };

test('a sort order survives its way through the address', () => {
  for (const text of ['calls', '-calls']) expect(formatSort(parseSort(text, fallback))).toBe(text);
  expect(parseSort(undefined, fallback)).toBe(fallback);
});

test('rows without a value come last in both orders, equal rows keep their place', () => {
  const rows = [{ id: 1, p: null }, { id: 2, p: 5 }, { id: 3, p: 9 }, { id: 4, p: 5 }];
  const order = (descending: boolean) => sortRows(rows, ({ p }) => p, descending).map(({ id }) => id);
  expect(order(true)).toEqual([3, 2, 4, 1]);
  expect(order(false)).toEqual([2, 4, 3, 1]);
});

test('versions sort as numbers', () => {
  expect(sortRows(['1.10.0', '1.9.0', '1.9.0-rc'], (text) => text, true)).toEqual(['1.10.0', '1.9.0-rc', '1.9.0']);
});

test('the busiest client comes first with its newest version on top, and rows add up', () => {
  const matrix = buildMatrix([
    entry('small', '9.0', '2025-06-18', 10, 0),
    entry('big', '1.9', '2025-06-18', 50, 5),
    entry('big', '1.10', '2026-07-28', 10, 10),
    entry('big', '1.10', '', 30, 0),
  ]);
  expect(matrix.protocols).toEqual(['2026-07-28', '2025-06-18', '']);
  expect(matrix.rows.map((row) => [row.client, row.version, row.calls, row.failures, row.failureRate])).toEqual([
    ['big', '1.10', 40, 10, 0.25],
    ['big', '1.9', 50, 5, 0.1],
    ['small', '9.0', 10, 0, 0],
  ]);
  expect(matrix.rows[0]?.cells.get('')?.calls).toBe(30);
});

test('names of clients that look like a separator stay apart', () => {
  expect(buildMatrix([entry('a', 'b/c', 'p', 1, 0), entry('a/b', 'c', 'p', 1, 0), entry('__proto__', '', 'p', 1, 0)]).rows).toHaveLength(3);
});

test('one failure in a million is seen, and a full failure is loudest', () => {
  expect(heat(0)).toBe(0);
  expect(heat(0.000_001)).toBeGreaterThan(0.1);
  expect(heat(1)).toBe(1);
  expect([rateLevel(null), rateLevel(0), rateLevel(0.000_001), rateLevel(0.05)]).toEqual(['none', 'none', 'low', 'high']);
});

test('hidden characters of a name become visible, letters stay', () => {
  expect(visibleText('pay\u202Etxt.exe')).toBe('pay\\u202etxt.exe');
  expect(visibleText('a\nb\u0000')).toBe('a\\u000ab\\u0000');
  expect(visibleText('  ')).toBe('␣␣');
  expect(visibleText('<b>مرحبا 👩‍💻</b>')).toBe('<b>مرحبا 👩‍💻</b>');
});

function entry(client: string, version: string, protocol: string, calls: number, failures: number): Client {
  return { client, version, protocol, calls, failures, caller_errors: 0, auth_errors: 0, failure_rate: failures / calls, p95_ms: 1, users: 1, last_seen: 1, tools: [] };
}
