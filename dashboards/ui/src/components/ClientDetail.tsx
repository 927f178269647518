import type { Client } from '../api';
import { formatCount, formatExact, formatMilliseconds } from '../format';
import { pageLink } from '../navigation';
import { Rate } from './Rate';
import { Name } from './Text';
import { ToolLink } from './ToolLink';

/** The API tells at most so many failing tools of a cell. */
const TOOLS_TOLD = 5;

/** The tools that fail for one client version on one protocol version. */
export function ClientDetail({ entry }: { entry: Client }) {
  const { client, version, protocol } = entry;
  const filters = { client, version, protocol };
  return (
    <div class="client-detail" data-testid="client-detail">
      <p>
        <b>{formatExact(entry.failures)}</b> of {formatExact(entry.calls)} calls failed for <Name text={client} missing="clients without a name" />{' '}
        <Name text={version} missing="" /> on <Name text={protocol} missing="no protocol version" />. p95 {formatMilliseconds(entry.p95_ms)},{' '}
        {formatCount(entry.users)} {entry.users === 1 ? 'user' : 'users'}. <a href={pageLink('calls', filters)}>Failed calls</a>
        {entry.auth_errors > 0 && (
          <span data-testid="client-auth" data-value={entry.auth_errors}>
            {' '}
            <b>{formatExact(entry.auth_errors)}</b> {entry.auth_errors === 1 ? 'call was' : 'calls were'} refused for missing or wrong credentials.{' '}
            <a href={pageLink('calls', { ...filters, fault: 'auth' })}>Refused calls</a>
          </span>
        )}
      </p>
      {entry.tools === null && (
        <p class="quiet" data-testid="client-tools-unknown">
          Which tools failed for a client is not known that far back. A shorter range shows them.
        </p>
      )}
      <ul>
        {entry.tools?.map((tool) => (
          <li
            key={JSON.stringify([tool.server, tool.tool])}
            data-testid="client-tool"
            data-server={tool.server}
            data-tool={tool.tool}
            data-calls={tool.calls}
            data-failures={tool.failures}
          >
            <Rate rate={tool.calls > 0 ? tool.failures / tool.calls : null} />
            <ToolLink {...tool} href={pageLink('calls', { ...filters, server: tool.server, target: tool.tool })} />
            <span class="quiet">
              {formatExact(tool.failures)} of {formatExact(tool.calls)} calls
            </span>
          </li>
        ))}
      </ul>
      {entry.tools?.length === TOOLS_TOLD && <p class="quiet">The five tools with most failures.</p>}
    </div>
  );
}
