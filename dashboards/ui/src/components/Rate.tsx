import { formatRate } from '../format';
import { rateLevel } from '../severity';

/** A failure rate, louder the worse it is. */
export function Rate({ rate }: { rate: number | null }) {
  return <span class={`rate rate-${rateLevel(rate)}`}>{formatRate(rate)}</span>;
}

/** A share of the largest value as a thin bar below a number. */
export function Share({ of, most, children }: { of: number; most: number; children: string }) {
  return (
    <span class="share" style={{ '--share': most > 0 ? of / most : 0 }}>
      {children}
    </span>
  );
}
