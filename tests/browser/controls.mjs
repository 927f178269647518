// Sorting, filtering, links from page to page, theme: what a reader does with the mouse and the keyboard.
import { join } from 'node:path';
import { VARIANTS } from './browser.mjs';
import { check, equal, within } from './findings.mjs';
import { checkLook } from './look.mjs';

const STATES = ['healthy', 'flaky', 'broken'];

export async function useControls(page, range, opened, screenshots) {
  await within('sorting of tools', () => sortByEveryColumn(page, 'tools', 'tool-row', range));
  await within('sorting of users', () => sortByEveryColumn(page, 'users', 'user-row', range));
  await within('filter box', () => filterTools(page, range));
  await within('from a tool to its failed calls', () => followTool(page, range));
  await within('failing tools of a client', () => openClientCell(page, range));
  await within('an opened call', () => openCall(page, range, opened, screenshots));
  await within('theme', () => changeTheme(page, range));
}

async function sortByEveryColumn(page, name, testid, range) {
  await page.visit(name, range);
  const columns = await page.tab.locator('thead .sort').evaluateAll((buttons) => buttons.map(({ dataset }) => dataset.testid.slice('sort-'.length)));
  check(columns.length > 4, `${columns.length} columns can be sorted`);
  for (const column of columns) {
    for (let press = 0; press < 2; press += 1) {
      await page.one(`sort-${column}`).click();
      const { order, values } = await page.tab.evaluate(
        ([row, id]) => ({
          order: document.querySelector(`[data-testid="sort-${id}"]`).closest('th').ariaSort,
          values: [...document.querySelectorAll(`[data-testid="${row}"] [data-column="${id}"]`)].map(({ dataset }) => dataset.value),
        }),
        [testid, column],
      );
      check(order === 'ascending' || order === 'descending', `${column} has aria-sort ${order}`);
      check(isSorted(values, order), `${column} ${order} is out of order: ${values.join(', ')}`);
    }
  }
}

/** Rows without a value come last in either order. */
function isSorted(values, order) {
  const present = values.slice(0, values.findLastIndex((value) => value !== '') + 1);
  const numeric = present.every((value) => !Number.isNaN(Number(value)));
  const collator = new Intl.Collator('en', { numeric: true });
  const compare = (left, right) => {
    if (present.every((value) => STATES.includes(value))) return STATES.indexOf(left) - STATES.indexOf(right);
    return numeric ? Number(left) - Number(right) : collator.compare(left, right);
  };
  const sign = order === 'descending' ? -1 : 1;
  return present.every((value, index) => index === 0 || sign * compare(present[index - 1], value) <= 0);
}

async function filterTools(page, range) {
  await page.visit('tools', range);
  const names = await page.all('tool-row', (rows) => rows.map(({ dataset }) => dataset.tool));
  await page.tab.keyboard.press('/');
  equal('what has the focus after /', await page.tab.evaluate(() => document.activeElement?.dataset.testid), 'filter');
  await page.tab.keyboard.type(names[0]);
  await page.tab.waitForFunction((text) => new URLSearchParams(location.hash.split('?')[1]).get('filter') === text, names[0]);
  const left = await page.all('tool-row', (rows) => rows.map(({ dataset }) => dataset.tool));
  check(left.includes(names[0]) && left.length <= names.length, `the filter ${names[0]} leaves ${left.join(', ')}`);
  await page.tab.keyboard.press('Escape');
  await page.tab.waitForFunction((count) => document.querySelectorAll('[data-testid=tool-row]').length === count, names.length);
}

async function followTool(page, range) {
  await page.visit('tools', range, { sort: '-failures' });
  const row = page.one('tool-row').first();
  const tool = await row.getAttribute('data-tool');
  await row.locator('[data-column=calls]').click();
  await page.ready('calls');
  equal('chip', await page.value('chip'), tool);
  const targets = await page.all('call-row', (rows) => rows.map(({ dataset }) => dataset.target));
  check(targets.every((target) => target === tool), `calls of other tools are listed: ${targets.join(', ')}`);
  await page.tab.goBack();
  await page.ready('tools');
}

async function openClientCell(page, range) {
  await page.visit('clients', range);
  const cell = page.tab.locator('[data-testid=client-cell]:has(button)').first();
  if ((await cell.count()) === 0) return;
  const failures = Number(await cell.getAttribute('data-failures'));
  await cell.locator('button').press('Enter');
  const tools = await page.all('client-tool', (items) => items.map(({ dataset }) => Number(dataset.failures)));
  const sum = tools.reduce((total, count) => total + count, 0);
  check(tools.length > 0, 'no failing tool is named');
  check(sum <= failures, `the tools named have ${sum} failures, the cell has ${failures}`);
}

async function openCall(page, range, opened, screenshots) {
  await page.visit('calls', range, { fault: 'all', ...(opened && { target: opened.tool }) });
  const row = page.one('call-row').first();
  const trace = await row.getAttribute('data-trace');
  await row.locator('button').press('Enter');
  equal('trace id in the opened call', await page.tab.locator('[data-testid=call-field][data-field=trace_id]').getAttribute('data-value'), trace);
  if (!opened) return;
  const said = (part) => page.tab.locator(`[data-testid=call-${part}][data-known=true]`).textContent();
  equal('arguments of the opened call', await said('arguments'), opened.arguments);
  const result = await said('result');
  check(result.includes(opened.result), `the result of the opened call is ${result}`);
  for (const { name, width, height } of VARIANTS) {
    await page.tab.setViewportSize({ width, height });
    await page.tab.emulateMedia({ colorScheme: name.split('-')[0] });
    await checkLook(page, join(screenshots, `opened-${name}.png`));
  }
  await page.tab.setViewportSize(VARIANTS[0]);
  await page.tab.emulateMedia({ colorScheme: VARIANTS[0].colorScheme });
}

async function changeTheme(page, range) {
  await page.visit('overview', range);
  const background = () => page.tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  const toggle = page.one('theme-toggle');
  while ((await toggle.getAttribute('aria-label')) !== 'Theme: dark') await toggle.click();
  const dark = await background();
  check(dark !== before, `the dark theme has the background ${dark} of the light one`);
  await page.tab.reload();
  await page.ready('overview');
  equal('background after a reload', await background(), dark);
}
