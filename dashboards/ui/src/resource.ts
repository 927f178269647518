/** One endpoint's answer, kept until a newer one arrives. */
import { batch, signal } from '@preact/signals';
import { get, RequestError } from './api';

/**
 * At most one request is in flight. The same question again waits for the answer under way; another question takes
 * its place. When a request fails the old answer stays if it answers the same question, and is dropped if not.
 */
export class Resource<T> {
  /** The newest answer. */
  readonly data = signal<T | null>(null);
  /** Path that `data` answers. */
  readonly source = signal<string | null>(null);
  /** Path of the request in flight. */
  readonly pending = signal<string | null>(null);
  /** Why the last request failed; null once one succeeds. */
  readonly error = signal<RequestError | null>(null);
  /** When `data` arrived, in Unix seconds. */
  readonly updated = signal<number | null>(null);
  #controller: AbortController | null = null;

  async load(path: string): Promise<void> {
    if (this.pending.peek() === path) return;
    await this.request(path, path, (answer) => (this.source.peek() === path ? this.refresh(this.data.peek(), answer) : answer));
  }

  /** What stands after the same question got a newer answer. */
  protected refresh(_old: T | null, answer: T): T {
    return answer;
  }

  /** Asks `path` and keeps what `accept` makes of the answer as the answer to `source`. */
  protected async request(path: string, source: string, accept: (answer: T) => T): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.pending.value = path;
    try {
      const answer = await get<T>(path, controller.signal);
      if (this.#controller === controller) this.#settle(null, source, accept(answer));
    } catch (cause) {
      if (this.#controller !== controller) return;
      const error = cause instanceof RequestError ? cause : new RequestError('page', String(cause));
      this.#settle(error, source, null);
    }
  }

  #settle(error: RequestError | null, source: string, data: T | null): void {
    batch(() => {
      this.#controller = null;
      this.pending.value = null;
      this.error.value = error;
      if (error && this.source.peek() === source) return;
      this.source.value = error ? null : source;
      this.data.value = data;
      this.updated.value = error ? null : Date.now() / 1000;
    });
  }
}
