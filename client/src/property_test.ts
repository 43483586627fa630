// SPDX-License-Identifier: MIT
//
// property_test.ts - whatever happens in whatever order, the rules of the number hold.
//
// A model beside the client knows only the rules: what the server said last, since when that is
// old, and whether the page is in use. After every step the client must agree with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from './client.js';
import type { Snapshot } from './types.js';
import { clock, FakeSocket, newWorld, pass, random } from './world.testing.js';

const MAX_STALE = 300_000;
const TOPICS = ['a', 'b', 'c'];

/** What the rules say of one topic. */
class Model {
  count: number | null = null;
  fresh = false;
  oldSince: number | null = null; // since when it is old while the page is in use

  told(count: number): void {
    this.count = count;
    this.fresh = true;
    this.oldSince = null;
  }

  /** Looks at the connection as it is now. */
  look(connected: boolean, idle: boolean, now: number): void {
    if (!connected) this.fresh = false;
    if (this.fresh || idle) this.oldSince = null;
    else this.oldSince ??= now;
    if (this.oldSince !== null && now - this.oldSince >= MAX_STALE) this.count = null;
  }
}

class World {
  readonly page = newWorld();
  readonly client = createClient({ url: 'ws://server/', maxStale: MAX_STALE });
  readonly models = new Map(TOPICS.map((topic) => [topic, new Model()]));
  readonly last = new Map<string, Snapshot>();
  readonly log: string[] = [];

  constructor(readonly next: () => number) {
    Math.random = next;
    for (const topic of TOPICS) {
      this.client.subscribe(topic, (snapshot) => this.last.set(topic, snapshot));
      this.last.set(topic, this.client.get(topic));
    }
  }

  pick(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** The joins of the open connection that are not answered: [ref, topic]. */
  waiting(): [number, string][] {
    const answered = this.answered.get(FakeSocket.last) ?? new Set();
    return FakeSocket.last.sent
      .filter((m) => m[0] === 'join' && !answered.has(m[1]))
      .map((m) => [m[1] as number, m[2] as string]);
  }

  private readonly answered = new Map<FakeSocket, Set<unknown>>();

  admit(): void {
    const socket = FakeSocket.all.at(-1);
    if (!socket) return;
    const [first] = this.waiting();
    if (!first || socket.readyState !== 1) return;
    const [ref, topic] = first;
    const n = this.number(topic);
    this.answered.set(socket, (this.answered.get(socket) ?? new Set()).add(ref));
    this.models.get(topic)!.told(n);
    socket.say(['joined', ref, TOPICS.indexOf(topic), n, n, 'me']);
  }

  /** Numbers of a topic are its own, so that one of another would be seen. */
  number(topic: string): number {
    return (TOPICS.indexOf(topic) + 1) * 1000 + this.pick(1000);
  }

  count(): void {
    const topic = TOPICS[this.pick(TOPICS.length)]!;
    const model = this.models.get(topic)!;
    const socket = FakeSocket.all.at(-1);
    if (!model.fresh || socket?.readyState !== 1) return;
    const n = this.number(topic);
    model.told(n);
    socket.say(['count', TOPICS.indexOf(topic), n, n]);
  }

  readonly steps: Record<string, () => void | Promise<void>> = {
    open: () => FakeSocket.all.at(-1)?.open(),
    welcome: () => {
      const socket = FakeSocket.all.at(-1);
      if (socket?.readyState === 1 && socket.count('join') === 0) socket.welcome();
    },
    admit: () => this.admit(),
    'admit again': () => this.admit(),
    count: () => this.count(),
    'count again': () => this.count(),
    ping: () => FakeSocket.all.at(-1)?.say(['ping']),
    end: () => FakeSocket.all.at(-1)?.end(),
    bye: () => {
      FakeSocket.all.at(-1)?.say(['bye', 'stopping', this.pick(3000), 'stopping']);
      FakeSocket.all.at(-1)?.end(1001);
    },
    hide: () => this.page.hide(true),
    show: () => this.page.hide(false),
    freeze: () => this.page.fire('freeze'),
    resume: () => this.page.fire('resume'),
    pagehide: () => this.page.fire('pagehide'),
    pageshow: () => this.page.fire('pageshow'),
    offline: () => this.page.fire('offline'),
    online: () => this.page.fire('online'),
    'a moment': () => pass(this.pick(300)),
    seconds: () => this.wait(this.pick(20_000)),
    minutes: () => this.wait(this.pick(200_000)),
  };

  /** From timer to timer, so that the model sees each change of the connection when it happens. */
  async wait(ms: number): Promise<void> {
    for (const end = clock.now + ms; clock.now < end; ) {
      await pass(Math.max(0, Math.min(clock.next, end) - clock.now));
      this.look();
    }
  }

  look(): void {
    const { status } = this.client;
    for (const model of this.models.values())
      model.look(status === 'connected', status === 'idle', clock.now);
  }

  check(): void {
    this.look();
    const where = this.log.slice(-12).join(', ');
    for (const [topic, model] of this.models) {
      const now = this.client.get(topic);
      assert.equal(now.count, model.count, `the number of ${topic} after ${where}`);
      assert.equal(now.stale, !model.fresh, `whether ${topic} is old after ${where}`);
      assert.equal(this.last.get(topic), now, `${topic}: all is told after ${where}`);
      assert.ok(now.status !== 'connected' || !now.stale, where);
    }
    const alive = FakeSocket.all.filter((socket) => socket.alive);
    assert.ok(alive.length <= 1, `one connection after ${where}`);
    assert.ok(this.client.status !== 'idle' || alive.length === 0, `idle is closed after ${where}`);
    for (const socket of alive)
      assert.ok(socket.count('join') <= TOPICS.length, `joined once after ${where}`);
  }
}

test('any interleaving of server, network and page keeps the rules of the number', async () => {
  let restarts = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const world = new World(random(seed));
    const names = Object.keys(world.steps);
    await pass();
    for (let i = 0; i < 150; i++) {
      const name = names[world.pick(names.length)]!;
      world.log.push(name);
      await world.steps[name]!();
      await pass();
      world.check();
    }
    restarts += FakeSocket.all.length;
    world.client.close();
    await pass(2000);
    assert.equal(FakeSocket.all.filter((socket) => socket.alive).length, 0, `seed ${seed}`);
    assert.equal(world.page.listeners, 0);
  }
  assert.ok(restarts > 1000, 'something happened');
});
