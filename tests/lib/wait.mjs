// Waiting for what must come, with an end.
import assert from 'node:assert/strict';
import { sleep } from './server.mjs';

const PATIENCE_MS = 10_000;

export { sleep };

/** The promise's value, or a failure that says what was awaited. */
export async function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks `look` again and again until it gives `wanted`. */
export async function becomes(look, wanted, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (let pause = 5; ; pause = Math.min(pause * 1.3, 50)) {
    const seen = await look();
    try {
      assert.deepEqual(seen, wanted);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await sleep(pause);
  }
}

/** Messages in the order in which they came, each to be taken once. */
export class Inbox {
  #messages = [];
  #wake = null;
  #ended = null;

  put(message) {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** Nothing more will come, because of `why`. */
  end(why) {
    this.#ended ??= why;
    this.#wake?.();
  }

  /** What has come and was not taken. */
  get waiting() {
    return this.#messages;
  }

  /** The next message, whatever it is. */
  async next(ms = PATIENCE_MS) {
    const end = Date.now() + ms;
    while (this.#messages.length === 0) {
      if (this.#ended) throw new Error(`a message was expected, but the end came: ${this.#ended}`);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no message within ${ms} ms`);
      await new Promise(resolve => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
    return this.#messages.shift();
  }

  /** Takes messages until one fits, and gives that one. */
  async find(fits, ms = PATIENCE_MS) {
    const passed = [];
    const end = Date.now() + ms;
    for (;;) {
      const message = await this.next(Math.max(1, end - Date.now())).catch(error => {
        throw new Error(`${error.message}; passed over: ${JSON.stringify(passed.slice(-10))}`);
      });
      if (fits(message)) return message;
      passed.push(message);
    }
  }
}
