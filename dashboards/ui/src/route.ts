/** The page's address holds all of its state: `#/<page>?range=6h&server=files&sort=-calls`. */

export const PAGES = ['overview', 'tools', 'clients', 'users', 'calls', 'collector'] as const;
export type Page = (typeof PAGES)[number];

export const RANGES = ['15m', '1h', '6h', '24h', '7d', '30d', '90d', '1y'] as const;
export const DEFAULT_RANGE = '1h';

/**
 * The ranges that a page can show: single calls are kept for a month, what is summed up of one tenant for three, the rest for
 * more than a year. Where a collector keeps less, it says so.
 */
export function rangesOf(page: Page, tenant = ''): readonly string[] {
  if (page === 'calls') return RANGES.slice(0, RANGES.indexOf('30d') + 1);
  if (tenant && page !== 'users') return RANGES.slice(0, RANGES.indexOf('90d') + 1);
  return RANGES;
}

export type Query = Readonly<Record<string, string>>;

export interface Route {
  page: Page;
  query: Query;
}

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const page = PAGES.find((name) => name === path) ?? 'overview';
  return { page, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function formatRoute({ page, query }: Route): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${page === 'overview' ? '' : page}${search && `?${search}`}`;
}

/** The span of time and the server, as the API takes them. */
export function apiQuery(query: Query): Record<string, string> {
  const { from, to, range = DEFAULT_RANGE, server } = query;
  return { ...(from && to ? { from, to } : { range }), ...(server && { server }) };
}

/** How a range reads in a sentence. */
export function rangeName({ from, to, range = DEFAULT_RANGE }: Query): string {
  if (from && to) return 'the chosen span of time';
  const names: Record<string, string> = {
    '15m': 'the last 15 minutes', '1h': 'the last hour', '6h': 'the last 6 hours',
    '24h': 'the last 24 hours', '7d': 'the last 7 days', '30d': 'the last 30 days',
    '90d': 'the last 90 days', '1y': 'the last year',
  };
  return names[range] ?? range;
}
