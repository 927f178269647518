// The browser, and a page that reports everything that goes wrong in it.
import { chromium } from 'playwright-core';
import { fail } from './findings.mjs';

/** Milliseconds to wait for an answer of the collector to be shown. */
const PATIENCE = 20_000;

export const VARIANTS = [
  { name: 'light-wide', colorScheme: 'light', width: 1440, height: 900 },
  { name: 'dark-wide', colorScheme: 'dark', width: 1440, height: 900 },
  { name: 'light-phone', colorScheme: 'light', width: 360, height: 780 },
  { name: 'dark-phone', colorScheme: 'dark', width: 360, height: 780 },
];

/** The strictest policy that a collector may send: the page has to work under it. */
const POLICY = "default-src 'self'";

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update',
    ],
  });
}

export async function openPage(browser, { colorScheme, width, height }, pageUrl) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height }, reducedMotion: 'reduce' });
  const tab = await context.newPage();
  tab.setDefaultTimeout(PATIENCE);
  const base = new URL(pageUrl);
  await tab.route(base.href, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': POLICY } });
  });
  watch(tab, base.origin);
  return {
    tab,
    /** Goes to a page and waits until it shows an answer to what its address asks for. */
    async visit(name, range, query = {}) {
      const search = new URLSearchParams({ ...(range && { range }), ...query });
      base.hash = `#/${name === 'overview' ? '' : name}?${search}`;
      await tab.goto(base.href);
      await this.ready(name);
    },
    async ready(name) {
      await tab.waitForSelector(`[data-testid=app][data-page=${name}][data-ready=true]`);
      await tab.waitForSelector('[data-testid=status-uptime]');
    },
    /** What `read` returns for each element with a test id; `read` runs in the page. */
    all(testid, read) {
      return tab.locator(`[data-testid="${testid}"]`).evaluateAll(read);
    },
    one(testid) {
      return tab.locator(`[data-testid="${testid}"]`);
    },
    async value(testid) {
      return this.one(testid).getAttribute('data-value');
    },
    close: () => context.close(),
  };
}

function watch(tab, origin) {
  tab.on('pageerror', (error) => fail(`page error: ${error}`));
  tab.on('console', (message) => {
    if (message.type() === 'error') fail(`console error: ${message.text()} (${message.location().url})`);
  });
  tab.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) fail(`request to another origin: ${request.url()}`);
  });
  tab.on('requestfailed', (request) => {
    // The page takes a question back when its reader asks another one.
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') fail(`request failed: ${request.url()} ${reason}`);
  });
  tab.on('response', (response) => {
    if (response.status() >= 400) fail(`HTTP ${response.status()}: ${response.url()}`);
  });
}
