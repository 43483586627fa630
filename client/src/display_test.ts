// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { createAnnouncer } from './announcer.js';
import { createDisplay, type DisplayOptions } from './display.js';
import { clock, newWorld } from './world.testing.js';

type Shown = [count: number | null, pending: boolean];
const FRESH = { stale: false, status: 'connected' } as const;
const LOST = { stale: true, status: 'reconnecting' } as const;

/** What is shown over time. */
function display(options: DisplayOptions = {}) {
  const shown: Shown[] = [];
  const update = createDisplay(null, (...now) => shown.push(now));
  return {
    shown,
    fresh: (count: number | null) => update(count, FRESH, options),
    lost: (count: number | null, status: 'reconnecting' | 'idle' | 'closed' = 'reconnecting') =>
      update(count, { ...LOST, status }, options),
    stop: () => update(),
  };
}

beforeEach(() => {
  newWorld();
});

test('one is not shown, two are, at once', () => {
  const d = display();
  d.fresh(1);
  d.fresh(2);

  assert.deepEqual(d.shown, [[2, false]]);
});

test('a smaller number replaces at once', () => {
  const d = display();
  d.fresh(9);
  d.fresh(3);

  assert.deepEqual(d.shown, [[9, false], [3, false]]);
});

test('a drop below the least hides after its delay, which later numbers do not set anew', () => {
  const d = display({ min: 5 });
  d.fresh(5);
  d.fresh(4);
  for (let i = 0; i < 14; i++) {
    clock.tick(100);
    d.fresh(i % 2 ? 3 : 4);
  }
  assert.deepEqual(d.shown, [[5, false]]);
  clock.tick(100);

  assert.deepEqual(d.shown, [[5, false], [null, false]]);
});

test('two, one, two within the delay does not blink', () => {
  const d = display();
  d.fresh(2);
  d.fresh(1);
  clock.tick(1400);
  d.fresh(2);
  clock.tick(10_000);

  assert.deepEqual(d.shown, [[2, false]]);
});

test('what is not known is not shown', () => {
  const d = display();
  d.fresh(2);
  d.fresh(null);

  assert.deepEqual(d.shown, [[2, false], [null, false]]);
});

test('a short break is not seen, a longer one is said after 3 s, and not any more when it is over', () => {
  const d = display();
  d.fresh(7);
  d.lost(7);
  clock.tick(2900);
  d.lost(7);
  assert.deepEqual(d.shown, [[7, false]]);
  clock.tick(100);
  d.fresh(8);

  assert.deepEqual(d.shown, [[7, false], [7, true], [8, false]]);
});

test('a page that is not in use, or is refused, is not reconnecting', () => {
  const d = display();
  d.fresh(7);
  d.lost(7, 'idle');
  clock.tick(10_000);
  d.lost(7, 'closed');
  clock.tick(10_000);

  assert.deepEqual(d.shown, [[7, false]]);
});

test('after an outage it waits for the others as long as twice that', () => {
  const d = display();
  d.fresh(2);
  d.lost(2);
  clock.tick(2000);
  d.fresh(1);
  clock.tick(3900);
  assert.deepEqual(d.shown, [[2, false]]);
  d.fresh(2);
  clock.tick(10_000);

  assert.deepEqual(d.shown, [[2, false]]);
});

test('when it is stopped nothing happens any more', () => {
  const d = display();
  d.fresh(2);
  d.fresh(1);
  d.stop();
  clock.tick(10_000);

  assert.deepEqual(d.shown, [[2, false]]);
});

test('screen readers are told first, then seldom, and only what is worth it', () => {
  const said: string[] = [];
  const announce = createAnnouncer((text) => said.push(text));
  announce(20, '20');
  announce(21, '21');
  clock.tick(31_000);
  announce(21, '21');
  assert.deepEqual(said, ['20']);
  announce(30, '30');
  assert.deepEqual(said, ['20', '30']);
  announce(50, '50');
  clock.tick(20_000);
  announce(60, '60');
  clock.tick(9_000);
  assert.deepEqual(said, ['20', '30']);
  clock.tick(1_000);

  assert.deepEqual(said, ['20', '30', '60']);
});

test('what went back before it was said is not said', () => {
  const said: string[] = [];
  const announce = createAnnouncer((text) => said.push(text));
  announce(20, '20');
  announce(40, '40');
  announce(20, '20');
  clock.tick(60_000);

  assert.deepEqual(said, ['20']);
});
