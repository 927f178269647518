import { effect } from '@preact/signals';
import { Banners } from './components/Banners';
import { Header, PAGE_TITLES } from './components/Header';
import { PageFrame } from './components/PageFrame';
import { SignIn } from './components/SignIn';
import { StatusBar } from './components/StatusBar';
import { Tooltip } from './components/Tooltip';
import { route } from './navigation';
import { CallsPage } from './pages/calls';
import { ClientsPage } from './pages/clients';
import { CollectorPage } from './pages/collector';
import { OverviewPage } from './pages/overview';
import { ToolsPage } from './pages/tools';
import { UsersPage } from './pages/users';
import type { Page } from './route';
import { ready, signedOut } from './state';

const PAGE_COMPONENTS: Record<Page, () => preact.JSX.Element | null> = {
  overview: OverviewPage,
  tools: ToolsPage,
  clients: ClientsPage,
  users: UsersPage,
  calls: CallsPage,
  collector: CollectorPage,
};

effect(() => {
  document.title = `${PAGE_TITLES[route.value.page]} · Toolsight`;
});

export function App() {
  const { page } = route.value;
  const Content = PAGE_COMPONENTS[page];
  return (
    <div class="app" data-testid="app" data-page={page} data-ready={ready.value}>
      <a class="skip" href="#main" onClick={skipToContent}>
        Skip to content
      </a>
      <Header />
      {!signedOut.value && <Banners />}
      <main id="main" tabIndex={-1}>
        <h1 class="visually-hidden">{PAGE_TITLES[page]}</h1>
        {signedOut.value ? <SignIn /> : <PageFrame key={page}>{() => <Content />}</PageFrame>}
      </main>
      <StatusBar />
      <Tooltip />
    </div>
  );
}

/** The address holds the page's state, so a link into the page must not change it. */
function skipToContent(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
