import assert from 'node:assert/strict';
import { test } from 'node:test';

import { joinNative, native, watchNative } from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';

const CONFIG = 'topic "room:*" { list_max = 3 }';

test('a list that gets too long becomes numbers, and a list again when it is short', async t => {
  const server = await startServer(t, { config: CONFIG });
  const watcher = await native(server);
  const { number } = await watchNative(watcher, 'room:1', { mode: 'list' });
  await watcher.find(m => m[0] === 'state');
  const people = [];
  for (let i = 1; i <= 4; i++) {
    const client = await native(server, { visitor: `v${i}` });
    people.push([client, await joinNative(client, 'room:1')]);
  }

  assert.deepEqual(await watcher.find(m => m[0] === 'truncated'), ['truncated', number, 4, 4]);
  const late = await native(server);
  await watchNative(late, 'room:1', { mode: 'list' });
  assert.deepEqual(await late.next(), ['truncated', number, 4, 4]);
  late.send(['list', 9, number, 1, 2]);
  const page = await late.find(m => m[0] === 'page');
  assert.deepEqual([page[1], page[3], page[4], page[5].length], [9, 1, 4, 2]);

  people[0][0].send(['leave', 5, people[0][1].number]);
  const state = await watcher.find(m => m[0] === 'state');
  assert.deepEqual(state.slice(1, 4), [number, 3, 3]);
  assert.deepEqual(
    state[4].map(p => p[0]).sort(),
    people
      .slice(1)
      .map(p => p[1].ref)
      .sort(),
  );
  assert.deepEqual((await late.find(m => m[0] === 'state')).slice(1, 4), [number, 3, 3]);
});
