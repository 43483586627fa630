// SPDX-License-Identifier: MIT
//
// Phoenix frames, message by message, as a real Phoenix answers them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, openPhoenix, phoenixPath, refused } from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const OK = { response: {}, status: 'ok' };
const refusal = reason => ({ response: { reason }, status: 'error' });

const reply = (join_ref, ref, topic, payload = OK) => [join_ref, ref, topic, 'phx_reply', payload];

/** Joins and takes the reply and the state. */
async function join(client, topic, join_ref = '1', payload = {}) {
  client.send([join_ref, join_ref, topic, 'phx_join', payload]);
  assert.deepEqual(await client.next(), reply(join_ref, join_ref, topic));
  const [, , , event] = await client.next();
  assert.equal(event, 'presence_state');
}

test('a join is answered, then comes the state, and a diff tells everybody', async t => {
  const server = await startServer(t);
  const anna = await openPhoenix(server, { visitor: 'anna' });
  const bert = await openPhoenix(server, { visitor: 'bert' });

  anna.send(['3', '4', 'article:9', 'phx_join', {}]);
  assert.deepEqual(await anna.next(), reply('3', '4', 'article:9'));
  const state = await anna.next();
  const { phx_ref } = state[4][keyOfVisitor('anna')].metas[0];
  assert.match(phx_ref, /^[\w-]{16}$/);
  const joins = { [keyOfVisitor('anna')]: { metas: [{ phx_ref }] } };
  assert.deepEqual(state, [null, null, 'article:9', 'presence_state', joins]);

  bert.send(['1', '1', 'article:9', 'phx_join', {}]);
  assert.deepEqual(await bert.next(), reply('1', '1', 'article:9'));
  const [, , , , all] = await bert.next();
  const told = await anna.next();
  assert.deepEqual(told.slice(0, 4), [null, null, 'article:9', 'presence_diff']);
  assert.deepEqual(told[4].leaves, {});
  assert.deepEqual(all, { ...joins, ...told[4].joins });

  bert.send(['1', '2', 'article:9', 'phx_leave', {}]);
  assert.deepEqual(await bert.next(), reply('1', '2', 'article:9'));
  assert.deepEqual(await bert.next(), ['1', '1', 'article:9', 'phx_close', {}]);
  const leaves = told[4].joins;
  assert.deepEqual(await anna.next(), [
    null,
    null,
    'article:9',
    'presence_diff',
    { joins: {}, leaves },
  ]);
});

test('heartbeats are answered with any join_ref and payload', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);

  client.send([null, '0', 'phoenix', 'heartbeat', {}]);
  assert.deepEqual(await client.next(), reply(null, '0', 'phoenix'));
  client.send(['7', 8, 'phoenix', 'heartbeat', [1, 'x', null]]);
  assert.deepEqual(await client.next(), reply(null, 8, 'phoenix'));
});

test('what goes to a topic that is not joined is unmatched, but for a leave', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);
  const unmatched = refusal('unmatched topic');

  client.send(['5', '6', 'article:77', 'hello', {}]);
  assert.deepEqual(await client.next(), reply(null, '6', 'article:77', unmatched));
  client.send(['5', '7', 'article:77', 'phx_leave', {}]);
  assert.deepEqual(await client.next(), reply('5', '7', 'article:77'));
  client.send([null, '41', 'phoenix', 'foo', {}]);
  assert.deepEqual(await client.next(), reply(null, '41', 'phoenix', unmatched));
  client.send(['1', '1', 'phoenix', 'phx_join', {}]);
  assert.deepEqual(await client.next(), reply(null, '1', 'phoenix', unmatched));
  client.send([null, null, null, null, null]);
  assert.deepEqual((await client.next()).slice(3), ['phx_reply', unmatched]);
});

test('a message with another join_ref is ignored, one with null or the same is answered', async t => {
  const server = await startServer(t, { set: { client_events: 'true' } });
  const client = await openPhoenix(server);
  await join(client, 'probe:x', '10');

  client.send(['99', '18', 'probe:x', 'echo', {}]);
  client.send([10, '18', 'probe:x', 'echo', {}]);
  client.send(['99', '18', 'probe:x', 'phx_leave', {}]);
  client.send([null, '19', 'probe:x', 'update', { meta: {} }]);
  assert.deepEqual(await client.next(), reply('10', '19', 'probe:x'));
  client.send(['10', '20', 'probe:x', 'echo', { n: 1 }]);
  assert.deepEqual(await client.next(), reply('10', '20', 'probe:x'));
  assert.deepEqual(await client.next(), [null, null, 'probe:x', 'echo', { n: 1 }]);
});

test('references come back as they were sent, whatever their type', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);

  for (const ref of ['1', 1, null, 'a "quoted" ref', true, 1.5, [1], { a: 1 }]) {
    client.send([ref, ref, 'nosuch', 'phx_leave', {}]);
    assert.deepEqual(await client.next(), reply(ref, ref, 'nosuch'), JSON.stringify(ref));
  }
});

test('a join without a join_ref works, and its messages too', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);

  client.send([null, '1', 'room:1', 'phx_join', {}]);
  assert.deepEqual(await client.next(), reply(null, '1', 'room:1'));
  client.send([null, '2', 'room:1', 'phx_leave', {}]);
  await client.find(m => m[3] === 'phx_reply' && m[1] === '2');
  assert.deepEqual(await server.counts('room:1'), { viewers: 0, people: 0 });
});

test('a duplicate join is answered first, then the old channel is closed by its own reference', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server, { visitor: 'anna' });
  await join(client, 'probe:x', '10');

  client.send(['30', '30', 'probe:x', 'phx_join', {}]);
  assert.deepEqual(await client.next(), reply('30', '30', 'probe:x'));
  assert.deepEqual(await client.next(), ['10', '10', 'probe:x', 'phx_close', {}]);
  assert.equal((await client.next())[3], 'presence_state');
  client.send(['10', '31', 'probe:x', 'phx_leave', {}]);
  client.send([null, '32', 'phoenix', 'heartbeat', {}]);
  await client.find(m => m[1] === '32');
  assert.deepEqual(await server.counts('probe:x'), { viewers: 1, people: 1 });
});

test('a duplicate join before the first was answered leaves one presence', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);
  for (let i = 1; i <= 50; i++) client.send([String(i), String(i), 'room:1', 'phx_join', {}]);
  client.send([null, 'end', 'phoenix', 'heartbeat', {}]);

  await client.find(m => m[1] === '50' && m[3] === 'phx_reply');
  client.send(['50', 'left', 'room:1', 'phx_leave', {}]);
  await client.find(m => m[1] === 'left');
  const metrics = await server.metrics();
  assert.deepEqual([metrics.subscriptions, metrics.presences, metrics.topics], [0, 0, 0]);
});

test('what is not a message closes with 1011 and no reason', async t => {
  const server = await startServer(t);

  for (const message of [
    '',
    'x',
    '{}',
    '[]',
    '[1,2,3,4]',
    '[null,null,"a","b"]',
    '[null,null,7,"b",{}]',
    '"x"',
    '[null,"1","room:1","phx_join",{}',
    '[null,"1","room:1","phx_join",{}]]',
    Buffer.from([1, 0, 0, 0, 0]),
    Buffer.from([0, 255, 255, 255, 255]),
    Buffer.alloc(0),
  ]) {
    const client = await openPhoenix(server);
    client.send(message);
    assert.deepEqual(await client.ended(), { code: 1011, reason: '' }, String(message));
  }
});

test('more than five elements are no fault', async t => {
  const server = await startServer(t);
  const client = await openPhoenix(server);

  client.send([null, '1', 'phoenix', 'heartbeat', {}, 6, 7]);
  assert.deepEqual(await client.next(), reply(null, '1', 'phoenix'));
});

test('binary pushes are understood, and their payloads not relayed', async t => {
  const server = await startServer(t, { set: { client_events: 'true' } });
  const client = await openPhoenix(server);
  await join(client, 'probe:x', '10');

  client.send(
    Buffer.concat([
      Buffer.from([0, 2, 2, 7, 3]),
      Buffer.from('1021probe:xbin'),
      Buffer.from([1, 2, 3]),
    ]),
  );
  assert.deepEqual(
    await client.next(),
    reply('10', '21', 'probe:x', refusal('binary payloads are not relayed')),
  );
});

test('version 1 messages are objects', async t => {
  const server = await startServer(t);
  const client = await open(server, phoenixPath({ vsn: '1.0.0', visitor: 'anna' }));
  const newer = await openPhoenix(server, { visitor: 'bert' });

  client.send({ topic: 'article:v1', event: 'phx_join', payload: {}, ref: '2' });
  assert.deepEqual(await client.next(), {
    topic: 'article:v1',
    event: 'phx_reply',
    payload: OK,
    ref: '2',
  });
  const { payload, ...head } = await client.next();
  assert.deepEqual(head, { topic: 'article:v1', event: 'presence_state', ref: null });
  assert.deepEqual(Object.keys(payload), [keyOfVisitor('anna')]);
  newer.send(['1', '1', 'article:v1', 'phx_join', {}]);
  const diff = await client.next();
  assert.equal(diff.event, 'presence_diff');
  assert.deepEqual(Object.keys(diff.payload.joins), [keyOfVisitor('bert')]);

  client.send({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '3' });
  assert.deepEqual(await client.next(), {
    topic: 'phoenix',
    event: 'phx_reply',
    payload: OK,
    ref: '3',
  });
  client.send({ topic: 'article:v1', event: 'phx_leave', payload: {} });
  assert.equal((await client.ended()).code, 1011);
});

test('without vsn a client speaks version 1, and other versions are refused with 403', async t => {
  const server = await startServer(t);
  const client = await open(server, '/socket/websocket');
  client.send({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '3' });
  assert.equal((await client.next()).ref, '3');

  for (const vsn of ['2.0.1', '1.0.7']) (await open(server, phoenixPath({ vsn }))).terminate();
  for (const vsn of ['2.1.0', '3.0.0', '2', 'abc', '', '2.0.', '2.0.x', '2.0.0.0', '2.0.0-rc'])
    assert.equal((await refused(server, phoenixPath({ vsn }))).status, 403, vsn);
});

test('the subprotocol is answered whenever it is offered', async t => {
  const server = await startServer(t);
  const plain = await openPhoenix(server);
  const offered = await open(server, phoenixPath(), ['phoenix']);

  assert.equal(plain.ws.protocol, '');
  assert.equal(offered.ws.protocol, 'phoenix');
  assert.equal(offered.ws.extensions, '');
});

test("a state holds everybody's metas, sorted under their keys", async t => {
  const server = await startServer(t);
  for (const visitor of ['anna', 'bert', 'anna']) {
    const client = await openPhoenix(server, { visitor });
    await join(client, 'room:1', '1', { meta: { n: 1 } });
  }
  const last = await openPhoenix(server);
  last.send(['1', '1', 'room:1', 'phx_join', { track: false }]);
  await last.next();
  const state = (await last.next())[4];

  const sizes = Object.fromEntries(
    Object.entries(state).map(([key, { metas }]) => [key, metas.length]),
  );
  assert.deepEqual(sizes, { [keyOfVisitor('anna')]: 2, [keyOfVisitor('bert')]: 1 });
  const refs = Object.values(state).flatMap(({ metas }) => metas.map(m => m.phx_ref));
  assert.equal(new Set(refs).size, 3);
});
