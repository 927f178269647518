import { describe, expect, test } from 'vitest';
import { formatAgo, formatBytes, formatCount, formatExact, formatMilliseconds, formatPerSecond, formatRate, formatSeconds } from './format';

type Case<Input> = [input: Input, shown: string];

describe('formatCount shortens from a thousand on', () => {
  const cases: Case<number | null>[] = [
    [0, '0'], [7, '7'], [999, '999'], [1000, '1k'], [1234, '1.2k'], [12_345, '12.3k'], [999_949, '999.9k'], [999_999, '1M'],
    [1_250_000, '1.3M'], [4_200_000_000, '4.2B'], [null, '–'],
  ];
  test.each(cases)('%s is %s', (input, shown) => expect(formatCount(input)).toBe(shown));
});

describe('formatRate never rounds a failure away', () => {
  const cases: Case<number | null>[] = [
    [0, '0 %'], [0.000_001, '<0.1 %'], [0.000_999, '<0.1 %'], [0.001, '0.1 %'], [0.037, '3.7 %'], [0.05, '5 %'], [0.125, '12.5 %'],
    [0.999_4, '99.9 %'], [0.999_999, '99.9 %'], [1, '100 %'], [null, '–'],
  ];
  test.each(cases)('%s is %s', (input, shown) => expect(formatRate(input)).toBe(shown));
});

describe('formatMilliseconds takes the unit that needs the fewest digits', () => {
  const cases: Case<number | null>[] = [
    [0, '0 ms'], [0.012, '12 µs'], [0.42, '420 µs'], [0.9996, '1 ms'], [12.345, '12.3 ms'], [999.4, '999 ms'], [999.6, '1 s'], [1234, '1.23 s'],
    [59_940, '59.9 s'], [59_960, '1 min'], [83_000, '1 min 23 s'], [3_720_000, '1 h 2 min'], [null, '–'],
  ];
  test.each(cases)('%s is %s', (input, shown) => expect(formatMilliseconds(input)).toBe(shown));
});

describe('formatSeconds has at most two units', () => {
  const cases: Case<number | null>[] = [
    [0, '0 s'], [-3, '0 s'], [59, '59 s'], [60, '1 min'], [3599, '59 min 59 s'], [3600, '1 h'], [93_784, '1 d 2 h'], [null, '–'],
  ];
  test.each(cases)('%s is %s', (input, shown) => expect(formatSeconds(input)).toBe(shown));
});

describe('formatPerSecond keeps three digits', () => {
  const cases: Case<number | null>[] = [
    [0, '0/s'], [0.004, '<0.01/s'], [0.016_67, '0.0167/s'], [3.254, '3.25/s'], [999.7, '1k/s'], [12_345, '12.3k/s'], [null, '–'],
  ];
  test.each(cases)('%s is %s', (input, shown) => expect(formatPerSecond(input)).toBe(shown));
});

describe('formatBytes is decimal', () => {
  const cases: Case<number | null>[] = [[0, '0 B'], [999, '999 B'], [1000, '1 kB'], [1234, '1.23 kB'], [999_600, '1 MB'], [5e15, '5000 TB'], [null, '–']];
  test.each(cases)('%s is %s', (input, shown) => expect(formatBytes(input)).toBe(shown));
});

describe('formatAgo counts from now, and takes a clock that runs behind', () => {
  const cases: Case<number | null>[] = [
    [0, 'just now'], [-30, 'just now'], [5, '5 s ago'], [59.9, '59 s ago'], [120, '2 min ago'], [7200, '2 h ago'], [200_000, '2 d ago'], [null, 'never'],
  ];
  test.each(cases)('%s s is %s', (seconds, shown) => expect(formatAgo(1_000_000, seconds === null ? null : 1_000_000 - seconds)).toBe(shown));
});

test('formatExact groups digits and drops none', () => {
  expect(formatExact(1_234_567)).toBe('1,234,567');
  expect(formatExact(12.345_678)).toBe('12.345678');
});
