import { expect, test } from 'vitest';
import { PAGES, RANGES, rangeName, rangesOf } from './route';

test('pages offer the ranges that can be answered for them', () => {
  for (const [page, tenant, longest] of [
    ['overview', '', '1y'], ['tools', '', '1y'], ['clients', '', '1y'], ['users', '', '1y'], ['calls', '', '30d'],
    ['overview', 'acme', '90d'], ['tools', 'acme', '90d'], ['clients', 'acme', '90d'], ['users', 'acme', '1y'], ['calls', 'acme', '30d'],
  ] as const) {
    expect([page, tenant, rangesOf(page, tenant).at(-1)]).toEqual([page, tenant, longest]);
  }
});

test('every page offers the short ranges, and every range reads as words', () => {
  for (const page of PAGES) expect(rangesOf(page, 'acme').slice(0, 6)).toEqual(['15m', '1h', '6h', '24h', '7d', '30d']);
  for (const range of RANGES) expect(rangeName({ range })).toMatch(/^the last /);
});
