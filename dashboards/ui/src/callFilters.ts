/** Which calls the list shows: from the page's address to the parameters of the API. */
import type { Query } from './route';

/** Whose fault; `all` for every call. Failed ones, so the server's, are shown unless another is chosen. */
export const FAULTS = [
  { value: 'server', title: 'Failed', hint: 'The server, or something that it depends on, failed' },
  { value: 'caller', title: 'Caller errors', hint: 'The caller sent something that cannot be served' },
  { value: 'auth', title: 'Auth', hint: 'Credentials were missing, expired or too weak' },
  { value: 'client_gone', title: 'Client gone', hint: 'The client went away before the answer' },
  { value: 'all', title: 'All', hint: 'Every call, also those that succeeded' },
] as const;

export const DEFAULT_FAULT = 'server';

export const OUTCOMES = [
  'ok', 'tool_error', 'unknown_tool', 'invalid_arguments', 'protocol_error', 'internal_error', 'http_error',
  'unauthorized', 'rate_limited', 'timeout', 'cancelled', 'abandoned', 'input_required', 'deferred', 'probe',
] as const;

/** Filters that match one exact value. `server` is the page-wide filter. */
export const FIELDS = [
  { name: 'target', title: 'Tool or prompt' },
  { name: 'client', title: 'Client' },
  { name: 'version', title: 'Client version' },
  { name: 'protocol', title: 'Protocol' },
  { name: 'user', title: 'User' },
  { name: 'session', title: 'Session' },
  { name: 'chain', title: 'Chain' },
] as const;

export type FieldName = (typeof FIELDS)[number]['name'];

/** Parameters of `GET /calls` for an address. */
export function callFilters(query: Query): Record<string, string> {
  const filters: Record<string, string> = {};
  for (const { name } of FIELDS) {
    const value = query[name];
    if (value) filters[name] = value;
  }
  if (query.outcome) filters.outcome = query.outcome;
  const fault = query.fault || DEFAULT_FAULT;
  if (fault === 'server') filters.failed = 'true';
  else if (fault !== 'all') filters.fault = fault;
  return filters;
}
