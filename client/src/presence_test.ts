// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDiff, applyState, peopleOf, type Presences } from './presence.js';
import type { WirePresence } from './protocol.js';
import { random } from './world.testing.js';

const refs = (list: Presences): string[] => [...list.keys()];

test('a state is the whole list, in the order of arrival', () => {
  const list = applyState([
    ['b', 'bob', {}],
    ['a', 'ada', { typing: true }],
  ]);

  assert.deepEqual(refs(list), ['b', 'a']);
  assert.deepEqual(list.get('a'), { ref: 'a', key: 'ada', meta: { typing: true } });
});

test('a diff takes out, puts in and changes, and leaves the old list alone', () => {
  const before = applyState([
    ['a', 'ada', {}],
    ['b', 'bob', {}],
  ]);
  const after = applyDiff(before, [['c', 'cyd', {}]], ['a'], [['b', 'bob', { typing: true }]]);

  assert.deepEqual(refs(before), ['a', 'b']);
  assert.deepEqual(refs(after), ['b', 'c']);
  assert.deepEqual(after.get('b')?.meta, { typing: true });
  assert.deepEqual(before.get('b')?.meta, {});
});

test('names such as __proto__ are names', () => {
  const list = applyState([['__proto__', 'constructor', { toString: 1 }]]);

  assert.deepEqual(refs(list), ['__proto__']);
  assert.deepEqual(
    peopleOf(list, 'constructor').map(({ key, self }) => [key, self]),
    [['constructor', true]],
  );
});

test('tabs of one person are one, who has the metas of all', () => {
  const list = applyState([
    ['1', 'ada', { n: 1 }],
    ['2', 'bob', {}],
    ['3', 'ada', { n: 2 }],
  ]);

  assert.deepEqual(peopleOf(list, 'bob'), [
    { key: 'ada', self: false, metas: [{ n: 1 }, { n: 2 }] },
    { key: 'bob', self: true, metas: [{}] },
  ]);
  assert.deepEqual(peopleOf(null, null), []);
});

// The model is what the server keeps: who is here. What it tells are the net changes between two
// looks at it, and now and then, to one who fell behind, all of it.
test('after any changes, told in any portions, the list is that of the server', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const next = random(seed);
    const pick = (n: number): number => Math.floor(next() * n);
    const here = new Map<string, WirePresence>();
    let told = new Map<string, WirePresence>();
    let list = applyState([]);
    let born = 0;
    for (let step = 0; step < 200; step++) {
      const [ref] = [...here.keys()].slice(pick(here.size || 1));
      const what = pick(4);
      if (what === 0) here.set(`r${++born}`, [`r${born}`, `k${pick(5)}`, { n: step }]);
      if (what === 1 && ref) here.delete(ref);
      if (what === 2 && ref) here.set(ref, [ref, here.get(ref)![1], { n: step }]);
      if (what !== 3) continue;
      if (pick(10) === 0) list = applyState([...here.values()]);
      else
        list = applyDiff(
          list,
          [...here.values()].filter(([r]) => !told.has(r)),
          [...told.keys()].filter((r) => !here.has(r)),
          [...here.values()].filter(([r, , meta]) => told.has(r) && told.get(r)![2] !== meta),
        );
      told = new Map(here);
      assert.deepEqual(
        [...list.values()].map(({ ref: r, key, meta }) => [r, key, meta]).sort(),
        [...here.values()].sort(),
        `seed ${seed}, step ${step}`,
      );
    }
  }
});
