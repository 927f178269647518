// What numbers do not tell: accessibility, room on the screen, and a picture for people.
import { AxeBuilder } from '@axe-core/playwright';
import { check } from './findings.mjs';

const SEVERE = ['serious', 'critical'];
/** Rows that are built like those above them; checking each would take minutes. */
const LIKE_OTHERS = 'tbody tr:nth-child(n+12)';

export async function checkLook(page, picture) {
  const { tab } = page;
  await tab.evaluate(() => scrollTo(0, 0));
  const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(overflow <= 0, `the page is ${overflow} px wider than the window`);
  const { violations } = await new AxeBuilder({ page: tab }).exclude(LIKE_OTHERS).analyze();
  const severe = violations.filter(({ impact }) => SEVERE.includes(impact));
  check(severe.length === 0, `accessibility: ${severe.map(describe).join('; ')}`);
  await tab.screenshot({ path: picture, fullPage: true });
}

function describe({ id, impact, help, nodes }) {
  return `${impact} ${id}, ${help}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`;
}
