import { expect, test } from 'vitest';
import type { Call, Calls } from './api';
import { callFilters } from './callFilters';
import { appendOlder, callKey, CALLS_KEPT, prependNewer } from './callPages';
import { apiQuery, formatRoute, parseRoute } from './route';

test('failed calls are asked for unless the address says otherwise', () => {
  const cases: [address: string, parameters: Record<string, string>][] = [
    ['#/calls', { failed: 'true' }],
    ['#/calls?fault=server', { failed: 'true' }],
    ['#/calls?fault=all', {}],
    ['#/calls?fault=caller', { fault: 'caller' }],
    ['#/calls?fault=all&outcome=ok&user=a%26b', { outcome: 'ok', user: 'a&b' }],
    ['#/calls?fault=all&chain=c', { chain: 'c' }],
    ['#/calls?target=x&open=y&sort=z', { target: 'x', failed: 'true' }],
  ];
  for (const [address, parameters] of cases) expect(callFilters(parseRoute(address).query), address).toEqual(parameters);
});

test('an address survives its way through the parser, whatever the names in it', () => {
  for (const name of ['<script>', 'a&b=c#d?e', '\u202Eمرحبا', '🔥', '100 %', '+']) {
    const route = { page: 'calls', query: { target: name, server: name } } as const;
    expect(parseRoute(formatRoute(route))).toEqual(route);
  }
  expect(formatRoute({ page: 'overview', query: { server: '' } })).toBe('#/');
  expect(parseRoute('#/nonsense?range=6h')).toEqual({ page: 'overview', query: { range: '6h' } });
});

test('a span of time is asked for by both ends or by name', () => {
  expect(apiQuery({})).toEqual({ range: '1h' });
  expect(apiQuery({ from: '1', to: '2', range: '6h' })).toEqual({ from: '1', to: '2' });
  expect(apiQuery({ from: '1', server: 's' })).toEqual({ range: '1h', server: 's' });
});

test('a refresh puts newer calls in front and keeps the older pages', () => {
  const old: Calls = { calls: callsAt(5, 4, 3, 2), next: 'after 2' };
  const merged = prependNewer(old, { calls: callsAt(7, 6, 5), next: 'after 5' });
  expect(times(merged)).toEqual([7, 6, 5, 4, 3, 2]);
  expect(merged.next).toBe('after 2');
});

test('a call that arrived late takes its place among those shown', () => {
  const merged = prependNewer({ calls: callsAt(9, 7, 5, 3, 1), next: null }, { calls: callsAt(9, 8, 7), next: 'x' });
  expect(times(merged)).toEqual([9, 8, 7, 5, 3, 1]);
});

test('a refresh that does not touch the calls shown starts anew, so that no call is missing between', () => {
  const merged = prependNewer({ calls: callsAt(4, 3, 2, 1), next: 'after 1' }, { calls: callsAt(9, 8, 7), next: 'after 7' });
  expect(times(merged)).toEqual([9, 8, 7]);
  expect(merged.next).toBe('after 7');
});

test('older calls go to the end, each once', () => {
  const merged = appendOlder({ calls: callsAt(5, 4), next: 'x' }, { calls: callsAt(4, 3), next: null });
  expect(times(merged)).toEqual([5, 4, 3]);
  expect(merged.next).toBeNull();
});

test('the page keeps a bounded number of calls and then offers no more', () => {
  const many = callsAt(...Array.from({ length: CALLS_KEPT }, (_, index) => 10_000 - index));
  const merged = appendOlder({ calls: many, next: 'x' }, { calls: callsAt(1), next: 'y' });
  expect(merged.calls).toHaveLength(CALLS_KEPT);
  expect(merged.next).toBeNull();
});

test('two calls of one trace are two calls', () => {
  const [first, second] = callsAt(1, 2) as [Call, Call];
  expect(callKey(first)).not.toBe(callKey(second));
});

function times({ calls }: Calls): number[] {
  return calls.map(({ time }) => time);
}

function callsAt(...moments: number[]): Call[] {
  return moments.map((time) => ({
    time, server: 's', method: 'tools/call', kind: 'tool', target: 't', outcome: 'tool_error', fault: 'server', error_type: '', rpc_code: null,
    http_status: 200, message: '', header_mismatch: '', duration_ms: 1, client: '', client_version: '', client_bridge: '', protocol: '', transport: '', user: '', session: '',
    request_id: '1', request_bytes: 0, response_bytes: 0, trace_id: '0'.repeat(32), span_id: '0'.repeat(16), parent_span_id: '', tenant: '',
    weight: 1, direction: 'to_server', chain: '', server_version: '', instance: '', resource_uri: '', args_hash: '', invalid_arguments: '',
    result_flags: '', content_types: '', first_byte_ms: null, waited_ms: 0, attempt: 1, progress: 0, definition_hash: '', definition_bytes: 0,
  }));
}
