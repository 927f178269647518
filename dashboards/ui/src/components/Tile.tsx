import { formatExact } from '../format';
import type { CollectorTile, TileName } from '../testids';

interface TileProps<Value extends number | string> {
  name: TileName | CollectorTile;
  title: string;
  value: Value | null;
  format: (value: Value | null) => string;
  hint?: string;
  tone?: 'error' | 'warning' | 'p50' | 'p95' | 'p99' | undefined;
}

/** One value with its name. */
export function Tile<Value extends number | string>({ name, title, value, format, hint, tone }: TileProps<Value>) {
  return (
    <div class={`tile ${tone ? `tone-${tone}` : ''}`} data-tip={hint}>
      <dt>{title}</dt>
      <dd data-testid={`tile-${name}`} data-value={value ?? ''} title={typeof value === 'number' ? formatExact(value) : undefined}>
        {format(value)}
      </dd>
    </div>
  );
}
