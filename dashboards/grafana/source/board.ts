import {
  DashboardCursorSync,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
  type VariableModel,
} from '@grafana/schema';
import { datasource } from './query.js';

/** Panels side by side with their widths, which add up to 24 at most. */
export interface Row {
  height: number;
  panels: [width: number, panel: Panel][];
}

/** Picks the ClickHouse to read from, so that a board fits any Grafana. */
export const datasourceVariable: VariableModel = {
  name: 'datasource',
  label: 'Data source',
  description: 'The ClickHouse that the collector writes to.',
  type: 'datasource',
  query: 'grafana-clickhouse-datasource',
  refresh: VariableRefresh.onDashboardLoad,
};

/** Several of the values that the SQL finds in the range, or all of them. */
export function choice(name: string, label: string, description: string, rawSql: string): VariableModel {
  return {
    name,
    label,
    description,
    type: 'query',
    datasource,
    query: { refId: name, queryType: 'sql', rawSql } as Record<string, unknown>,
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.disabled,
    multi: true,
    includeAll: true,
    current: { text: ['All'], value: ['$__all'] },
  };
}

/** Puts the panels on the 24-column grid from top to bottom and numbers them in reading order. */
export function board(
  about: { uid: string; title: string; description: string; variables: VariableModel[]; rows: Row[] },
): Dashboard {
  const panels: Panel[] = [];
  let y = 0;
  for (const row of about.rows) {
    let x = 0;
    for (const [width, panel] of row.panels) {
      panels.push({ id: panels.length + 1, gridPos: { x, y, w: width, h: row.height }, ...panel });
      x += width;
    }
    y += row.height;
  }
  return {
    uid: about.uid,
    title: about.title,
    description: about.description,
    tags: ['toolsight', 'mcp'],
    schemaVersion: 42,
    editable: true,
    graphTooltip: DashboardCursorSync.Crosshair,
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    refresh: '30s',
    templating: { list: about.variables },
    annotations: { list: [] },
    panels,
  };
}
