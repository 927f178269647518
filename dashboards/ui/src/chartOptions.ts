/** How the charts are drawn. */
import type uPlot from 'uplot';
import { formatTick } from './format';

/** One line; its colour is the custom property `--series-<id>`. */
export interface Line {
  id: string;
  title: string;
  values: (number | null)[];
  /** Fills the area below. */
  filled?: boolean;
  dashed?: boolean;
}

interface Settings {
  lines: Line[];
  width: number;
  format: (value: number) => string;
  range: () => { from: number; to: number };
  onHover: (index: number | null) => void;
  onSelect: (from: number, to: number) => void;
}

const HEIGHT = 168;
/** Pixels of a drag below which it was a click. */
const LEAST_DRAG = 8;

export function chartOptions({ lines, width, format, range, onHover, onSelect }: Settings): uPlot.Options {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = {
    font,
    stroke: resolveColour('var(--text-muted)'),
    grid: { stroke: resolveColour('var(--grid)'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    padding: [10, 10, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      // Only the pointer's place is shared: a drag belongs to the chart it began in.
      sync: { key: 'time', setSeries: false, scales: ['x', null], filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
    },
    scales: {
      x: { range: () => [range().from, range().to] },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      { ...axis, space: 64, size: 26, values: (_plot, ticks, _axis, _space, increment) => ticks.map((tick) => formatTick(tick, increment)) },
      { ...axis, space: 30, size: 56, gap: 6, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [{}, ...lines.map(series)],
    hooks: {
      setCursor: [(plot) => onHover(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width: dragged } = plot.select;
          if (dragged < LEAST_DRAG) return;
          onSelect(plot.posToVal(left, 'x'), plot.posToVal(left + dragged, 'x'));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function series({ id, filled, dashed }: Line): uPlot.Series {
  const stroke = resolveColour(`var(--series-${id})`);
  return {
    stroke,
    width: 1.5,
    ...(filled && { fill: resolveColour(`color-mix(in srgb, var(--series-${id}) 14%, transparent)`) }),
    ...(dashed && { dash: [4, 3] }),
    points: { show: true, size: 4, fill: stroke, filter: lonePoints },
  };
}

/** A value between two gaps draws no line, so it is drawn as a point. */
function lonePoints(plot: uPlot, seriesIndex: number): number[] {
  const values = plot.data[seriesIndex] ?? [];
  const lone: number[] = [];
  values.forEach((value, index) => {
    if (value != null && values[index - 1] == null && values[index + 1] == null) lone.push(index);
  });
  return lone;
}

/** A canvas does not know custom properties: lets the browser compute the colour. */
function resolveColour(colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
