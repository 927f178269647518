import { readFileSync, writeFileSync } from 'node:fs';
import { overview } from './overview/board.js';
import { toolHealth } from './tool_health.js';

const grafana = new URL('../../', import.meta.url);
const health = toolHealth(new URL('../../collector/queries/tool_health.sql', grafana));

const boards = [overview(health)];

const checkOnly = process.argv.includes('--check');
for (const board of boards) {
  const file = new URL(`dashboards/${board.uid}.json`, grafana);
  const text = `${JSON.stringify(board, null, 2)}\n`;
  if (!checkOnly) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file.pathname} is not what the source builds: run "npm run build"`);
    process.exitCode = 1;
  }
}
