import type { Call } from '../api';
import { callKey } from '../callPages';
import { formatDateTime, formatExact, formatMilliseconds, formatTime } from '../format';
import { route, setQuery } from '../navigation';
import { CallDetail } from './CallDetail';
import { Icon } from './Icon';
import { Name } from './Text';

/** One call in a line; opened, all of its fields below. */
export function CallRow({ call, columns }: { call: Call; columns: number }) {
  const key = callKey(call);
  const open = route.value.query.open === key;
  function toggle(event: MouseEvent) {
    if (getSelection()?.toString() || (event.target as Element).closest('a')) return;
    setQuery({ open: open ? '' : key });
  }
  return (
    <>
      <tr
        class={`row-link ${open ? 'open' : ''}`}
        data-testid="call-row"
        data-trace={call.trace_id}
        data-target={call.target}
        data-outcome={call.outcome}
        data-fault={call.fault}
        onClick={toggle}
      >
        <th scope="row" class="col-time" data-column="time" data-value={call.time} title={formatDateTime(call.time)}>
          <button type="button" class="toggle" data-testid="call-toggle" aria-expanded={open} aria-label={`Call at ${formatDateTime(call.time)}`}>
            <Icon name="right" />
            {formatTime(call.time)}
          </button>
        </th>
        <td class="col-target" data-column="target" data-value={call.target}>
          <Name text={call.target || call.method} />
          <span class="sub">
            <Name text={call.server} missing="unnamed server" />
          </span>
        </td>
        <td class="col-outcome" data-column="outcome" data-value={call.outcome}>
          <Outcome call={call} />
        </td>
        <td class="col-code number" data-column="code" data-value={errorCode(call) ?? ''}>
          {errorCode(call)}
        </td>
        <td class="col-message" data-column="message" data-value={call.message}>
          <Name text={call.message} missing={call.error_type || '–'} />
        </td>
        <td class="col-client" data-column="client" data-value={call.client}>
          <Name text={call.client} />
          <span class="sub">
            <Name text={call.client_version} missing="no version" />
          </span>
        </td>
        <td class="col-protocol" data-column="protocol" data-value={call.protocol}>
          <Name text={call.protocol} missing="–" />
        </td>
        <td class="col-user" data-column="user" data-value={call.user}>
          <Name text={call.user} missing="–" />
        </td>
        <td class="col-duration_ms number" data-column="duration_ms" data-value={call.duration_ms} title={`${formatExact(call.duration_ms)} ms`}>
          {formatMilliseconds(call.duration_ms)}
        </td>
        <td class="col-trace_id" data-column="trace_id" data-value={call.trace_id} title={call.trace_id}>
          <code>{call.trace_id.slice(0, 8)}</code>
        </td>
      </tr>
      {open && (
        <tr class="detail-row">
          <td colSpan={columns}>
            <CallDetail call={call} />
          </td>
        </tr>
      )}
    </>
  );
}

/** The JSON-RPC error code, or else the HTTP status if it is one of an error. */
function errorCode({ rpc_code, http_status }: Call): number | null {
  return rpc_code ?? (http_status !== null && http_status >= 400 ? http_status : null);
}

function Outcome({ call: { outcome, fault } }: { call: Call }) {
  const tone = fault === 'server' ? 'error' : fault === 'caller' || fault === 'auth' ? 'warning' : 'plain';
  return <span class={`badge badge-${tone}`}>{outcome}</span>;
}
