/** The collector's JSON API: its answers as types, and one function that asks. */

export type ToolState = 'healthy' | 'flaky' | 'broken';
export type Fault = 'none' | 'server' | 'caller' | 'auth' | 'client_gone';

/** Span of time that an answer covers, in Unix seconds. */
export interface Range {
  from: number;
  to: number;
  step_seconds?: number;
}

/** `GET /overview`: totals and series of all calls. Rates are 0..1, latencies milliseconds. */
export interface Overview {
  range: Range;
  totals: {
    calls: number;
    calls_per_second: number;
    failures: number;
    caller_errors: number;
    auth_errors: number;
    failure_rate: number | null;
    caller_error_rate: number | null;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
    users: number;
    clients: number;
    /** Null for one client farther back than is known which tools it called. */
    tools: number | null;
  };
  series: {
    time: number[];
    calls_per_second: (number | null)[];
    failure_rate: (number | null)[];
    caller_error_rate: (number | null)[];
    p50_ms: (number | null)[];
    p95_ms: (number | null)[];
    p99_ms: (number | null)[];
  };
  servers: string[];
}

export interface Tool {
  server: string;
  tool: string;
  state: ToolState;
  calls: number;
  failures: number;
  caller_errors: number;
  failure_rate: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  users: number;
  clients: number;
  last_seen: number;
}

/** `GET /tools`: most calls first; `next` where there are more. */
export interface Tools {
  range: Range;
  tools: Tool[];
  next: string | null;
}

export interface FailingTool {
  server: string;
  tool: string;
  calls: number;
  failures: number;
}

/** One client version on one protocol version, with at most 5 tools that failed there; null where they are not known. */
export interface Client {
  client: string;
  version: string;
  protocol: string;
  calls: number;
  failures: number;
  caller_errors: number;
  auth_errors: number;
  failure_rate: number | null;
  p95_ms: number | null;
  users: number;
  last_seen: number;
  tools: FailingTool[] | null;
}

export interface Clients {
  range: Range;
  clients: Client[];
  next: string | null;
}

export interface User {
  user: string;
  calls: number;
  failures: number;
  caller_errors: number;
  failure_rate: number | null;
  p95_ms: number | null;
  tools: number;
  clients: number;
  last_seen: number;
}

/** `GET /users`: most calls first; `next` where there are more. */
export interface Users {
  range: Range;
  users: User[];
  next: string | null;
}

export interface Call {
  time: number;
  server: string;
  method: string;
  kind: string;
  target: string;
  outcome: string;
  fault: Fault;
  error_type: string;
  rpc_code: number | null;
  http_status: number | null;
  message: string;
  header_mismatch: string;
  duration_ms: number;
  client: string;
  client_version: string;
  client_bridge: string;
  protocol: string;
  transport: string;
  user: string;
  session: string;
  request_id: string;
  request_bytes: number;
  response_bytes: number;
  trace_id: string;
  span_id: string;
  parent_span_id: string;
  tenant: string;
  weight: number;
  direction: string;
  chain: string;
  server_version: string;
  instance: string;
  resource_uri: string;
  args_hash: string;
  invalid_arguments: string;
  result_flags: string;
  content_types: string;
  first_byte_ms: number | null;
  waited_ms: number;
  attempt: number;
  progress: number;
  definition_hash: string;
  definition_bytes: number;
}

/** `GET /calls/{trace_id}/{span_id}`: a call with what it said, each empty where it is not captured. */
export interface WholeCall {
  call: Call;
  arguments: string;
  result: string;
}

/** `GET /calls`: newest first; `next` asks for older ones. */
export interface Calls {
  calls: Call[];
  next: string | null;
}

/** `GET /status`: the collector itself, since its start; counts of all tenants only for those who may see all. */
export interface Status {
  version: string;
  store: { kind: string; state: 'ready' | 'starting' | 'unreachable'; error: string | null };
  spans: { received: number; refused: number; ignored: number } | null;
  rows: { inserted: number; queued: number; failed: number; lost: number } | null;
  last_insert: number | null;
  uptime_seconds: number;
}

/** Counts by reason, or by the setting that names a file. */
export type Counts = Record<string, number>;

/** Something that is wrong with the collector, and what to do. */
export interface Problem {
  kind: string;
  severity: 'error' | 'warning';
  message: string;
}

/** What the collector counted since its start, of all tenants. Percentiles are estimates from histograms. */
export interface CollectorNumbers {
  lag: { oldest_waiting_seconds: number; newest_call: number | null; freshness_seconds: number | null; last_insert: number | null };
  spool: {
    bytes: number;
    limit_bytes: number;
    records: number;
    writable: boolean;
    full: number;
    quarantined_segments: number;
    set_aside_bytes: number;
    set_aside_replaced: number;
    requests_lost: number;
    fsyncs: number;
    fsync_p50_ms: number | null;
    fsync_p99_ms: number | null;
  };
  inserts: { sent: number; retries: number; p50_ms: number | null; p99_ms: number | null; mean_batch_rows: number | null; refused: { batch: string; rows: number; seconds: number; reason: string } | null };
  /** received = refused + ignored + duplicate + spooled; spooled + recovered = inserted + set aside + unreadable + queued. */
  ledger: {
    received: number;
    refused: Counts;
    ignored: Counts;
    duplicate: number;
    spooled: number;
    recovered: number;
    inserted: number;
    set_aside: number;
    unreadable: number;
    queued: number;
    holds: boolean | null;
  };
  requests_refused: Counts;
  connections_refused: Counts;
  values_corrected: Counts;
  reload_failures: Counts;
  /** What the layers in the observed servers tell of themselves. */
  layers: {
    instances: number;
    calls_in_flight: number;
    oldest_call_seconds: number;
    records_dropped: Counts;
    records_dropped_by_server: Counts;
    state_forgotten: Counts;
    bodies_unread: Counts;
  };
  workers: { worker: string; silent_seconds: number }[];
  memory: 'enough' | 'little' | 'scarce';
  /** What it is measured against; no bytes where it is unwatched. */
  memory_limit: { of: string; bytes: number | null };
  tool_health_age_seconds: number | null;
}

/** `GET /collector`: whether all is well with it; problems and numbers only for those who may see all. */
export interface Collector {
  version: string;
  uptime_seconds: number;
  store: Status['store'];
  problems: Problem[] | null;
  numbers: CollectorNumbers | null;
}

/** `GET /session`: who asks, and whether the collector asks for tokens at all. */
export interface Session {
  guarded: boolean;
  role: 'ingest' | 'read' | 'admin';
  /** Empty for all. */
  tenant: string;
}

/** Why a request has no answer, in words for the reader of the page. */
export class RequestError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Milliseconds after which a request is given up. */
const TIMEOUT = 30_000;

/**
 * Asks the collector. `path` is relative to `api/v1/` beside the page.
 *
 * Throws `RequestError` with the collector's own code, or `no_answer`, `timeout`, `not_json`.
 */
export function get<T>(path: string, signal: AbortSignal): Promise<T> {
  return ask<T>(path, { signal });
}

/** Gives the browser a cookie for the token, which no script can read. */
export async function signIn(token: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await ask('session', { method: 'POST', headers, body: JSON.stringify({ token }) });
}

/** Takes the cookie away. */
export async function signOut(): Promise<void> {
  await ask('session', { method: 'DELETE' });
}

async function ask<T>(path: string, request: RequestInit): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT);
  try {
    const response = await fetch(new URL(`api/v1/${path}`, document.baseURI), {
      ...request,
      signal: AbortSignal.any(request.signal ? [request.signal, timeout] : [timeout]),
      cache: 'no-store',
    });
    if (response.status === 204) return undefined as T;
    const body: unknown = await response.json().catch((cause: unknown) => {
      if (cause instanceof SyntaxError) {
        throw new RequestError('not_json', `The answer to ${path} is not JSON (HTTP ${response.status}).`);
      }
      throw cause;
    });
    if (!response.ok) throw refusal(response.status, body);
    return body as T;
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    if (timeout.aborted) throw new RequestError('timeout', `No answer within ${TIMEOUT / 1000} s.`);
    throw new RequestError('no_answer', `Nothing answers at ${location.host}.`);
  }
}

function refusal(status: number, body: unknown): RequestError {
  const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
  return new RequestError(error?.code ?? `http_${status}`, error?.message ?? `The collector answered HTTP ${status}.`);
}
