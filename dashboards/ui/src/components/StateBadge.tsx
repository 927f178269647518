import type { ToolState } from '../api';
import { STATE_RULE } from '../severity';

export function StateBadge({ state }: { state: ToolState }) {
  return (
    <span class={`badge badge-${state}`} data-tip={STATE_RULE[state]} tabIndex={state === 'healthy' ? undefined : 0}>
      {state}
    </span>
  );
}
