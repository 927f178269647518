import { useComputed } from '@preact/signals';
import { formatAgo, formatDateTime } from '../format';
import { now } from '../state';
import { visibleText } from '../visibleText';

/** A name that came from outside: any length, script and direction. Cut by style, whole in the tooltip. */
export function Name({ text, missing = 'not sent' }: { text: string; missing?: string }) {
  if (!text) return <span class="missing">{missing}</span>;
  const shown = visibleText(text);
  return (
    <bdi class="name" title={shown}>
      {shown}
    </bdi>
  );
}

/** How long ago a Unix time was, kept up to date. */
export function Ago({ time }: { time: number | null }) {
  return (
    <span class="ago" title={formatDateTime(time)}>
      <AgoText key={time} time={time} />
    </span>
  );
}

/** Only the text moves with the clock; the row around it stays. */
function AgoText({ time }: { time: number | null }) {
  return <>{useComputed(() => formatAgo(now.value, time))}</>;
}
