import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Resource } from './resource';

interface Asked {
  path: string;
  answer: (status: number, body: string) => void;
  aborted: () => boolean;
}

let asked: Asked[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal('document', { baseURI: 'http://page/' });
  vi.stubGlobal('location', { host: 'page' });
  vi.stubGlobal('fetch', (url: URL, { signal }: RequestInit) => {
    return new Promise<Response>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      asked.push({
        path: url.pathname + url.search,
        answer: (status, body) => resolve(new Response(body, { status })),
        aborted: () => signal?.aborted ?? false,
      });
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

test('the same question twice is asked once', async () => {
  const resource = new Resource<number>();
  void resource.load('tools');
  const second = resource.load('tools');
  await second;
  expect(asked.map(({ path }) => path)).toEqual(['/api/v1/tools']);
});

test('another question takes the place of the one under way, whose answer is not shown', async () => {
  const resource = new Resource<number>();
  const first = resource.load('tools?range=1h');
  const second = resource.load('tools?range=6h');
  asked[1]?.answer(200, '2');
  await Promise.all([first, second]);
  expect(asked[0]?.aborted()).toBe(true);
  expect([resource.data.value, resource.source.value, resource.pending.value]).toEqual([2, 'tools?range=6h', null]);
});

test('a failed refresh keeps the old answer and says what is wrong', async () => {
  const resource = new Resource<number>();
  await settle(resource, 'tools', 200, '1');
  await settle(resource, 'tools', 503, '{"error":{"code":"store_unavailable","message":"connection refused"}}');
  expect(resource.data.value).toBe(1);
  expect(resource.error.value).toMatchObject({ code: 'store_unavailable', message: 'connection refused' });
  await settle(resource, 'tools', 200, '3');
  expect([resource.data.value, resource.error.value]).toEqual([3, null]);
});

test('a failed other question does not leave the old answer under the new name', async () => {
  const resource = new Resource<number>();
  await settle(resource, 'tools?range=1h', 200, '1');
  await settle(resource, 'tools?range=6h', 503, '{}');
  expect([resource.data.value, resource.source.value, resource.error.value?.code]).toEqual([null, null, 'http_503']);
});

test('an answer that is not JSON is reported as such', async () => {
  const resource = new Resource<number>();
  await settle(resource, 'tools', 502, '<html>');
  expect(resource.error.value?.code).toBe('not_json');
});

async function settle(resource: Resource<number>, path: string, status: number, body: string): Promise<void> {
  const loading = resource.load(path);
  asked.at(-1)?.answer(status, body);
  await loading;
}
