import type { ComponentChildren } from 'preact';
import { live, mainResource, ready, REFRESH_SECONDS } from '../state';

/** What a page shows while its first answer is on the way, and dims while another answer is. */
export function PageFrame({ children }: { children: () => ComponentChildren }) {
  const { data, error, pending } = mainResource.value;
  if (data.value === null) {
    if (!error.value) return <p class="waiting">Asking the collector …</p>;
    // A banner above says why.
    return <p class="waiting">No numbers to show. {live.value ? `The page asks again every ${REFRESH_SECONDS} s.` : 'Refreshing is paused.'}</p>;
  }
  const stale = !ready.value && pending.value !== null;
  return (
    <div class={`page ${stale ? 'stale' : ''}`} aria-busy={stale}>
      {children()}
    </div>
  );
}
