/** Pages of calls, newest first, that grow at both ends: newer ones by refreshing, older ones by cursor. */
import type { Call, Calls } from './api';
import { Resource } from './resource';

/** Calls kept in the page's memory; older ones are reached by narrowing the span of time. */
export const CALLS_KEPT = 2000;

export class CallPages extends Resource<Calls> {
  /** Asks for the calls older than those shown. */
  async more(): Promise<void> {
    const source = this.source.peek();
    const old = this.data.peek();
    if (!source || !old?.next) return;
    const path = `${source}&cursor=${encodeURIComponent(old.next)}`;
    if (this.pending.peek() === path) return;
    await this.request(path, source, (older) => appendOlder(old, older));
  }

  override async load(path: string): Promise<void> {
    // Refreshing would abort the request for older calls, and on a slow store the reader would never get them.
    if (this.pending.peek()?.startsWith(`${path}&cursor=`)) return;
    await super.load(path);
  }

  protected override refresh(old: Calls | null, answer: Calls): Calls {
    return old ? prependNewer(old, answer) : answer;
  }
}

/** A call's identity: one trace may hold many calls, and a notification may come without a trace. */
export function callKey(call: Call): string {
  return [call.time, call.trace_id, call.span_id, call.request_id, call.server].join('/');
}

/** The refreshed first page in front of the calls already shown; if they do not touch, only the first page. */
export function prependNewer(old: Calls, first: Calls): Calls {
  const known = new Set(old.calls.map(callKey));
  const newer = first.calls.filter((call) => !known.has(callKey(call)));
  const touching = newer.length < first.calls.length;
  if (!touching || old.calls.length <= first.calls.length) return first;
  // Calls that arrived late belong between those already shown.
  const calls = [...newer, ...old.calls].sort((left, right) => right.time - left.time);
  return bounded({ calls, next: old.next });
}

export function appendOlder(old: Calls, older: Calls): Calls {
  const known = new Set(old.calls.map(callKey));
  return bounded({ calls: [...old.calls, ...older.calls.filter((call) => !known.has(callKey(call)))], next: older.next });
}

function bounded({ calls, next }: Calls): Calls {
  return calls.length > CALLS_KEPT ? { calls: calls.slice(0, CALLS_KEPT), next: null } : { calls, next };
}
