import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { formatCount } from '../format';
import { queryLink, route } from '../navigation';
import { DEFAULT_RANGE, rangeName, RANGES } from '../route';
import { status } from '../state';
import { visibleText } from '../visibleText';
import { Icon } from './Icon';

/** Stands where a table would be that has no rows. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty" data-testid="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** No call at all in the span of time: shows a longer one, and how to connect a server. */
export function NoCalls() {
  const { query } = route.value;
  const spans = status.data.value?.spans;
  return (
    <Empty title={`No calls in ${rangeName(query)}`}>
      {query.server && (
        <p>
          Only the server <bdi>{visibleText(query.server)}</bdi> is shown. <a href={queryLink({ server: '' })}>Show all servers</a>
        </p>
      )}
      <p>
        {spans &&
          (spans.received > 0
            ? `The collector has received ${formatCount(spans.received)} spans since it started. `
            : 'Nothing has reached the collector since it started. ')}
        <WiderRange />
      </p>
      <Setup />
    </Empty>
  );
}

function WiderRange() {
  const { from, range = DEFAULT_RANGE } = route.value.query;
  const wider = from ? DEFAULT_RANGE : RANGES[RANGES.findIndex((name) => name === range) + 1];
  if (!wider) return null;
  return <a href={queryLink({ range: wider, from: '', to: '' })}>Look at {rangeName({ range: wider })}</a>;
}

const LAYER = `let toolsight = Toolsight::builder()
    .endpoint("http://127.0.0.1:4317")
    .build()?;`;
const ROUTER = 'let app = Router::new().nest_service("/mcp", mcp_service).layer(toolsight.layer());';

function Setup() {
  return (
    <section class="setup">
      <h2>Connect an MCP server</h2>
      <ol>
        <li>
          <p>
            Add the layer to the server's crate: <code>cargo add toolsight</code>
          </p>
        </li>
        <li>
          <p>Wrap the server. The layer reads calls as they pass and changes nothing.</p>
          <Snippet text={`${LAYER}\n${ROUTER}`} />
        </li>
        <li>
          <p>Call a tool. It shows up here within seconds.</p>
        </li>
      </ol>
      <p class="quiet">The collector takes OTLP over gRPC on port 4317 and over HTTP on port 4318.</p>
    </section>
  );
}

function Snippet({ text }: { text: string }) {
  const copied = useSignal(false);
  return (
    <div class="snippet">
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      {/* Browsers open the clipboard only to pages from this machine or over TLS. */}
      {isSecureContext && (
        <button type="button" class="switch" aria-label="Copy" onClick={() => void navigator.clipboard.writeText(text).then(() => (copied.value = true))}>
          <Icon name={copied.value ? 'check' : 'copy'} />
        </button>
      )}
    </div>
  );
}
