// SPDX-License-Identifier: MIT
//
// All dialects see the same topics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterRoom, joinNative, native, told, watchNative } from '../lib/client.mjs';
import { connect, enter, sees } from '../lib/phoenix.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { becomes } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

test('a Phoenix client, a rooms client and a native one count each other', async t => {
  const server = await startServer(t);
  const room = await enterRoom(server, 1, { visitor: 'anna' });
  const phoenix = await enter(connect(server, { params: { visitor: 'bert' } }), 'post:1');
  const nat = await native(server, { visitor: 'carl' });
  assert.deepEqual((await joinNative(nat, 'post:1')).viewers, 3);

  await told(room, 3);
  await sees(phoenix, {
    [keyOfVisitor('anna')]: 1,
    [keyOfVisitor('bert')]: 1,
    [keyOfVisitor('carl')]: 1,
  });
  await room.close(1000);
  await sees(phoenix, { [keyOfVisitor('bert')]: 1, [keyOfVisitor('carl')]: 1 });
  await told(nat, 2);
  phoenix.channel.leave();
  await told(nat, 1);
  assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
});

test('watchers of every dialect see and are not seen', async t => {
  const server = await startServer(t);
  const nat = await native(server);
  const { viewers } = await watchNative(nat, 'post:1');
  const phoenix = await enter(connect(server), 'post:1', { track: false });
  assert.equal(viewers, 0);

  const room = await enterRoom(server, 1, { visitor: 'anna' });
  assert.equal(room.viewers, 1);
  await told(nat, 1);
  await sees(phoenix, { [keyOfVisitor('anna')]: 1 });
  await room.close(1000);
  await told(nat, 0);
  await sees(phoenix, {});
});

test('one person in three dialects is three viewers and one person', async t => {
  const server = await startServer(t, { set: { jwt_secret: SECRET } });
  const who = token({ sub: 'anna' });
  await enterRoom(server, 1, { token: who });
  const phoenix = await enter(connect(server, { authToken: who }), 'post:1');
  const nat = await native(server, { token: who });
  const { viewers, people } = await joinNative(nat, 'post:1');

  assert.deepEqual([viewers, people], [3, 1]);
  await sees(phoenix, { anna: 3 });
});

test('a page that moves from one dialect to another within the grace is not announced', async t => {
  const server = await startServer(t);
  const watcher = await native(server);
  await watchNative(watcher, 'post:1');
  const room = await enterRoom(server, 1, { visitor: 'anna' });
  await told(watcher, 1);

  room.terminate();
  await server.absent(1);
  const phoenix = await enter(connect(server, { params: { visitor: 'anna' } }), 'post:1');
  await sees(phoenix, { [keyOfVisitor('anna')]: 1 });
  assert.deepEqual(watcher.inbox.waiting, []);
  assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
});

test('events reach all dialects', async t => {
  const server = await startServer(t, { set: { client_events: 'true' } });
  const room = await enterRoom(server, 1);
  const nat = await native(server);
  await joinNative(nat, 'post:1', { mode: 'list' });
  const phoenix = await enter(connect(server), 'post:1');
  const got = [];
  phoenix.channel.on('wave', payload => got.push(payload));

  phoenix.channel.push('wave', { n: 1 });
  assert.deepEqual(await room.find(m => m.type === 'event'), {
    type: 'event',
    event: 'wave',
    payload: { n: 1 },
  });
  assert.deepEqual((await nat.find(m => m[0] === 'event')).slice(2), ['wave', { n: 1 }]);
  await becomes(() => got, [{ n: 1 }]);
});

test('numbers are right over four workers, whichever owns the topic', async t => {
  const server = await startServer(t, { workers: 4 });
  const clients = await Promise.all(Array.from({ length: 12 }, () => native(server)));
  for (let topic = 0; topic < 20; topic++)
    await Promise.all(clients.map(client => joinNative(client, `room:${topic}`)));

  for (let topic = 0; topic < 20; topic++)
    assert.deepEqual(await server.counts(`room:${topic}`), { viewers: 12, people: 12 });
  for (const client of clients.slice(1)) client.terminate();
  for (let topic = 0; topic < 20; topic++)
    await becomes(() => server.counts(`room:${topic}`), { viewers: 1, people: 1 });
});
