// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from './text.js';

test('one person, more people', () => {
  assert.equal(textOf(1, {}), '1 person viewing');
  assert.equal(textOf(7, {}), '7 people viewing');
  assert.equal(textOf(7, { of: 'viewers' }), '7 viewing');
});

test('a large number has the form of its language, and may be short', () => {
  assert.equal(textOf(1234, {}), '1,234 people viewing');
  assert.equal(textOf(1234, { lang: 'de', labels: { other: '{count} Leute' } }), '1.234 Leute');
  assert.equal(textOf(1234, { format: 'compact' }), '1.2K people viewing');
});

test('above the most there is a plus', () => {
  assert.equal(textOf(99, { max: 99 }), '99 people viewing');
  assert.equal(textOf(100, { max: 99 }), '99+ people viewing');
});

test('texts go by the plural category of the language', () => {
  const labels = { one: '{count} osoba', few: '{count} osoby', other: '{count} osób' };

  assert.deepEqual(
    [1, 2, 5, 22].map((n) => textOf(n, { lang: 'pl', labels })),
    ['1 osoba', '2 osoby', '5 osób', '22 osoby'],
  );
});
