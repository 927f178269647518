/** The tool, by both names, as the variables `server` and `tool` choose it; for tables with a call's columns. */
export const chosen = `$__conditionalAll(server IN (\${server:singlequote}), $server)
AND $__conditionalAll(kind = 'tool' AND target IN (\${tool:singlequote}), $tool)`;

/** The slices that calls are summed up in: all of a server, each thing that was called, each client. */
type Slice = 'server' | 'tool' | 'client';

/** The calls of the range in whole minutes, the running one too, from whatever tells them at least cost. */
export function callsOfRange(slice: Slice): string {
  return callsBetween(slice, 'toUnixTimestamp(toStartOfMinute($__toTime)) + 60', '86400');
}

/** The calls of the minutes of the range that are over, for the points of a chart. */
export function callsOverTime(slice: Slice): string {
  return callsBetween(slice, 'toUnixTimestamp(toStartOfMinute($__toTime))', '$__interval_s');
}

function callsBetween(slice: Slice, end: string, step: string): string {
  return `(
    SELECT * EXCEPT time, time AS minute
    FROM calls_between(
        slice = '${slice}', tenant = '', from = toUnixTimestamp(toStartOfMinute($__fromTime)), to = ${end},
        step = ${step})
    WHERE direction != 'to_client')`;
}

/** Minutes of the range, the running one too: for totals, which must show a call at once. */
export const everyMinute = 'minute >= toStartOfMinute($__fromTime) AND minute <= $__toTime';

/** Minutes of the range that are over: for lines, which would otherwise dip at their end. */
export const completeMinutes = 'minute >= toStartOfMinute($__fromTime) AND minute < toStartOfMinute($__toTime)';

/** Seconds of the range that `everyMinute` covers. */
export const secondsOfRange = 'greatest(1, dateDiff(\'second\', toStartOfMinute($__fromTime), $__toTime))';

/** Begins a query that divides by `seconds`: those of complete minutes behind the point `time`, a step at the most. */
export const withSecondsOfPoint = `WITH
    toUnixTimestamp(toStartOfMinute($__fromTime)) AS first,
    toUnixTimestamp(toStartOfMinute($__toTime)) AS last,
    least(toUnixTimestamp(time) + $__interval_s, last) - greatest(toUnixTimestamp(time), first) AS seconds`;

/** One point per step, also where nothing was called: counts become 0, nullable columns a gap. */
export const evenSteps = `ORDER BY time WITH FILL
    FROM $__timeInterval($__fromTime)
    TO toStartOfMinute($__toTime)
    STEP toIntervalSecond($__interval_s)`;

/** Latency in milliseconds; the states are merged, so that any slice and any span is exact to the digest's error. */
export function latency(percentile: 50 | 95 | 99): string {
  const place = { 50: 1, 95: 2, 99: 3 }[percentile];
  return `quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(duration_us)[${place}] / 1000`;
}

/** Distinct callers among those that said who they are. */
export const users = 'uniqCombined64IfMerge(12)(users)';
