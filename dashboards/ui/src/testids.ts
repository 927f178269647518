/**
 * What tests read on the page: the one list of `data-testid` values and of the attributes beside them.
 *
 * `data-value` always holds the number as the API sent it (`1000`, `0.037`, `12.345`), the text itself, or the empty
 * string where the API sent null. The text of an element is for people and may change.
 *
 * Every page
 * - `app`, with `data-page` and `data-ready="true"` once the page shows an answer to what its address asks for.
 * - `nav-overview`, `nav-tools`, `nav-clients`, `nav-users`, `nav-calls`, `nav-collector`: links.
 * - `range-15m` ... `range-1y`: links, those that the page can show; the chosen one has `aria-current="true"`.
 * - `server-filter`, `theme-toggle`, `live-toggle` (`data-live`), `filter` (the box that `/` focuses).
 * - `status`, `data-value` is the store's state; in it `status-<field>` with `data-value` for each of STATUS_FIELDS.
 * - `banner`, with `data-kind` of rows-lost, store-unreachable, store-starting, collector-unreachable, request-failed.
 * - `sign-in`: the form in place of the page where the collector wants a token; in it `sign-in-token`, and
 *   `sign-in-refused` with what was wrong. `sign-out`: the button, once signed in.
 * - `empty`: stands where the chosen span of time has nothing to show.
 *
 * Overview
 * - `tile-<name>` for each of TILES.
 * - `chart-calls`, `chart-errors`, `chart-latency`, with `data-points` (steps on the time axis).
 * - `legend-calls-per-second`, `legend-failure-rate`, `legend-caller-error-rate`, `legend-p50`, `legend-p95`, `legend-p99`.
 * - `attention-row`, with `data-server`, `data-tool`, `data-state`.
 *
 * Collector
 * - `verdict`, `data-value` is `well`, `warning` or `error`; `problem`, with `data-kind`, `data-severity`.
 * - `tile-<name>` for each of COLLECTOR_TILES.
 * - `count`, with `data-group` (a field of the API's `numbers`, or `refused` and `ignored` of its ledger), `data-name`,
 *   `data-value`; `ledger`, with `data-value` true, false or empty.
 *
 * Tables. Sort buttons are `sort-<column>`; the header cell has `aria-sort`. Cells have `data-column`, `data-value`.
 * - `tool-row`, with `data-server`, `data-tool`; columns are those of `pages/toolColumns.tsx`.
 * - `user-row`, with `data-user`; columns are those of `pages/users.tsx`.
 * - `client-row`, with `data-client`, `data-version`; in it `client-cell`, with `data-client`, `data-version`,
 *   `data-protocol`, `data-calls`, `data-failures`, `data-value` (failure rate).
 * - `client-detail`: the tools that fail in the chosen cell; in it `client-auth`, `data-value` counts the calls refused for
 *   their credentials, if any, and `client-tool`, with `data-server`, `data-tool`,
 *   `data-calls`, `data-failures`, or `client-tools-unknown` where the range begins before they are known.
 * - `call-row`, with `data-trace`, `data-target`, `data-outcome`, `data-fault`; its button `call-toggle` shows
 *   `call-detail`, whose values are `call-field` with `data-field`, `data-value`, and below them `call-arguments` and
 *   `call-result`, with `data-known="true"` once it is known what was captured.
 * - `chip`, with `data-field`, `data-value`: a filter in force. `more`: the button that loads older calls.
 * - `cut-off`: stands below a list of which the API has more rows than it told.
 * - `show-all`: the button that stands below a table that shows only its first rows.
 */
export const TILES = [
  'calls', 'calls-per-second', 'failure-rate', 'failures', 'caller-error-rate', 'caller-errors', 'auth-errors',
  'p50', 'p95', 'p99', 'users', 'clients', 'tools',
] as const;

export const COLLECTOR_TILES = [
  'freshness', 'oldest-waiting', 'spool-bytes', 'spool-records', 'fsync-p50', 'fsync-p99', 'insert-p50', 'insert-p99',
  'retries', 'batch-rows', 'memory', 'uptime',
] as const;

export const STATUS_FIELDS = [
  'received', 'refused', 'ignored', 'inserted', 'queued', 'failed', 'lost', 'last-insert', 'uptime',
] as const;

export type TileName = (typeof TILES)[number];
export type CollectorTile = (typeof COLLECTOR_TILES)[number];
export type StatusField = (typeof STATUS_FIELDS)[number];
