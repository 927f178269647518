// Signs in to the page of a collector that asks for tokens, and out again.
//
//   node sign_in.mjs PAGE_URL TOKEN SCREENSHOT_DIR
//
// Needs Chromium as page.mjs does. Exits with 1 and what went wrong.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';

const [pageUrl, token, screenshots] = process.argv.slice(2);
const browser = await openBrowser();
try {
  const context = await browser.newContext();
  const tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  const one = (testid) => tab.locator(`[data-testid="${testid}"]`);
  await tab.goto(pageUrl);
  await one('sign-in').waitFor();
  await tab.screenshot({ path: join(screenshots, 'sign-in.png') });
  assert.equal(await one('app').getAttribute('data-ready'), 'false', 'nothing is shown before');
  assert.equal(await tab.evaluate(() => document.activeElement.dataset.testid), 'sign-in-token', 'the reader can type at once');
  assert.equal(await tab.locator('nav a').count(), 0, 'there is nowhere to go');

  await one('sign-in-token').fill('toolsight_read_wrong');
  await tab.keyboard.press('Enter');
  await tab.waitForFunction(() => document.querySelector('[data-testid=sign-in-refused]').textContent.includes('The token is not known'));

  await one('sign-in-token').fill(token);
  await tab.keyboard.press('Enter');
  await tab.waitForSelector('[data-testid=app][data-ready=true]');
  await one('sign-in').waitFor({ state: 'detached' });
  assert.equal(await tab.evaluate('document.cookie'), '', 'no script can read the cookie');
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.value, cookie.httpOnly, cookie.sameSite], [token, true, 'Strict']);
  await tab.reload();
  await tab.waitForSelector('[data-testid=app][data-ready=true]');
  await tab.screenshot({ path: join(screenshots, 'signed-in.png') });

  await one('nav-calls').waitFor();
  assert.equal(await one('nav-collector').count(), 0, 'a tenant is told nothing of the collector itself');
  await tab.goto(new URL('#/collector', pageUrl).href);
  await tab.waitForSelector('[data-testid=app][data-page=collector][data-ready=true]');
  assert.match(await one('empty').textContent(), /for one tenant/);

  await one('sign-out').click();
  await one('sign-in').waitFor();
  assert.deepEqual(await context.cookies(), []);
} finally {
  await browser.close();
}
