import type { ComponentChildren } from 'preact';
import { mainResource, ready } from '../state';

/** What a page shows while its first answer is on the way, and dims while another answer is. */
export function PageFrame({ children }: { children: () => ComponentChildren }) {
  const { data, error, pending } = mainResource.value;
  if (data.value === null) {
    // A banner says why; an empty page below it is all there is.
    return error.value ? null : <p class="waiting">Asking the collector …</p>;
  }
  const stale = !ready.value && pending.value !== null;
  return (
    <div class={`page ${stale ? 'stale' : ''}`} aria-busy={stale}>
      {children()}
    </div>
  );
}
