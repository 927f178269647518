/** What the page knows, and when it asks again: every five seconds while live and visible. */
import { computed, effect, signal, untracked } from '@preact/signals';
import type { Clients, Collector, Overview, Session, Status, Tools, Users, WholeCall } from './api';
import { callFilters } from './callFilters';
import { CallPages } from './callPages';
import { route } from './navigation';
import { Resource } from './resource';
import { apiQuery, type Route } from './route';

/** Seconds between two refreshes. */
export const REFRESH_SECONDS = 5;
/** Calls in one page of the list. */
const CALLS_PER_PAGE = 100;

export const overview = new Resource<Overview>();
export const tools = new Resource<Tools>();
export const clients = new Resource<Clients>();
export const users = new Resource<Users>();
export const calls = new CallPages();
/** The call that is open in the list. */
export const wholeCall = new Resource<WholeCall>();
export const collector = new Resource<Collector>();
export const status = new Resource<Status>();
export const session = new Resource<Session>();

type AnyResource = typeof overview | typeof tools | typeof clients | typeof users | typeof calls | typeof collector;

/** Whether the page refreshes itself. */
export const live = signal(true);
/** The current Unix time in seconds, moving while the tab is visible. */
export const now = signal(Date.now() / 1000);

/** The resource that the page in view is about. */
export const mainResource = computed((): AnyResource => ({ overview, tools, clients, users, calls, collector })[route.value.page]);

/** Names for the server filter, from whichever overview came last. */
export const serverNames = computed(() => overview.data.value?.servers ?? []);

type Question = [resource: AnyResource, path: string];

function pathOf(endpoint: string, query: Record<string, string>): string {
  return `${endpoint}?${new URLSearchParams(query)}`;
}

/** What the page in view has to ask. */
function questions({ page, query }: Route): Question[] {
  const common = apiQuery(query);
  switch (page) {
    case 'overview':
      return [[overview, pathOf('overview', common)], [tools, pathOf('tools', common)]];
    case 'tools':
      return [[tools, pathOf('tools', common)]];
    case 'clients':
      return [[clients, pathOf('clients', common)]];
    case 'users':
      return [[users, pathOf('users', common)]];
    case 'calls':
      return [[calls, pathOf('calls', { ...common, ...callFilters(query), limit: String(CALLS_PER_PAGE) })]];
    case 'collector':
      return [[collector, 'collector']];
  }
}

const asked = computed(() => questions(route.value));
const askedKey = computed(() => asked.value.map(([, path]) => path).join(' '));

/** Whether the page in view shows the answer to what its address asks for. */
export const ready = computed(() => asked.value.every(([resource, path]) => resource.source.value === path));

/** Whether the collector wants to know first who asks. */
export const signedOut = computed(() => {
  const code = status.error.value?.code;
  return code === 'unauthenticated' || code === 'forbidden';
});

/** Asks everything that the page in view shows. */
export function refresh(): void {
  untracked(() => {
    for (const [resource, path] of asked.value) void resource.load(path);
    void status.load('status');
    if (!session.data.value) void session.load('session');
    // The other pages need the overview only for the names of the servers.
    if (route.value.page !== 'overview' && !overview.data.value) void overview.load(pathOf('overview', apiQuery(route.value.query)));
  });
}

/** Asks at once when the address asks for something else, and then in turns. */
export function start(): void {
  effect(() => {
    void askedKey.value;
    refresh();
  });
  setInterval(() => {
    if (live.value && !document.hidden) refresh();
  }, REFRESH_SECONDS * 1000);
  setInterval(() => {
    if (!document.hidden) now.value = Date.now() / 1000;
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    now.value = Date.now() / 1000;
    if (live.value) refresh();
  });
}
