import { signal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { chartOptions, type Line } from '../chartOptions';
import { formatTime } from '../format';
import { dark } from '../theme';

/** The step under the pointer, shared by all charts. */
const hovered = signal<number | null>(null);

interface ChartProps {
  id: string;
  title: string;
  time: number[];
  lines: Line[];
  range: { from: number; to: number };
  format: (value: number) => string;
  onSelect: (from: number, to: number) => void;
}

/** Lines over time. Gaps stand where there were no calls; dragging chooses a span of time. */
export function Chart({ id, title, time, lines, range, format, onSelect }: ChartProps) {
  const area = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ range, onSelect });
  latest.current = { range, onSelect };
  const data = [time, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;

  // Colours are drawn into the canvas, so another theme needs another plot.
  useSignalEffect(() => {
    void dark.value;
    const parent = area.current;
    if (!parent) return;
    const options = chartOptions({
      lines,
      format,
      width: parent.clientWidth,
      range: () => latest.current.range,
      onHover: (index) => (hovered.value = index),
      onSelect: (from, to) => latest.current.onSelect(from, to),
    });
    const drawn = new uPlot(options, newest.current, parent);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: parent.clientWidth, height: options.height }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      drawn.destroy();
    };
  });

  useEffect(() => plot.current?.setData(data), [time, range.from, range.to]);

  return (
    <figure class="panel chart" data-testid={`chart-${id}`} data-points={time.length}>
      <figcaption class="panel-head">
        <h2>{title}</h2>
        <HoveredTime time={time} />
      </figcaption>
      <Legend lines={lines} format={format} />
      <div class="chart-area" ref={area} role="img" aria-label={`${title}. ${describe(lines, format)}`} />
    </figure>
  );
}

function HoveredTime({ time }: { time: number[] }) {
  const moment = hovered.value === null ? undefined : time[hovered.value];
  return <span class="chart-time">{moment === undefined ? '' : formatTime(moment)}</span>;
}

/** Values under the pointer, or else the newest ones. */
function Legend({ lines, format }: Pick<ChartProps, 'lines' | 'format'>) {
  return (
    <ul class="legend">
      {lines.map((line) => {
        const value = hovered.value === null ? newestValue(line) : (line.values[hovered.value] ?? null);
        return (
          <li key={line.id} data-testid={`legend-${line.id}`} data-value={value ?? ''}>
            <span class={`swatch swatch-${line.id}`} />
            {line.title} <b>{value === null ? '–' : format(value)}</b>
          </li>
        );
      })}
    </ul>
  );
}

function newestValue({ values }: Line): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

function describe(lines: Line[], format: (value: number) => string): string {
  return lines
    .map((line) => {
      const value = newestValue(line);
      return `${line.title}: ${value === null ? 'no value' : format(value)}`;
    })
    .join(', ');
}
