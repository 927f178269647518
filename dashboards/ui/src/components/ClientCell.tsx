import type { Client } from '../api';
import { formatCount, formatExact, formatRate } from '../format';
import { route, setQuery } from '../navigation';
import { heat } from '../severity';

/** What the address holds for the open cell. `open` tells an empty protocol from none. */
export function openCell({ client, version, protocol }: Client): string {
  return JSON.stringify([client, version, protocol]);
}

export function isOpen(entry: Client): boolean {
  return route.value.query.open === openCell(entry);
}

/** Calls of one client version on one protocol version. With failures or refused calls it is a button that shows them. */
export function ClientCell({ entry }: { entry: Client | undefined }) {
  if (!entry) return <td class="cell" />;
  const data = {
    'data-testid': 'client-cell',
    'data-client': entry.client,
    'data-version': entry.version,
    'data-protocol': entry.protocol,
    'data-calls': entry.calls,
    'data-failures': entry.failures,
    'data-value': entry.failure_rate ?? '',
    title: `${formatExact(entry.failures)} of ${formatExact(entry.calls)} calls failed`,
  };
  const text = (
    <>
      <b>{formatRate(entry.failure_rate)}</b>
      <span class="cell-calls">{formatCount(entry.calls)} calls</span>
    </>
  );
  if (entry.failures === 0 && entry.auth_errors === 0) {
    return (
      <td class="cell" {...data}>
        <span class="cell-box cell-ok">{text}</span>
      </td>
    );
  }
  const open = isOpen(entry);
  return (
    <td class="cell" {...data}>
      <button
        type="button"
        class="cell-box cell-failing"
        style={{ '--heat': heat(entry.failure_rate) }}
        aria-expanded={open}
        onClick={() => setQuery({ open: open ? '' : openCell(entry) })}
      >
        {text}
      </button>
    </td>
  );
}
