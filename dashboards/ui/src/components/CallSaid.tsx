import { useEffect } from 'preact/hooks';
import type { Call } from '../api';
import { sentence } from '../words';
import { indentJson } from '../json';
import { wholeCall } from '../state';

/** What a call said and was told, where that is captured; asked for once the call is opened, since it may be long. */
export function CallSaid({ call }: { call: Call }) {
  const path = `calls/${call.trace_id}/${call.span_id}?time=${call.time}`;
  useEffect(() => void wholeCall.load(path), [path]);
  const whole = wholeCall.source.value === path ? wholeCall.data.value : null;
  const trouble = wholeCall.error.value && !wholeCall.pending.value ? sentence(wholeCall.error.value.message) : null;
  const missing = trouble ?? 'Loading …';
  return (
    <div class="call-said">
      <Captured title="Arguments" testid="call-arguments" text={whole?.arguments} missing={missing} />
      <Captured title="Result" testid="call-result" text={whole?.result} missing={missing} />
    </div>
  );
}

function Captured({ title, testid, text, missing }: { title: string; testid: string; text: string | undefined; missing: string }) {
  return (
    <section>
      <h3>{title}</h3>
      {text ? (
        <pre data-testid={testid} data-known="true" role="region" aria-label={title} tabIndex={0}>
          {indentJson(text)}
        </pre>
      ) : (
        <p class="quiet" data-testid={testid} data-known={text === ''}>
          {text === '' ? 'Not captured.' : missing}
        </p>
      )}
    </section>
  );
}
