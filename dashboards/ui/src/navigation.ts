/** Where the reader is, and the ways from there. */
import { signal } from '@preact/signals';
import { formatRoute, type Page, parseRoute, type Query, RANGES, rangesOf } from './route';

/** What stays when the reader goes to another page. */
const SHARED = ['range', 'from', 'to', 'server'];

export const route = signal(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

/** Address of a page; keeps the span of time and the server. An empty text removes a parameter. */
export function pageLink(page: Page, changes: Query = {}): string {
  const shared = Object.fromEntries(Object.entries(route.value.query).filter(([name]) => SHARED.includes(name)));
  return formatRoute({ page, query: { ...shared, ...shownRange(page, shared.range), ...changes } });
}

/** The longest range that a page can show, where it cannot show the one of the page before. */
function shownRange(page: Page, range?: string): Query {
  const ranges = rangesOf(page);
  if (!range || ranges.includes(range) || !RANGES.some((name) => name === range)) return {};
  return { range: ranges.at(-1) ?? '' };
}

/** Address of this page with some parameters changed. An empty text removes a parameter. */
export function queryLink(changes: Query): string {
  return formatRoute({ page: route.value.page, query: { ...route.value.query, ...changes } });
}

/** Goes to an address, with an entry in the history. */
export function visit(link: string): void {
  location.hash = link;
}

/** Changes parameters in place: sorting and typing leave no trail in the history. */
export function setQuery(changes: Query): void {
  const link = queryLink(changes);
  history.replaceState(null, '', link);
  route.value = parseRoute(link);
}
