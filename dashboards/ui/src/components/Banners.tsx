import type { ComponentChildren } from 'preact';
import { formatCount, formatTime } from '../format';
import { mainResource, status } from '../state';
import { sentence } from '../words';
import { Icon } from './Icon';

/** What stands between the reader and right numbers. */
export function Banners() {
  return (
    <div class="banners" aria-live="polite">
      <RequestBanner />
      <StoreBanner />
      <LossBanner />
    </div>
  );
}

function Banner({ kind, level, children }: { kind: string; level: 'error' | 'warning' | 'note'; children: ComponentChildren }) {
  return (
    <div class={`banner banner-${level}`} data-testid="banner" data-kind={kind}>
      <Icon name="warning" />
      <p>{children}</p>
    </div>
  );
}

/** The newest request failed; what is shown is older. */
function RequestBanner() {
  const { error, updated } = mainResource.value;
  if (!error.value) return null;
  const { code, message } = error.value;
  // The store's banner says the same with more of the reason.
  if (code === 'store_unavailable' && status.data.value?.store.state !== 'ready') return null;
  const unreachable = code === 'no_answer' || code === 'timeout';
  return (
    <Banner kind={unreachable ? 'collector-unreachable' : 'request-failed'} level="error">
      <b>{unreachable ? 'The collector does not answer.' : 'The last request failed.'}</b> {sentence(message)}{' '}
      {updated.value !== null && `Numbers are as of ${formatTime(updated.value)}.`}
    </Banner>
  );
}

function StoreBanner() {
  const store = status.data.value?.store;
  if (!store || store.state === 'ready') return null;
  const updated = mainResource.value.updated.value;
  if (store.state === 'starting') {
    return (
      <Banner kind="store-starting" level="note">
        <b>The store is starting.</b> Calls are kept in the queue until it is ready.
      </Banner>
    );
  }
  return (
    <Banner kind="store-unreachable" level="error">
      <b>The store cannot be reached.</b> {sentence(store.error ?? '')} Calls are kept in the queue meanwhile.{' '}
      {updated !== null && `Numbers are as of ${formatTime(updated)}.`}
    </Banner>
  );
}

function LossBanner() {
  const rows = status.data.value?.rows;
  if (!rows?.lost) return null;
  return (
    <Banner kind="rows-lost" level="warning">
      <b>{formatCount(rows.lost)} calls were lost</b> since the collector started, so numbers are too low. The collector's log and{' '}
      <code>toolsight_rows_lost_total</code> say why.
    </Banner>
  );
}
