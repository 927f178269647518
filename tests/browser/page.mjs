// Opens every page in a browser and compares what it shows with what was sent.
//
//   node page.mjs PAGE_URL EXPECTED.json SCREENSHOT_DIR
//
// EXPECTED.json, every part optional:
//   range         span of time to look at, as in the page's address; the page's own default if missing
//   totals        { calls, failures, caller_errors, users, ... }: tiles, `_` for `-` (see dashboards/ui/src/testids.ts)
//   tools         [{ server, tool, calls, failures, state }]: all rows, no more and no less
//   clients       [{ client, version, protocol, calls, failures }]: all cells
//   users         [{ user, calls }]: all rows
//   failed_calls  [{ tool, outcome, count }]: all failed calls, counted
//   opened        { tool, arguments, result }: what an opened call of this tool says in whole, and in part
//   collector     { received, inserted, ... }: the ledger of the collector, which the page has to show as adding up
//   status        { received, inserted, lost, ... }: the status bar
// `calls` of a tool, client or user may be left out, as may any other number: only what is there is compared.
//
// Needs Chromium: CHROMIUM names it, /usr/bin/chromium if unset. Exits with 1 and a list of differences on any mismatch,
// console error, page error, failed request, request to another origin, or serious accessibility violation.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage, VARIANTS } from './browser.mjs';
import { findings, report, within } from './findings.mjs';
import { compareNumbers } from './numbers.mjs';
import { useControls } from './controls.mjs';
import { checkLook } from './look.mjs';

const PAGES = ['overview', 'tools', 'clients', 'users', 'calls', 'collector'];

const [pageUrl, expectedPath, screenshots] = process.argv.slice(2);
if (!screenshots) {
  console.error('usage: node page.mjs PAGE_URL EXPECTED.json SCREENSHOT_DIR');
  process.exit(2);
}
const expected = JSON.parse(readFileSync(expectedPath, 'utf8'));
mkdirSync(screenshots, { recursive: true });

const browser = await openBrowser();
try {
  for (const variant of VARIANTS) {
    const page = await openPage(browser, variant, pageUrl);
    for (const name of PAGES) {
      await within(`${name}, ${variant.name}`, async () => {
        await page.visit(name, expected.range);
        await checkLook(page, join(screenshots, `${name}-${variant.name}.png`));
        await compareNumbers(page, name, expected);
      });
    }
    await page.close();
  }
  const page = await openPage(browser, VARIANTS[0], pageUrl);
  await useControls(page, expected.range, expected.opened, screenshots);
  await page.close();
} finally {
  await browser.close();
}
report();
process.exit(findings.length === 0 ? 0 : 1);
