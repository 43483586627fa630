// SPDX-License-Identifier: MIT
//
// Slow readers cost nobody; a crowd costs O(crowd) per window.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, joinNative, native, told, watchNative } from '../lib/client.mjs';
import { RawWebSocket } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { becomes } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const FAST = { messages_burst: 100_000, messages_per_second: 100_000, send_buffer: '8KiB' };

/** A native client by raw bytes that is in `topic` and from then on does not read. */
async function stuck(server, name, topic, options = {}) {
  const raw = await RawWebSocket.open(server, '/rollcall', {
    'Sec-WebSocket-Protocol': 'rollcall.v1',
  });
  raw.send(['hello', {}]);
  await raw.message();
  raw.send([name, 1, topic, options]);
  await raw.message();
  raw.socket.pause();
  return raw;
}

/** All messages up to the one that `ends`. */
async function readOn(raw, ends) {
  const all = [];
  raw.socket.resume();
  do all.push(await raw.message());
  while (!ends(all.at(-1)));
  return all;
}

test('a reader that stopped does not delay others, and has the newest list when it goes on', async t => {
  const server = await startServer(t, { set: FAST, workers: 1 });
  const slow = await stuck(server, 'watch', 'room:1', { mode: 'list' });
  const anna = await native(server, { visitor: 'anna' });
  const { number, ref } = await joinNative(anna, 'room:1', { mode: 'list' });
  await anna.find(m => m[0] === 'state');

  const rounds = 2000,
    big = 'x'.repeat(4000);
  let slowest = 0;
  for (let i = 1; i <= rounds; i++) {
    const start = performance.now();
    anna.send(['update', i, number, { i, big }]);
    await anna.find(m => m[0] === 'diff' && m[6][0]?.[2].i === i);
    slowest = Math.max(slowest, performance.now() - start);
  }
  assert.ok(slowest < 1000, `one update took ${slowest} ms`);
  const { behind, slow_closes } = await server.metrics();
  assert.ok(behind > 0 && behind < 10, `behind ${behind}`);
  assert.equal(slow_closes, 0);

  const all = await readOn(
    slow,
    m => m[0] === 'state' && m[5]?.length !== 0 && m[4][0]?.[2].i === rounds,
  );
  assert.deepEqual(all.at(-1)[4], [[ref, keyOfVisitor('anna'), { i: rounds, big }]]);
  assert.ok(all.length < rounds, `${all.length} messages of ${rounds}`);
  anna.send(['update', 1, number, { after: true }]);
  assert.deepEqual((await slow.message())[6], [[ref, keyOfVisitor('anna'), { after: true }]]);
});

test('a reader that stopped in count mode gets the newest count, not the ones before', async t => {
  const server = await startServer(t, {
    set: { ...FAST, client_events: 'true', queue_bytes_max: '64MiB' },
  });
  const slow = await stuck(server, 'watch', 'room:1');
  const anna = await native(server);
  const { number } = await joinNative(anna, 'room:1');
  const big = 'x'.repeat(16_000);
  for (let i = 0; i < 300; i++) await call(anna, 'publish', number, 'fill', big);

  const others = [];
  for (let i = 0; i < 60; i++) {
    others.push(await native(server));
    await joinNative(others.at(-1), 'room:1');
  }
  for (const other of others.slice(10)) await other.close(1000);
  await told(anna, 11);

  const all = await readOn(slow, m => m[0] === 'count' && m[2] === 11);
  assert.equal(all.filter(m => m[0] === 'event').length, 300);
  assert.ok(
    all.filter(m => m[0] === 'count').length < 20,
    JSON.stringify(all.filter(m => m[0] === 'count')),
  );
});

test('a reader that does not read events is closed with 1013, others get them all', async t => {
  const server = await startServer(t, {
    set: { ...FAST, client_events: 'true', queue_bytes_max: '64KiB' },
  });
  const slow = await stuck(server, 'join', 'room:1');
  const reader = await native(server);
  await watchNative(reader, 'room:1');
  const anna = await native(server);
  const { number } = await joinNative(anna, 'room:1');
  await told(reader, 2);

  const closes = async () => (await server.metrics()).slow_closes;
  for (let i = 0; i % 20 || !(await closes()); i++) {
    await call(anna, 'publish', number, 'wave', { i, big: 'x'.repeat(16_000) });
    assert.equal((await reader.find(m => m[0] === 'event'))[3].i, i);
  }
  slow.socket.resume();
  assert.equal(await slow.closeCode(), 1013);
  await becomes(() => server.counts('room:1'), { viewers: 1, people: 1 });
  assert.equal(await closes(), 1);
});

test('a reader that never reads again is cut off', async t => {
  const server = await startServer(t, {
    set: { ...FAST, client_events: 'true', queue_bytes_max: '64KiB' },
  });
  const slow = await stuck(server, 'join', 'room:1');
  const anna = await native(server);
  const { number } = await joinNative(anna, 'room:1');
  for (let i = 0; i % 20 || !(await server.metrics()).slow_closes; i++) {
    anna.send(['publish', i, number, 'wave', 'x'.repeat(16_000)]);
    await anna.find(m => m[0] === 'event');
  }

  await becomes(async () => (await server.metrics()).sessions, 2, 6000);
  slow.terminate();
});

test('a thousand who join one topic are told in bounded many frames, and all see a thousand', async t => {
  const server = await startServer(t, { set: { announce_rate: 10_000 } });
  const crowd = 1000,
    all = [];
  while (all.length < crowd)
    all.push(
      ...(await Promise.all(
        Array.from({ length: 50 }, () => RawWebSocket.open(server, '/ws/posts/1/live')),
      )),
    );

  const frames = await Promise.all(
    all.map(async raw => {
      for (let n = 1; ; n++) if ((await raw.message()).viewers === crowd) return n;
    }),
  );
  assert.deepEqual(await server.counts('post:1'), { viewers: crowd, people: crowd });
  const sum = frames.reduce((a, b) => a + b),
    most = Math.max(...frames);
  assert.ok(most < 200, `${most} frames for one client`);
  assert.ok(sum < crowd * 100, `${sum} frames in all`);

  for (const raw of all.slice(1)) raw.reset();
  for (;;) if ((await all[0].message()).viewers === 1) break;
  assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
});

test('a quiet topic tells a change at once', async t => {
  const server = await startServer(t);
  const watcher = await native(server);
  await watchNative(watcher, 'room:1');
  const times = [];
  for (let i = 0; i < 20; i++) {
    const anna = await native(server);
    const start = performance.now();
    await joinNative(anna, 'room:1');
    await told(watcher, 1);
    times.push(performance.now() - start);
    await anna.close(1000);
    await told(watcher, 0);
  }
  times.sort((a, b) => a - b);
  assert.ok(times[10] < 50, `the median is ${times[10]} ms`);
});
