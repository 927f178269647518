import { signOut } from '../api';
import { formatAgo, formatDateTime } from '../format';
import { pageLink, queryLink, route, visit } from '../navigation';
import { DEFAULT_RANGE, type Page, PAGES, RANGES, rangesOf } from '../route';
import { live, mainResource, now, refresh, REFRESH_SECONDS, serverNames, session, signedOut } from '../state';
import { nextTheme, theme } from '../theme';
import { visibleText } from '../visibleText';
import { Icon } from './Icon';

export const PAGE_TITLES: Record<Page, string> = {
  overview: 'Overview',
  tools: 'Tools',
  clients: 'Clients',
  users: 'Users',
  calls: 'Calls',
  collector: 'Collector',
};

export function Header() {
  return (
    <header class="header">
      <a class="brand" href={pageLink('overview')}>
        <Icon name="pulse" />
        Toolsight
      </a>
      {!signedOut.value && <Navigation />}
      {/* The collector's own numbers are of all servers and since its start. */}
      {!signedOut.value && route.value.page !== 'collector' && (
        <div class="controls">
          <ServerFilter />
          <RangePicker />
        </div>
      )}
      <div class="switches">
        <SignOut />
        {!signedOut.value && <LiveSwitch />}
        <ThemeSwitch />
      </div>
    </header>
  );
}

function Navigation() {
  // Those who may see one tenant only are told nothing of the collector itself.
  const { tenant } = session.data.value ?? {};
  const pages = tenant ? PAGES.filter((page) => page !== 'collector') : PAGES;
  return (
    <nav aria-label="Pages">
      {pages.map((page) => (
        <a key={page} href={pageLink(page)} data-testid={`nav-${page}`} aria-current={route.value.page === page ? 'page' : undefined}>
          {PAGE_TITLES[page]}
        </a>
      ))}
    </nav>
  );
}

/** There is nothing to sign out of where the collector asks nobody who they are. */
function SignOut() {
  const { guarded, role, tenant } = session.data.value ?? {};
  if (!guarded || signedOut.value) return null;
  return (
    <button type="button" class="switch" title={tenant ? `Signed in for ${visibleText(tenant)}` : `Signed in as ${role}`} data-testid="sign-out" onClick={leave}>
      Sign out
    </button>
  );
}

/** The page is loaded anew, so that nothing of what was shown stays. */
async function leave(): Promise<void> {
  await signOut();
  location.reload();
}

function ServerFilter() {
  const chosen = route.value.query.server ?? '';
  const names = [...new Set([...serverNames.value, ...(chosen ? [chosen] : [])])].sort();
  if (names.length < 2 && !chosen) return null;
  return (
    <select
      class="server-filter"
      aria-label="Server"
      title={chosen || 'All servers'}
      data-testid="server-filter"
      value={chosen}
      onChange={(event) => visit(queryLink({ server: event.currentTarget.value }))}
    >
      <option value="">All servers</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {visibleText(name)}
        </option>
      ))}
    </select>
  );
}

function RangePicker() {
  const { from, to, range = DEFAULT_RANGE } = route.value.query;
  const custom = from && to;
  const shown = rangesOf(route.value.page, session.data.value?.tenant);
  // One that came with the address stays in view, with what the collector has to say about it.
  const names = RANGES.filter((name) => shown.includes(name) || (!custom && name === range));
  return (
    <div class="ranges" role="group" aria-label="Span of time">
      {custom && (
        <a class="custom-range" href={queryLink({ from: '', to: '' })} title="Back to a span that ends now">
          {formatDateTime(Number(from)).slice(5, 16)} to {formatDateTime(Number(to)).slice(5, 16)}
          <Icon name="close" />
        </a>
      )}
      {names.map((name) => (
        <a
          key={name}
          href={queryLink({ range: name, from: '', to: '' })}
          data-testid={`range-${name}`}
          aria-current={!custom && name === range ? 'true' : undefined}
        >
          {name}
        </a>
      ))}
    </div>
  );
}

function LiveSwitch() {
  const updated = mainResource.value.updated.value;
  function toggle() {
    live.value = !live.value;
    if (live.value) refresh();
  }
  return (
    <button
      type="button"
      class="switch"
      data-testid="live-toggle"
      data-live={live.value}
      title={`${live.value ? 'Pause' : 'Resume'} refreshing every ${REFRESH_SECONDS} s. Last answer: ${formatDateTime(updated)}`}
      onClick={toggle}
    >
      {live.value ? <span class="live-dot" /> : <Icon name="play" />}
      {live.value ? 'Live' : 'Paused'}
      <span class="live-time" aria-hidden="true">{updated === null ? '' : formatAgo(now.value, updated)}</span>
    </button>
  );
}

function ThemeSwitch() {
  return (
    <button
      type="button"
      class="switch"
      data-testid="theme-toggle"
      aria-label={`Theme: ${theme.value}`}
      title={`Theme: ${theme.value}`}
      onClick={nextTheme}
    >
      <Icon name={theme.value} />
    </button>
  );
}
