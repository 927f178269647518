/** Client × version × protocol, laid out as rows and columns. */
import type { Client } from './api';
import { compareText } from './sort';

export interface MatrixRow {
  client: string;
  version: string;
  calls: number;
  failures: number;
  failureRate: number;
  lastSeen: number;
  /** By protocol version. */
  cells: Map<string, Client>;
}

export interface Matrix {
  /** Newest first; clients that did not tell come last. */
  protocols: string[];
  /** The client with most calls first, then its versions, newest first. */
  rows: MatrixRow[];
}

export function buildMatrix(clients: readonly Client[]): Matrix {
  const protocols = [...new Set(clients.map((entry) => entry.protocol))].sort((left, right) => compareText(right, left));
  const rows = new Map<string, MatrixRow>();
  const callsOfClient = new Map<string, number>();
  for (const entry of clients) {
    const key = JSON.stringify([entry.client, entry.version]);
    const row = rows.get(key) ?? emptyRow(entry);
    row.calls += entry.calls;
    row.failures += entry.failures;
    row.failureRate = row.calls > 0 ? row.failures / row.calls : 0;
    row.lastSeen = Math.max(row.lastSeen, entry.last_seen);
    row.cells.set(entry.protocol, entry);
    rows.set(key, row);
    callsOfClient.set(entry.client, (callsOfClient.get(entry.client) ?? 0) + entry.calls);
  }
  const weight = (row: MatrixRow) => callsOfClient.get(row.client) ?? 0;
  return {
    protocols,
    rows: [...rows.values()].sort(
      (left, right) =>
        weight(right) - weight(left) || compareText(left.client, right.client) || compareText(right.version, left.version),
    ),
  };
}

function emptyRow({ client, version }: Client): MatrixRow {
  return { client, version, calls: 0, failures: 0, failureRate: 0, lastSeen: 0, cells: new Map() };
}
