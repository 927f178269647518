import type { ComponentChildren } from 'preact';
import type { Call } from '../api';
import type { FieldName } from '../callFilters';
import { formatBytes, formatDateTime, formatExact, formatMilliseconds } from '../format';
import { queryLink, route } from '../navigation';
import { visibleText } from '../visibleText';
import { CallSaid } from './CallSaid';
import { Icon } from './Icon';

/** Filters of the list by field of a call. */
const FILTER_BY_FIELD: Partial<Record<keyof Call, FieldName | 'server' | 'outcome'>> = {
  server: 'server',
  target: 'target',
  outcome: 'outcome',
  client: 'client',
  client_version: 'version',
  protocol: 'protocol',
  user: 'user',
  session: 'session',
  chain: 'chain',
};
/** Filters whose link is about all calls that have the value, whoever is at fault. */
const OF_ALL_FAULTS = ['outcome', 'chain'];

/** What the flags of a result mean. */
const RESULT_FLAGS: Record<string, string> = {
  empty: 'without any content',
  error_text: 'a success that reads like an error',
  identical: 'the same as the last time',
  schema_mismatch: 'not what its output schema says',
  truncated: 'cut at a size that the tool keeps to',
  unread: 'could not be read',
};

const GROUPS: { title: string; fields: [field: keyof Call, title: string][] }[] = [
  {
    title: 'Outcome',
    fields: [
      ['message', 'Message'], ['outcome', 'Outcome'], ['fault', 'Fault'], ['error_type', 'Error type'],
      ['rpc_code', 'JSON-RPC code'], ['http_status', 'HTTP status'], ['invalid_arguments', 'Refused arguments'],
      ['result_flags', 'Result'], ['content_types', 'Result types'], ['response_bytes', 'Response size'],
    ],
  },
  {
    title: 'Request',
    fields: [
      ['time', 'Time'], ['duration_ms', 'Duration'], ['first_byte_ms', 'First byte'], ['waited_ms', 'Waited'], ['method', 'Method'], ['kind', 'Kind'],
      ['target', 'Target'], ['resource_uri', 'Resource'], ['direction', 'Direction'], ['attempt', 'Round'], ['progress', 'Progress messages'],
      ['header_mismatch', 'Headers unlike the body'], ['request_id', 'Request id'], ['request_bytes', 'Request size'], ['args_hash', 'Arguments hash'],
    ],
  },
  {
    title: 'Server',
    fields: [
      ['server', 'Server'], ['server_version', 'Server version'], ['instance', 'Instance'], ['tenant', 'Tenant'],
      ['definition_hash', 'Definition'], ['definition_bytes', 'Definition size'], ['weight', 'Stands for'],
    ],
  },
  {
    title: 'Caller',
    fields: [
      ['client', 'Client'], ['client_version', 'Client version'], ['client_bridge', 'Bridge'], ['protocol', 'Protocol'],
      ['transport', 'Transport'], ['user', 'User'], ['session', 'Session'], ['chain', 'Chain'],
      ['trace_id', 'Trace'], ['span_id', 'Span'], ['parent_span_id', 'Parent span'],
    ],
  },
];

/** Every field of a call, and what it said; fields that the list can be filtered by have a link for that. */
export function CallDetail({ call }: { call: Call }) {
  return (
    <div class="call-detail" data-testid="call-detail">
      {GROUPS.map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <dl>
            {group.fields.map(([field, title]) => (
              <div key={field} class={`field field-${field}`}>
                <dt>{title}</dt>
                <dd data-testid="call-field" data-field={field} data-value={call[field] ?? ''}>
                  <span class="field-value">{shown(call, field)}</span>
                  <FilterLink call={call} field={field} title={title} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <CallSaid call={call} />
    </div>
  );
}

function FilterLink({ call, field, title }: { call: Call; field: keyof Call; title: string }) {
  const filter = FILTER_BY_FIELD[field];
  const value = call[field];
  if (!filter || !value || route.value.query[filter] === value) return null;
  const link = queryLink({ [filter]: String(value), ...(OF_ALL_FAULTS.includes(filter) && { fault: 'all' }) });
  return (
    <a class="filter-link" href={link} title={`Only calls with this ${title.toLowerCase()}`} aria-label={`Only calls with this ${title.toLowerCase()}`}>
      <Icon name="filter" />
    </a>
  );
}

function shown(call: Call, field: keyof Call): ComponentChildren {
  const value = call[field];
  if (value === null || value === '') return <span class="missing">–</span>;
  switch (field) {
    case 'time':
      return formatDateTime(call.time);
    case 'duration_ms':
    case 'first_byte_ms':
    case 'waited_ms':
      return <span title={`${formatExact(call[field])} ms`}>{formatMilliseconds(call[field])}</span>;
    case 'weight':
      return call.weight === 1 ? '1 call' : `${formatExact(call.weight)} calls`;
    case 'result_flags':
      return call.result_flags.split(',').map((flag) => RESULT_FLAGS[flag] ?? visibleText(flag)).join(', ');
    case 'request_bytes':
    case 'response_bytes':
    case 'definition_bytes':
      return <span title={`${formatExact(call[field])} bytes`}>{formatBytes(call[field])}</span>;
    default:
      return <bdi>{field === 'message' ? String(value) : visibleText(String(value))}</bdi>;
  }
}
