import type { DataSourceRef } from '@grafana/schema';

/** The data source that the reader of a board picks; never a fixed one. */
export const datasource: DataSourceRef = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' };

/** A panel's query as the ClickHouse plugin's editor saves it; its backend obeys `format`. */
export type ClickHouseQuery = {
  refId: string;
  datasource: DataSourceRef;
  editorType: 'sql';
  queryType: 'timeseries' | 'table';
  format: 0 | 1;
  pluginVersion: '4.20.0';
  rawSql: string;
};

/** A query whose first column is the time, in ascending order; string columns become labels. */
export function seriesQuery(rawSql: string): ClickHouseQuery {
  return {
    refId: 'A',
    datasource,
    editorType: 'sql',
    queryType: 'timeseries',
    format: 0,
    pluginVersion: '4.20.0',
    rawSql,
  };
}

/** A query whose rows are shown as they are. */
export function tableQuery(rawSql: string): ClickHouseQuery {
  return { ...seriesQuery(rawSql), queryType: 'table', format: 1 };
}

/** SQL with the indentation of the source removed; inserted text keeps its own line breaks, indented like its place. */
export function sql(parts: TemplateStringsArray, ...values: string[]): string {
  const joined = parts.reduce((text, part, index) => {
    const indent = /(?:^|\n)( *)[^\n]*$/.exec(text)?.[1] ?? '';
    return text + (values[index - 1] ?? '').replaceAll('\n', `\n${indent}`) + part;
  });
  const lines = joined.split('\n').filter((line) => line.trim() !== '');
  const indent = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join('\n');
}
