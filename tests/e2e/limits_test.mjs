// SPDX-License-Identifier: MIT
//
// Every limit of the configuration: reaching it is a normal result with a clear error to the client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  call,
  enterRoom,
  joinNative,
  native,
  open,
  openPhoenix,
  roomPath,
  told,
  watchNative,
} from '../lib/client.mjs';
import { answer, connect } from '../lib/phoenix.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { becomes } from '../lib/wait.mjs';

test('presences_max: a full topic refuses in every dialect, watchers still come in, a leave makes room', async t => {
  const server = await startServer(t, { set: { presences_max: 3 } });
  const inside = [];
  for (let i = 0; i < 3; i++) inside.push(await enterRoom(server, 1));

  const room = await open(server, roomPath(1));
  assert.deepEqual(await room.next(), {
    type: 'error',
    code: 'topic_full',
    message: 'the topic is full',
  });
  assert.deepEqual(await room.ended(), { code: 1013, reason: 'the topic is full' });
  const nat = await native(server);
  assert.deepEqual(await call(nat, 'join', 'post:1'), [
    'error',
    1,
    'topic_full',
    'the topic is full',
  ]);
  const channel = connect(server).channel('post:1');
  assert.deepEqual(await answer(channel.join()), ['error', { reason: 'the topic is full' }]);
  channel.leave();
  assert.equal((await watchNative(nat, 'post:1')).viewers, 3);
  assert.deepEqual(await server.counts('post:1'), { viewers: 3, people: 3 });

  await inside.pop().close(1000);
  await told(nat, 2);
  await enterRoom(server, 1);
  assert.equal((await server.metrics()).join_refusals, 3);
});

test('presences_max of a section is that of its topics', async t => {
  const server = await startServer(t, { config: 'topic "small:*" { presences_max = 1 }' });
  const nat = await native(server),
    other = await native(server);
  await joinNative(nat, 'small:1');

  assert.equal((await call(other, 'join', 'small:1'))[2], 'topic_full');
  await joinNative(other, 'small:2');
  await joinNative(nat, 'large:1');
  await joinNative(other, 'large:1');
});

test('topics_max: no more topics, until one ends', async t => {
  const server = await startServer(t, { set: { topics_max: 3 }, workers: 1 });
  const nat = await native(server);
  const first = await joinNative(nat, 'room:1');
  await joinNative(nat, 'room:2');
  await watchNative(nat, 'room:3');

  assert.deepEqual((await call(nat, 'join', 'room:4')).slice(0, 3), [
    'error',
    nat.refs,
    'too_many_topics',
  ]);
  assert.deepEqual((await call(nat, 'watch', 'room:4')).slice(0, 3), [
    'error',
    nat.refs,
    'too_many_topics',
  ]);
  const room = await open(server, roomPath(1));
  assert.equal((await room.next()).code, 'too_many_topics');
  assert.equal((await room.ended()).code, 1013);
  const other = await native(server);
  await joinNative(other, 'room:2');

  await call(nat, 'leave', first.number);
  await becomes(async () => (await server.metrics()).topics, 2);
  await joinNative(nat, 'room:4');
});

test('topics_per_session_max counts joined and watched ones, and those that are under way', async t => {
  const server = await startServer(t, { set: { topics_per_session_max: 3 } });
  const nat = await native(server);
  for (let i = 0; i < 6; i++) nat.send([i % 2 ? 'watch' : 'join', i, `room:${i}`]);

  const answers = [];
  while (answers.length < 6) {
    const m = await nat.next();
    if (m[0] !== 'count') answers.push(`${m[0]} ${m[1]} ${m[0] === 'error' ? m[2] : ''}`);
  }
  assert.deepEqual(answers.sort(), [
    'error 3 too_many_topics_joined',
    'error 4 too_many_topics_joined',
    'error 5 too_many_topics_joined',
    'joined 0 ',
    'joined 2 ',
    'watching 1 ',
  ]);
});

test('meta_bytes_max: a larger meta is refused, one of that size not', async t => {
  const server = await startServer(t, { set: { meta_bytes_max: '100' } });
  const nat = await native(server);
  const meta = bytes => ({ x: 'y'.repeat(bytes - '{"x":""}'.length) });

  assert.equal((await call(nat, 'join', 'room:1', { meta: meta(101) }))[2], 'meta_too_large');
  const { number } = await joinNative(nat, 'room:1', { meta: meta(100) });
  assert.equal((await call(nat, 'update', number, meta(101)))[2], 'meta_too_large');
  assert.equal((await call(nat, 'update', number, meta(99)))[0], 'ok');
  const client = await openPhoenix(server);
  client.send(['1', '1', 'room:1', 'phx_join', { meta: meta(101) }]);
  assert.equal((await client.next())[4].response.reason, 'the meta is larger than meta_bytes_max');
});

test('topic_bytes_max: a longer name is no topic, bytes counting', async t => {
  const server = await startServer(t, { set: { topic_bytes_max: '10' } });
  const nat = await native(server);

  await joinNative(nat, 'x'.repeat(10));
  await joinNative(nat, 'é'.repeat(5));
  assert.equal((await call(nat, 'join', 'x'.repeat(11)))[2], 'bad_topic');
  assert.equal((await call(nat, 'join', 'é'.repeat(6)))[2], 'bad_topic');
  assert.equal((await server.get(`/api/v1/topics/${'x'.repeat(11)}`)).status, 400);
  assert.equal((await server.get('/ws/posts/123456/live')).status, 400);
});

test('messages_per_second: who floods is told and closed with 1008, who keeps the pace is not', async t => {
  const server = await startServer(t, { set: { messages_per_second: 20, messages_burst: 10 } });
  const nat = await native(server);
  for (let i = 0; i < 20; i++) nat.send(['ping']);
  assert.deepEqual(await nat.find(m => m[0] === 'bye'), [
    'bye',
    'too_fast',
    1000,
    'too many messages',
  ]);
  assert.deepEqual(await nat.ended(), { code: 1008, reason: 'too many messages' });

  const room = await enterRoom(server, 1);
  for (let i = 0; i < 20; i++) room.send({ type: 'ping' });
  assert.deepEqual(await room.ended(), { code: 1008, reason: 'Too many messages' });
  const phoenix = await openPhoenix(server);
  for (let i = 0; i < 20; i++) phoenix.send([null, String(i), 'phoenix', 'heartbeat', {}]);
  assert.equal((await phoenix.ended()).code, 1008);

  const steady = await enterRoom(server, 1);
  for (let i = 0; i < 15; i++) {
    steady.send({ type: 'ping' });
    await steady.find(m => m.type === 'pong');
    await new Promise(resolve => setTimeout(resolve, 60));
  }
  assert.equal((await server.metrics()).fast_closes, 3);
});

test('who is closed for flooding and is nobody in particular is not counted any more', async t => {
  const server = await startServer(t, { set: { messages_burst: 10 } });
  const room = await enterRoom(server, 1);
  for (let i = 0; i < 50; i++) room.send({ type: 'ping' });

  await room.ended();
  assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
});

test('every limit may be set to the most that is allowed, and the server still serves', async t => {
  const server = await startServer(t, {
    set: {
      topic_bytes_max: '4KiB',
      key_bytes_max: '1KiB',
      meta_bytes_max: '1MiB',
      message_bytes_max: '16MiB',
      head_bytes_max: '64KiB',
      uri_bytes_max: '64KiB',
      headers_max: 10_000,
      body_bytes_max: '1GiB',
      queue_bytes_max: '1GiB',
      send_buffer: '1GiB',
      sessions_max: 100_000_000,
      topics_max: 100_000_000,
      topics_per_session_max: 1_000_000,
      presences_max: 100_000_000,
      messages_per_second: 1_000_000,
      messages_burst: 1_000_000,
      idle_timeout: '1h',
      head_timeout: '10m',
      leave_grace: '10m',
      announce_max: '1m',
      announce_rate: 1_000_000_000,
      jwt_leeway: '1h',
    },
  });
  const nat = await native(server, { visitor: 'anna' });
  const topic = 'x'.repeat(4096),
    meta = { x: 'y'.repeat(1_000_000) };
  const { number } = await joinNative(nat, topic, { mode: 'list', meta });
  const state = await nat.find(m => m[0] === 'state');

  assert.equal(state[4][0][2].x.length, 1_000_000);
  assert.equal((await call(nat, 'leave', number))[0], 'ok');
  await enterRoom(server, 1, { visitor: 'x'.repeat(64) });
});

test('every limit may be set to the least that is allowed, and the server still serves', async t => {
  const server = await startServer(t, {
    set: {
      topic_bytes_max: 1,
      key_bytes_max: 1,
      meta_bytes_max: 2,
      message_bytes_max: 128,
      head_bytes_max: 512,
      uri_bytes_max: 64,
      headers_max: 8,
      body_bytes_max: 0,
      queue_bytes_max: '1KiB',
      send_buffer: 0,
      topics_max: 1,
      topics_per_session_max: 1,
      presences_max: 1,
      messages_per_second: 1,
      messages_burst: 2,
      idle_timeout: '1s',
      head_timeout: '100ms',
      leave_grace: '0s',
      announce_max: '0s',
      announce_rate: 1,
      drain: '0s',
    },
    workers: 1,
  });
  const nat = await native(server);
  const { viewers } = await joinNative(nat, 'x');
  assert.equal(viewers, 1);
  await nat.close(1000);
  await becomes(() => server.counts('x'), { viewers: 0, people: 0 });
});
