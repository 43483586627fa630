// SPDX-License-Identifier: MIT
//
// churn.mjs - random joins, leaves, refreshes, aborts and half-open clients of every dialect, held against an oracle:
// the clients themselves know who is where. The order of what is done comes from a printed seed; the moments do not.
import assert from 'node:assert/strict';
import { Raw, handshake } from './raw.mjs';
import { NativeViewer, PhoenixViewer, RoomsViewer } from './viewer.mjs';
import { becomes, sleep } from './wait.mjs';
import { keyOfVisitor } from './visitor.mjs';

const TOPICS = 50,
  VISITORS = 120,
  VIEWERS_MAX = 300,
  PACE = 40;

/** A small generator of random numbers (mulberry32): random(n) is a whole number below n. */
function generator(seed) {
  return max => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % max;
  };
}

export class Churn {
  viewers = new Set(); // live ones
  lingering = new Set(); // sockets of those that are gone in spirit only
  unexpected = [];
  done = 0;

  constructor(server, seed) {
    this.server = server;
    this.random = generator(seed);
    this.beats = setInterval(() => {
      for (const viewer of this.viewers) viewer.beat?.();
    }, 500);
    server.clients.add(this);
  }

  /** One thing that happens. */
  step() {
    const dice = this.random(100);
    this.done++;
    if (this.viewers.size === 0 || (dice < 34 && this.viewers.size < VIEWERS_MAX))
      this.#arrive(this.#name());
    else if (dice < 52) this.#move(this.#any());
    else if (dice < 60) this.#any().close(1000);
    else if (dice < 66) this.#any().close([1001, 4001][this.random(2)]);
    else if (dice < 74) this.#refresh(this.#any());
    else if (dice < 80) this.#any().reset();
    else if (dice < 84) this.#any().finish();
    else if (dice < 86) this.#goDeaf(this.#any());
    else if (dice < 90) this.#abortEarly();
    else if (dice < 92) this.#halfRequest();
    else if (dice < 96) this.#ask();
    else this.#updateSome(this.#any());
    for (const viewer of this.viewers) if (!viewer.live) this.viewers.delete(viewer);
  }

  async run(steps) {
    for (let i = 0; i < steps; i++) {
      this.step();
      if (i % PACE === PACE - 1) await this.#breathe();
    }
  }

  /** Not more at once than the server's backlog and node's patience hold. */
  async #breathe() {
    await sleep(1);
    while ([...this.viewers].filter(viewer => viewer.busy).length > 100) await sleep(1);
  }

  #any() {
    const all = [...this.viewers];
    return all[this.random(all.length)];
  }

  #topic() {
    return `post:${this.random(TOPICS)}`;
  }

  #name() {
    return this.random(3) ? `v${this.random(VISITORS)}` : null;
  }

  #arrive(who, kind = this.random(3)) {
    const onEnd = (viewer, unexpected) => {
      this.viewers.delete(viewer);
      this.lingering.delete(viewer);
      if (unexpected)
        this.unexpected.push([
          viewer.constructor.name,
          viewer.closing ?? 'no close',
          viewer.confused,
        ]);
    };
    const viewer =
      kind === 0
        ? new RoomsViewer(this.server, who, onEnd, { post: this.random(TOPICS) })
        : kind === 1
          ? new NativeViewer(this.server, who, onEnd)
          : new PhoenixViewer(this.server, who, onEnd);
    this.viewers.add(viewer);
    if (kind > 0) for (let i = this.random(3); i >= 0; i--) this.#enter(viewer);
    return viewer;
  }

  #enter(viewer) {
    const topic = this.#topic();
    if (viewer.shown.has(topic)) return;
    viewer.enter(topic, { counted: this.random(5) > 0, list: this.random(2) === 0, n: this.done });
  }

  /** Joins one more topic or leaves one, where the dialect has several. */
  #move(viewer) {
    if (!viewer.enter) return this.#arrive(this.#name());
    const topics = [...viewer.shown.keys()];
    if (viewer instanceof PhoenixViewer && this.random(4) === 0) this.#hurry(viewer);
    else if (topics.length < 4 && this.random(2)) this.#enter(viewer);
    else if (topics.length) viewer.leave(topics[this.random(topics.length)]);
  }

  /** In and out and in again, faster than anybody answers. */
  #hurry(viewer) {
    const topic = this.#topic();
    if (viewer.shown.has(topic)) return;
    for (let i = 0; i < 3; i++) {
      viewer.enter(topic, { counted: true, list: i % 2 === 0, n: this.done });
      if (i < 2) viewer.leave(topic);
    }
  }

  #updateSome(viewer) {
    if (viewer.update) for (const topic of viewer.shown.keys()) viewer.update(topic, this.done);
  }

  /** The same visitor again, at once, where it was. */
  #refresh(viewer) {
    if (this.random(2)) viewer.reset();
    else viewer.close(1001);
    const kind = [RoomsViewer, NativeViewer, PhoenixViewer].indexOf(viewer.constructor);
    this.#arrive(viewer.who, kind);
  }

  #goDeaf(viewer) {
    viewer.goDeaf();
    this.lingering.add(viewer);
  }

  /** Gone before anything can be answered. */
  #abortEarly() {
    const viewer = this.#arrive(this.#name());
    this.viewers.delete(viewer);
    viewer.live = false;
    setTimeout(() => viewer.reset(), this.random(6));
  }

  /** A request that never ends. */
  #halfRequest() {
    const raw = new Raw(this.server, {});
    const text = handshake('/ws/posts/1/live');
    raw.write(text.slice(0, this.random(text.length - 4)));
    this.server.clients.delete(raw);
    this.lingering.add(raw);
    raw.closed.then(() => this.lingering.delete(raw));
    if (this.random(2)) setTimeout(() => raw.socket.resetAndDestroy(), this.random(10));
  }

  #ask() {
    this.server.counts(this.#topic()).catch(error => this.unexpected.push(['HTTP', String(error)]));
  }

  /* The oracle. */

  /** Everybody's entries of a topic, as the live viewers know of themselves: [{key, n}]. */
  #truth(topic) {
    const all = [];
    for (const viewer of this.viewers) {
      const shown = viewer.shown.get(topic);
      if (shown?.counted)
        all.push({ key: viewer.who ? keyOfVisitor(viewer.who) : null, n: shown.n });
    }
    return all;
  }

  /** {topic: 'viewers people'}, for all topics. */
  #numbers() {
    const numbers = {};
    for (let i = 0; i < TOPICS; i++) {
      const all = this.#truth(`post:${i}`);
      const people = new Set(all.map(({ key }, index) => key ?? index)).size;
      numbers[`post:${i}`] = `${all.length} ${people}`;
    }
    return numbers;
  }

  async #api() {
    const asked = Array.from({ length: TOPICS }, async (_, i) => {
      const { viewers, people } = await this.server.counts(`post:${i}`);
      return [`post:${i}`, `${viewers} ${people}`];
    });
    return Object.fromEntries(await Promise.all(asked));
  }

  /** What each viewer shows that is not so. */
  #wrong() {
    const numbers = this.#numbers(),
      wrong = [];
    for (const viewer of this.viewers) {
      if (viewer.confused)
        wrong.push(`${viewer.constructor.name} is confused by ${viewer.confused.slice(0, 500)}`);
      for (const shown of viewer.shown.values()) {
        const text = shown.numbers().join(' ');
        if (text !== numbers[shown.topic])
          wrong.push(
            `${viewer.constructor.name} ${shown.list ? 'list' : 'count'} of ${shown.topic}: ${text}, not ${numbers[shown.topic]}`,
          );
        else if (shown.list) this.#compareLists(shown, wrong);
      }
    }
    return wrong.slice(0, 10);
  }

  #compareLists(shown, wrong) {
    const line = ({ key, n }) => `${key === null || key.startsWith('~:') ? 'nobody' : key} ${n}`;
    const is = [...shown.list.values()].map(line).sort().join(),
      should = this.#truth(shown.topic).map(line).sort().join();
    if (is !== should) wrong.push(`list of ${shown.topic}: ${is}, not ${should}`);
  }

  /** What the server says of itself. */
  async #state() {
    const m = await this.server.metrics();
    const names = [
      'sessions',
      'websockets',
      'subscriptions',
      'presences',
      'keys',
      'absent',
      'inquiries',
      'outboxes',
      'letters',
    ];
    return Object.fromEntries(names.map(name => [name, m[name]]));
  }

  #expectedState() {
    const numbers = Object.values(this.#numbers()).map(text => text.split(' ').map(Number));
    const sum = index => numbers.reduce((total, pair) => total + pair[index], 0);
    const sockets = this.viewers.size;
    const subscriptions = [...this.viewers].reduce((total, viewer) => total + viewer.shown.size, 0);
    return {
      sessions: sockets + 1,
      websockets: sockets,
      subscriptions,
      presences: sum(0),
      keys: sum(1),
      absent: 0,
      inquiries: 0,
      outboxes: 0,
      letters: 0,
    };
  }

  /** Nothing happens until every number is right; fails if that takes longer than half-open clients may live. */
  async quiet(ms) {
    const waiting = () => [...this.viewers].filter(viewer => viewer.busy).map(String);
    await becomes(waiting, [], ms).catch(error => this.#report(error));
    await becomes(() => this.#state(), this.#expectedState(), ms).catch(error =>
      this.#report(error),
    );
    await becomes(() => this.#api(), this.#numbers(), ms).catch(error => this.#report(error));
    await becomes(() => this.#wrong(), [], ms).catch(error => this.#report(error));
    assert.deepEqual(this.unexpected, []);
  }

  #report(error) {
    error.message += `\nafter ${this.done} steps; unexpected: ${JSON.stringify(this.unexpected.slice(0, 10))}`;
    throw error;
  }

  /** Everybody leaves, each in some way. */
  leaveAll() {
    for (const viewer of this.viewers) {
      const way = this.random(4);
      if (way === 0) viewer.close(1000);
      else if (way === 1) viewer.close(1001);
      else if (way === 2) viewer.reset();
      else viewer.finish();
    }
    this.viewers.clear();
  }

  terminate() {
    clearInterval(this.beats);
    for (const one of [...this.viewers, ...this.lingering]) one.terminate();
  }
}

const IDLE_MS = 3000,
  GRACE_MS = 300;

/** The whole run against a server of its own; `patience` stretches what a sanitized program may take. */
export async function churn(t, startServer, { operations, rounds = 3, patience = 1 }) {
  const seed = Number(process.env.LOAD_SEED ?? Date.now() % 1_000_000_000);
  t.diagnostic(`LOAD_SEED=${seed} LOAD_OPS=${operations}`);
  const server = await startServer(t, {
    workers: 4,
    set: {
      leave_grace: `${GRACE_MS}ms`,
      idle_timeout: `${IDLE_MS}ms`,
      head_timeout: '1s',
      announce_rate: 200,
    },
  });
  const churn = new Churn(server, seed);
  const settled = (IDLE_MS + GRACE_MS + 5000) * patience;
  for (let round = 0; round < rounds; round++) {
    await churn.run(Math.ceil(operations / rounds));
    await churn.quiet(settled);
  }
  churn.leaveAll();
  await churn.quiet(settled);
  await becomes(
    async () => {
      const { topics, audiences, timers } = await server.metrics();
      return { topics, audiences, timers: timers <= 1 };
    },
    { topics: 0, audiences: 0, timers: true },
  );
}
