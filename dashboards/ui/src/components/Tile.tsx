import { formatExact } from '../format';
import type { TileName } from '../testids';

interface TileProps {
  name: TileName;
  title: string;
  value: number | null;
  format: (value: number | null) => string;
  hint?: string;
  tone?: 'error' | 'warning' | 'p50' | 'p95' | 'p99' | undefined;
}

/** One number with its name. */
export function Tile({ name, title, value, format, hint, tone }: TileProps) {
  return (
    <div class={`tile ${tone ? `tone-${tone}` : ''}`} data-tip={hint}>
      <dt>{title}</dt>
      <dd data-testid={`tile-${name}`} data-value={value ?? ''} title={formatExact(value)}>
        {format(value)}
      </dd>
    </div>
  );
}
