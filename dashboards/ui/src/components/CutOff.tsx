import { formatExact } from '../format';

/** Below a list that the API cut off: so many are shown, and where all of them are. `source` is the question. */
export function CutOff({ next, source, shown, what }: { next: string | null | undefined; source: string | null; shown: number; what: string }) {
  if (!next || !source) return null;
  return (
    <p class="quiet more" data-testid="cut-off">
      The {formatExact(shown)} {what} with most calls. <a href={`api/v1/${source}&format=csv`}>All of them as CSV</a>
    </p>
  );
}
