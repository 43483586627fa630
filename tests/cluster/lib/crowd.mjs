// SPDX-License-Identifier: MIT
//
// crowd.mjs - clients of every dialect who come and go on the nodes of a cluster, held against an oracle: the clients
// themselves know who is where. The order of what is done comes from a printed seed.
import assert from 'node:assert/strict';
import { NativeViewer, PhoenixViewer, RoomsViewer } from '../../lib/viewer.mjs';
import { keyOfVisitor } from '../../lib/visitor.mjs';
import { sleep } from '../../lib/wait.mjs';

// The issue's own size, three times 2,000 clients in 200 topics, is CLUSTER_CROWD=6000 CLUSTER_TOPICS=200.
const TOPICS = Number(process.env.CLUSTER_TOPICS ?? 50),
  VISITORS = 150,
  CONFUSED_SHOWN = 400;

function generator(seed) {
  return max => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % max;
  };
}

export class Crowd {
  viewers = new Set();
  lost = []; // who was dropped and should not have been
  done = 0;

  /** `nodes` is looked at anew for each arrival, so it may change. */
  constructor(t, nodes, size) {
    const seed = Number(process.env.CLUSTER_SEED ?? Date.now() % 1_000_000_000);
    t.diagnostic(`CLUSTER_SEED=${seed}`);
    this.nodes = nodes;
    this.size = size;
    this.random = generator(seed);
    t.after(() => this.viewers.forEach(viewer => viewer.terminate()));
  }

  /** So many things that happen, one a millisecond at most. */
  async churn(steps) {
    for (let i = 0; i < steps; i++) {
      this.#step();
      await sleep(1);
      while ([...this.viewers].filter(viewer => viewer.busy).length > 100) await sleep(2);
    }
  }

  #step() {
    const dice = this.random(100);
    this.done++;
    if (this.viewers.size === 0 || (this.viewers.size < this.size && dice < 60)) this.#arrive();
    else if (dice < 70) this.#move(this.#any());
    else if (dice < 80) this.#update(this.#any());
    else this.#go(this.#any());
  }

  #any() {
    return [...this.viewers][this.random(this.viewers.size)];
  }

  #topic() {
    return `post:${this.random(TOPICS)}`;
  }

  #arrive() {
    const node = this.nodes[this.random(this.nodes.length)];
    const who = this.random(3) ? `v${this.random(VISITORS)}` : null;
    const kind = [RoomsViewer, NativeViewer, PhoenixViewer][this.random(3)];
    const onEnd = (viewer, unexpected) => {
      this.viewers.delete(viewer);
      if (unexpected) this.lost.push([String(viewer), viewer.confused]);
    };
    const viewer = new kind(node, who, onEnd, { post: this.random(TOPICS) });
    viewer.node = node;
    this.viewers.add(viewer);
    if (viewer.enter) for (let i = this.random(3); i >= 0; i--) this.#enter(viewer);
  }

  #enter(viewer) {
    const topic = this.#topic();
    if (viewer.shown.has(topic)) return;
    viewer.enter(topic, { counted: this.random(5) > 0, list: this.random(2) === 0, n: this.done });
  }

  #move(viewer) {
    if (!viewer.enter || viewer.busy) return;
    const topics = [...viewer.shown.keys()];
    if (topics.length < 4 && this.random(2)) this.#enter(viewer);
    else if (topics.length) viewer.leave(topics[this.random(topics.length)]);
  }

  #update(viewer) {
    if (viewer.update) for (const topic of viewer.shown.keys()) viewer.update(topic, this.done);
  }

  #go(viewer) {
    const dice = this.random(3);
    this.viewers.delete(viewer);
    if (dice === 0) viewer.reset();
    else viewer.close(dice === 1 ? 1000 : 1001);
  }

  /** Whoever is on `node` is given up: it is being killed or stopped. */
  giveUp(node) {
    for (const viewer of this.viewers) {
      if (viewer.node !== node) continue;
      viewer.live = false;
      this.viewers.delete(viewer);
    }
  }

  /* The oracle. Those on the nodes in `unheard` are not counted, and what they show does not matter. */

  #truth(topic, unheard) {
    const all = [];
    for (const viewer of this.viewers) {
      const shown = viewer.shown.get(topic);
      if (!shown?.counted || unheard.includes(viewer.node)) continue;
      all.push({ key: viewer.who ? keyOfVisitor(viewer.who) : null, n: shown.n });
    }
    return all;
  }

  #numbers(unheard) {
    const numbers = {};
    for (let i = 0; i < TOPICS; i++) {
      const all = this.#truth(`post:${i}`, unheard);
      const people = new Set(all.map(({ key }, index) => key ?? index)).size;
      numbers[`post:${i}`] = `${all.length} ${people}`;
    }
    return numbers;
  }

  /** What is shown somewhere and is not so: [text, ...]. */
  wrong(unheard = []) {
    const numbers = this.#numbers(unheard),
      wrong = [];
    for (const viewer of this.viewers) {
      if (unheard.includes(viewer.node)) continue;
      const name = `${viewer.constructor.name} on ${this.nodes.indexOf(viewer.node)}`;
      if (viewer.confused)
        wrong.push(`${name} is confused by ${viewer.confused.slice(0, CONFUSED_SHOWN)}`);
      if (viewer.busy) wrong.push(`${name} waits`);
      for (const shown of viewer.shown.values()) {
        const text = shown.numbers().join(' ');
        if (text !== numbers[shown.topic])
          wrong.push(
            `${name} ${shown.list ? 'list' : 'count'} of ${shown.topic}: ${text}, not ${numbers[shown.topic]}`,
          );
        else if (shown.list) this.#compareLists(name, shown, unheard, wrong);
      }
    }
    return wrong;
  }

  #compareLists(name, shown, unheard, wrong) {
    const line = ({ key, n }) => `${key === null || key.startsWith('~:') ? 'nobody' : key} ${n}`;
    const is = [...shown.list.values()].map(line).sort().join(),
      should = this.#truth(shown.topic, unheard).map(line).sort().join();
    if (is !== should) wrong.push(`${name} list of ${shown.topic}: ${is}, not ${should}`);
  }

  /** Waits until everybody shows the truth; gives the milliseconds since `begin`. Nobody may have been dropped. */
  async right(ms, { unheard = [], begin = Date.now() } = {}) {
    for (;;) {
      const wrong = this.wrong(unheard);
      const took = Date.now() - begin;
      if (wrong.length === 0) {
        assert.deepEqual(this.lost, []);
        return took;
      }
      if (took > ms)
        throw new Error(
          `after ${took} ms and ${this.done} steps ${wrong.length} things are wrong:\n${wrong.slice(0, 8).join('\n')}`,
        );
      await sleep(20);
    }
  }

  leaveAll() {
    for (const viewer of [...this.viewers]) this.#go(viewer);
  }
}
