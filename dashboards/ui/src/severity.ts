/** From numbers to how loud they are shown. */
import type { ToolState } from './api';

export type Level = 'none' | 'low' | 'high';

/** Failure rate from which it is shown as an error and no longer as a warning. */
const HIGH_RATE = 0.05;

export function rateLevel(rate: number | null): Level {
  if (!rate) return 'none';
  return rate < HIGH_RATE ? 'low' : 'high';
}

/** Order of states by urgency. */
export const STATE_RANK: Record<ToolState, number> = { healthy: 0, flaky: 1, broken: 2 };

/** The rule behind each state; the same that alerts and Grafana boards use. */
export const STATE_RULE: Record<ToolState, string> = {
  broken: 'Broken: in the last 15 minutes at least 90 % of its calls failed, out of 5 or more. Errors of callers do not count.',
  flaky:
    'Flaky: in the last 15 minutes at least 2 % of its calls failed, out of 20 or more, with 3 failures or more, and it recovered at least twice (a success right after a failure). Errors of callers do not count.',
  healthy: 'Healthy: neither flaky nor broken in the last 15 minutes, whatever the chosen span of time.',
};

/** Strength of the colour behind a failure rate: 0..1, with a step up at the first failure so that rare ones show. */
export function heat(rate: number | null): number {
  if (!rate) return 0;
  return Math.min(1, 0.15 + 0.85 * Math.sqrt(rate));
}
