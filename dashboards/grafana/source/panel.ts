import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  FieldColorModeId,
  GraphDrawStyle,
  LegendDisplayMode,
  PercentChangeColorMode,
  SortOrder,
  StackingMode,
  TableCellDisplayMode,
  TableCellHeight,
  ThresholdsMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
  type FieldConfig,
  type FieldConfigSource,
  type GraphFieldConfig,
  type Panel,
  type TableFieldOptions,
  type TableOptions,
  type Threshold,
} from '@grafana/schema';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as TimeSeriesOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import { datasource, seriesQuery, tableQuery } from './query.js';

/** What every panel says; `description` is one sentence on what the number is and what it leaves out. */
export interface Text {
  title: string;
  description: string;
}

/** The look of one column or series, by its exact name in the SQL. */
export type Override = FieldConfigSource['overrides'][number];

type Property = keyof FieldConfig | `custom.${keyof TableFieldOptions | keyof GraphFieldConfig}`;
type Properties = Partial<Record<Property, unknown>>;

/** Colours that mean the same on every board. */
export const colour = {
  ok: 'green',
  warning: 'orange',
  failure: 'red',
  caller: 'yellow',
  signIn: 'purple',
  gone: 'gray',
  neutral: 'text',
  p50: 'green',
  p95: 'yellow',
  p99: 'orange',
};

/** Green below 1 %, red from 5 %. */
export const failureRateSteps: Threshold[] = [
  { color: colour.ok, value: null },
  { color: colour.warning, value: 0.01 },
  { color: colour.failure, value: 0.05 },
];

/** One number over the whole range. */
export function stat(
  text: Text & { unit: string; noValue: string; decimals?: number; steps?: Threshold[]; sql: string },
): Panel {
  return {
    type: 'stat',
    title: text.title,
    description: text.description,
    datasource,
    targets: [tableQuery(text.sql)],
    fieldConfig: {
      defaults: {
        unit: text.unit,
        noValue: text.noValue,
        ...(text.decimals === undefined ? {} : { decimals: text.decimals }),
        color: text.steps
          ? { mode: FieldColorModeId.Thresholds }
          : { mode: FieldColorModeId.Fixed, fixedColor: colour.neutral },
        ...(text.steps ? { thresholds: { mode: ThresholdsMode.Absolute, steps: text.steps } } : {}),
      },
      overrides: [],
    },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      orientation: VizOrientation.Auto,
      textMode: BigValueTextMode.Value,
      colorMode: BigValueColorMode.Value,
      graphMode: BigValueGraphMode.None,
      justifyMode: BigValueJustifyMode.Auto,
      showPercentChange: false,
      percentChangeColorMode: PercentChangeColorMode.Standard,
      wideLayout: true,
    } satisfies StatOptions,
  };
}

/** Lines or bars over time; points are at least a minute apart, since a minute is what the rollup keeps. */
export function timeSeries(
  text: Text & {
    unit: string;
    sql: string;
    max?: number;
    displayName?: string;
    custom?: Partial<GraphFieldConfig>;
    overrides: Override[];
  },
): Panel {
  const defaults: FieldConfig = {
    unit: text.unit,
    noValue: 'no calls',
    min: 0,
    ...(text.max === undefined ? {} : { max: text.max }),
    ...(text.displayName === undefined ? {} : { displayName: text.displayName }),
    color: { mode: FieldColorModeId.PaletteClassicByName },
    custom: {
      drawStyle: GraphDrawStyle.Line,
      lineWidth: 1,
      fillOpacity: 0,
      showPoints: VisibilityMode.Auto,
      spanNulls: false,
      stacking: { mode: StackingMode.None },
      ...text.custom,
    } satisfies GraphFieldConfig,
  };
  return {
    type: 'timeseries',
    title: text.title,
    description: text.description,
    datasource,
    interval: '1m',
    targets: [seriesQuery(text.sql)],
    fieldConfig: { defaults, overrides: text.overrides },
    options: {
      legend: { showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [] },
      tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
    } satisfies TimeSeriesOptions,
  };
}

/** Rows as they come; `overrides` give each column its unit, cells without one are text or counts. */
export function table(
  text: Text & { noValue: string; sql: string; overrides: Override[] },
): Panel {
  return {
    type: 'table',
    title: text.title,
    description: text.description,
    datasource,
    targets: [tableQuery(text.sql)],
    fieldConfig: {
      defaults: {
        unit: 'short',
        noValue: text.noValue,
        color: { mode: FieldColorModeId.Fixed, fixedColor: colour.neutral },
        custom: {
          align: 'auto',
          cellOptions: { type: TableCellDisplayMode.Auto },
          inspect: false,
          filterable: true,
        } satisfies TableFieldOptions,
      },
      overrides: text.overrides,
    },
    options: { showHeader: true, cellHeight: TableCellHeight.Sm, frameIndex: 0, sortBy: [] } satisfies TableOptions,
  };
}

/** Sets properties of one column or series. */
export function field(name: string, properties: Properties): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  };
}

/** Gives a series one of the meanings of `colour`. */
export function coloured(name: string, fixedColor: string, properties: Properties = {}): Override {
  return field(name, { color: { mode: FieldColorModeId.Fixed, fixedColor }, ...properties });
}

/** A column with a share of 0 to 1, coloured by how bad it is. */
export function rateColumn(name: string, steps?: Threshold[]): Override {
  return field(name, {
    unit: 'percentunit',
    decimals: 1,
    ...(steps && {
      color: { mode: FieldColorModeId.Thresholds },
      thresholds: { mode: ThresholdsMode.Absolute, steps },
      'custom.cellOptions': { type: TableCellDisplayMode.ColorText },
    }),
  });
}
