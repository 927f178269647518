/** Numbers, times and sizes as people read them. The exact value goes into `title` and `data-value` beside them. */

/** What stands where there is no value. */
export const NONE = '–';

type Maybe = number | null | undefined;

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 6 });

/** `1234` is `1.2k`. */
export function formatCount(value: Maybe): string {
  if (value == null) return NONE;
  return compact.format(value).replace('K', 'k');
}

/** `1234.5` is `1,234.5`. */
export function formatExact(value: Maybe): string {
  return value == null ? NONE : grouped.format(value);
}

/** A rate of 0..1 as per cent. Never rounds a failure away: neither to `0 %` nor to `100 %`. */
export function formatRate(rate: Maybe): string {
  if (rate == null) return NONE;
  if (rate <= 0) return '0 %';
  if (rate >= 1) return '100 %';
  if (rate < 0.001) return '<0.1 %';
  return `${Math.min(99.9, Math.round(rate * 1000) / 10)} %`;
}

/** Milliseconds in the unit that needs the fewest digits: `12.3 ms`, `1.23 s`, `2 min 5 s`. */
export function formatMilliseconds(milliseconds: Maybe): string {
  if (milliseconds == null) return NONE;
  if (milliseconds === 0) return '0 ms';
  if (milliseconds < 0.9995) return `${threeDigits(milliseconds * 1000)} µs`;
  if (milliseconds < 999.5) return `${threeDigits(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${threeDigits(milliseconds / 1000)} s`;
  return formatSeconds(milliseconds / 1000);
}

/** A span of seconds in at most two units: `45 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`. */
export function formatSeconds(seconds: Maybe): string {
  if (seconds == null) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return twoUnits(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return twoUnits(whole, 3600, 'h', 60, 'min');
  return twoUnits(whole, 86_400, 'd', 3600, 'h');
}

/** Calls per second: `3.25/s`. */
export function formatPerSecond(value: Maybe): string {
  if (value == null) return NONE;
  if (value === 0) return '0/s';
  if (value < 0.01) return '<0.01/s';
  return value < 999.5 ? `${threeDigits(value)}/s` : `${formatCount(Math.round(value))}/s`;
}

/** Bytes in decimal units: `1.2 kB`. */
export function formatBytes(bytes: Maybe): string {
  if (bytes == null) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${threeDigits(value)} ${units[unit]}`;
}

/** How long ago a moment was; both in Unix seconds. */
export function formatAgo(now: number, moment: Maybe): string {
  if (moment == null) return 'never';
  const seconds = now - moment;
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Local date and time of a Unix time, with milliseconds: `2026-11-21 10:02:03.123`. */
export function formatDateTime(moment: Maybe): string {
  if (moment == null) return NONE;
  const date = new Date(moment * 1000);
  return `${formatDate(moment)} ${clock(date)}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Local date of a Unix time: `2026-11-21`. */
export function formatDate(moment: number): string {
  const date = new Date(moment * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Local time of day of a Unix time: `10:02:03`. */
export function formatTime(moment: number): string {
  const date = new Date(moment * 1000);
  return `${clock(date)}:${two(date.getSeconds())}`;
}

/** The label of a time axis whose ticks are `increment` seconds apart. */
export function formatTick(moment: number, increment: number): string {
  const date = new Date(moment * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (increment >= 86_400 || midnight) return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return increment >= 60 ? clock(date) : formatTime(moment);
}

function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function twoUnits(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const head = `${Math.floor(seconds / large)} ${largeName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}
