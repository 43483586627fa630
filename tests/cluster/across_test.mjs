// SPDX-License-Identifier: MIT
//
// What clients of two nodes see of each other, while nothing is broken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, enterRoom, joinNative, native, told, watchNative } from '../lib/client.mjs';
import { answer, connect, enter, metas, sees } from '../lib/phoenix.mjs';
import { becomes, sleep } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';
import { cleared, joined, startNode, startNodes, stopAll } from './lib/nodes.mjs';
import { startRedis } from './lib/redis.mjs';

const EVENTS = { config: 'topic "room:*" { client_events = true }' };

test('a join on one node is seen on the other within milliseconds', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  const watcher = await native(b);
  await watchNative(watcher, 'post:1');
  const took = [];
  for (let i = 1; i <= 200; i++) {
    const client = await native(a, { visitor: `v${i}` });
    const begin = performance.now();
    await joinNative(client, 'post:1');
    await told(watcher, i);
    took.push(performance.now() - begin);
  }
  took.sort((x, y) => x - y);
  const [p50, p99] = [took[99], took[197]].map(ms => ms.toFixed(1));
  t.diagnostic(`join on A until seen on B: p50 ${p50} ms, p99 ${p99} ms`);
  assert.ok(p99 < 100, `${p99} ms`);
});

test('one person on two nodes is one, and is gone with the last tab', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  const room = await enterRoom(a, 1, { visitor: 'anna' });
  const other = await enterRoom(b, 1, { visitor: 'anna' });
  assert.deepEqual([other.viewers, other.people], [2, 1]);
  await told(room, 2, 1);

  const bert = await native(b, { visitor: 'bert' });
  await joinNative(bert, 'post:1');
  await told(room, 3, 2);
  await told(other, 3, 2);
  assert.deepEqual(await a.counts('post:1'), { viewers: 3, people: 2 });
  assert.deepEqual(await b.counts('post:1'), { viewers: 3, people: 2 });

  await room.close(1000);
  await told(other, 2, 2);
  await other.close(1000);
  await told(bert, 1, 1);
  await bert.close(1000);
  await cleared(redis);
  await stopAll([a, b], redis);
});

test('who joins a list learns at once of those on the other node, with their metas', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  const anna = await native(a, { visitor: 'anna' });
  await joinNative(anna, 'room:1', { mode: 'list', meta: { n: 1 } });
  await becomes(() => redis.cli('EXISTS', 'rollcall:topic:room:1'), '1');

  const bert = await native(b, { visitor: 'bert' });
  const { number, viewers } = await joinNative(bert, 'room:1', { mode: 'list', meta: { n: 2 } });
  assert.equal(viewers, 2);
  const [, , , , list] = await bert.find(m => m[0] === 'state' && m[1] === number);
  const seen = list.map(([, key, meta]) => `${key} ${meta.n}`).sort();
  assert.deepEqual(seen, [`${keyOfVisitor('anna')} 1`, `${keyOfVisitor('bert')} 2`].sort());
});

test('stock Phoenix clients on two nodes see joins, metas, updates and leaves in presence_diff', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2, EVENTS);
  const who = name => ({ params: { visitor: name } });
  const anna = await enter(connect(a, who('anna')), 'room:1', { meta: { n: 1 } });
  const bert = await enter(connect(b, who('bert')), 'room:1', { meta: { n: 2 } });
  const tab = await enter(connect(b, who('anna')), 'room:1', { meta: { n: 3 } });
  const [annaKey, bertKey] = ['anna', 'bert'].map(keyOfVisitor);
  for (const one of [anna, bert, tab]) await sees(one, { [annaKey]: 2, [bertKey]: 1 });
  assert.deepEqual(
    metas(bert)
      .map(({ n }) => n)
      .sort(),
    [1, 2, 3],
  );

  assert.equal((await answer(bert.channel.push('update', { meta: { n: 7 } })))[0], 'ok');
  await becomes(() => metas(anna).some(({ n }) => n === 7), true);
  assert.equal(metas(anna).length, 3);

  const refs = member =>
    metas(member)
      .map(({ phx_ref }) => phx_ref)
      .sort();
  await becomes(() => refs(bert), refs(anna));
  tab.channel.leave();
  await sees(anna, { [annaKey]: 1, [bertKey]: 1 });
  await sees(bert, { [annaKey]: 1, [bertKey]: 1 });
  bert.channel.leave();
  await sees(anna, { [annaKey]: 1 });
});

test('an event reaches everybody on every node once', async t => {
  const redis = await startRedis(t);
  const nodes = await startNodes(t, redis, 3, EVENTS);
  const clients = [];
  for (const node of [...nodes, ...nodes]) {
    const client = await native(node);
    client.number = (await joinNative(client, 'room:1')).number;
    clients.push(client);
  }
  const phoenix = await enter(connect(nodes[2]), 'room:1');
  const heard = [];
  phoenix.channel.on('wave', payload => heard.push(payload.i));
  await Promise.all(clients.map(client => told(client, 7)));

  for (let i = 0; i < 20; i++) await call(clients[0], 'publish', clients[0].number, 'wave', { i });
  phoenix.channel.push('wave', { i: 20 });

  // Two publishers: each one's events come in its order, those of both in any.
  const all = Array.from({ length: 21 }, (_, i) => i);
  const sorted = list => [...list].sort((a, b) => a - b);
  const waves = client =>
    sorted(
      client.inbox.waiting.filter(m => m[0] === 'event' && m[2] === 'wave').map(m => m[3].i),
    );
  await becomes(() => clients.slice(1).map(waves), Array(5).fill(all));
  await becomes(() => sorted(heard), all);
  await sleep(200); // a second one would have come
  assert.deepEqual(clients.slice(1).map(waves), Array(5).fill(all));
  assert.deepEqual(sorted(heard), all);
});

test('a killed node is gone within its lease and a second by default', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2, { set: { lease: '5s' } });
  const watcher = await native(a);
  await watchNative(watcher, 'post:1');
  await enterRoom(b, 1);
  await told(watcher, 1);
  const begin = performance.now();
  await b.kill();
  await watcher.find(m => m[0] === 'count' && m[2] === 0, 8000);
  const took = Math.round(performance.now() - begin);
  t.diagnostic(`ghost gone after ${took} ms, bound 6000 ms`);
  assert.ok(took <= 6000, `${took} ms`);
});

test('nodes that start together and one that comes later see the same numbers', async t => {
  const redis = await startRedis(t);
  const [a] = await startNodes(t, redis, 1);
  const rooms = [];
  for (let i = 0; i < 20; i++) rooms.push(await enterRoom(a, 5));
  const late = await startNode(t, redis);
  await joined(late);
  const last = await enterRoom(late, 5);
  assert.equal(last.viewers, 21);
  await Promise.all(rooms.map(room => told(room, 21)));
});

test('a node neither receives nor keeps topics that nobody of it is in', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  for (let i = 0; i < 50; i++) await enterRoom(a, i);
  await becomes(async () => (await a.metrics()).followed, 50);
  const { share_messages, followed, topics } = await b.metrics();
  assert.deepEqual({ share_messages, followed, topics }, { share_messages: 0, followed: 0, topics: 0 });
});
