import { signal } from '@preact/signals';
import { RequestError, signIn } from '../api';
import { refresh } from '../state';
import { sentence } from '../words';

/** What the last attempt was answered with. */
const refused = signal('');

/** Stands in place of the page where the collector asks for a token. */
export function SignIn() {
  return (
    <form class="sign-in" data-testid="sign-in" onSubmit={submit}>
      <h2>This collector asks for a token</h2>
      <p>
        Its operator makes one with <code>toolsight-collector token new --role read --tenant NAME</code>.
      </p>
      <label>
        Token
        <input ref={takeFocus} name="token" type="password" autocomplete="current-password" required data-testid="sign-in-token" />
      </label>
      <button class="button" type="submit">Sign in</button>
      <p role="alert" data-testid="sign-in-refused">
        {refused.value}
      </p>
    </form>
  );
}

/** There is nothing else to do on this page. */
function takeFocus(input: HTMLInputElement | null): void {
  input?.focus();
}

async function submit(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const token = new FormData(form).get('token');
  try {
    await signIn(String(token).trim());
    refused.value = '';
    form.reset();
    refresh();
  } catch (cause) {
    refused.value = cause instanceof RequestError ? sentence(cause.message) : String(cause);
  }
}
