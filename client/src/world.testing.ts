// SPDX-License-Identifier: MIT
//
// world.testing.ts - a browser and a server made of nothing, with a clock that the test moves.
//
// The page is what the core asks of a page: events, `document.hidden`, localStorage. The server
// keeps every connection that was ever opened; what a test says on one is heard at once.

import type { ClientMessage, ServerMessage } from './protocol.js';

/** Timers and the time of day, which stand still unless the test moves them. */
class Clock {
  now = 1_000_000;
  private last = 0;
  private readonly timers = new Map<number, { at: number; run: () => void }>();

  install(): void {
    Object.assign(globalThis, {
      setTimeout: (f: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        this.timers.set(++this.last, { at: this.now + Number(ms), run: () => f(...args) });
        return this.last;
      },
      clearTimeout: (id: number) => void this.timers.delete(id),
    });
    Date.now = () => this.now;
  }

  get waiting(): number {
    return this.timers.size;
  }

  /** When the next timer is due. */
  get next(): number {
    return Math.min(...[...this.timers.values()].map(({ at }) => at));
  }

  tick(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end);
      const next = due.sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (!next) break;
      this.timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      next[1].run();
    }
    this.now = end;
  }
}

export let clock = new Clock();

export class FakeSocket {
  static all: FakeSocket[] = [];

  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  readonly sent: ClientMessage[] = [];
  readyState = 0;
  closedWith: number | undefined;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol?: string,
  ) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('not open');
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(code: number): void {
    this.closedWith ??= code;
    this.readyState = 2; // nothing is heard any more, and no close event comes for now
  }

  get alive(): boolean {
    return this.readyState < 2;
  }

  /* What the server does. */

  open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
  }

  say(...messages: ServerMessage[]): void {
    for (const message of messages)
      if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
  }

  welcome(): void {
    this.open();
    this.say(['welcome', { key: '~me', idle_ms: 60_000 }]);
  }

  end(code = 1006, reason = ''): void {
    if (!this.alive) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** The last message of a kind that came. */
  heard<N extends ClientMessage[0]>(name: N): Extract<ClientMessage, readonly [N, ...unknown[]]> {
    const found = this.sent.filter((message) => message[0] === name).at(-1);
    if (!found) throw new Error(`no ${name} in ${JSON.stringify(this.sent)}`);
    return found as Extract<ClientMessage, readonly [N, ...unknown[]]>;
  }

  count(name: ClientMessage[0]): number {
    return this.sent.filter((message) => message[0] === name).length;
  }

  /** Answers the last join or watch. */
  admit(number: number, viewers: number, people = viewers): void {
    const asked = this.sent.filter(([name]) => name === 'join' || name === 'watch').at(-1)!;
    const ref = asked[1] as number;
    if (asked[0] === 'join') this.say(['joined', ref, number, viewers, people, 'me']);
    else this.say(['watching', ref, number, viewers, people]);
  }
}

export class FakePage {
  private readonly target = new EventTarget();
  listeners = 0;
  hidden = false;

  constructor() {
    Object.assign(globalThis, {
      document: this,
      localStorage: {},
      addEventListener: (type: string, f: EventListener, capture: boolean) => {
        this.listeners++;
        this.target.addEventListener(type, f, capture);
      },
      removeEventListener: (type: string, f: EventListener, capture: boolean) => {
        this.listeners--;
        this.target.removeEventListener(type, f, { capture }); // Node wants an object here
      },
    });
  }

  fire(type: string): void {
    this.target.dispatchEvent(new Event(type));
  }

  hide(hidden: boolean): void {
    this.hidden = hidden;
    this.fire('visibilitychange');
  }
}

/** A new world; the last one is forgotten. */
export function newWorld(): FakePage {
  clock = new Clock();
  clock.install();
  FakeSocket.all = [];
  Object.assign(globalThis, { WebSocket: FakeSocket });
  return new FakePage();
}

/** Lets `ms` pass, and what was promised happen. */
export async function pass(ms = 0): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
  clock.tick(ms);
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** A source of numbers in [0, 1) that begins with `seed`. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
