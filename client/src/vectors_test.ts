// SPDX-License-Identifier: MIT
//
// vectors_test.ts - the examples that the server's tests run (tests/vectors/native.json): each
// message of the server is understood, and each that we send is one of those the server takes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, test } from 'node:test';
import { createClient } from './client.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import type { ClientOptions } from './types.js';
import { FakeSocket, newWorld, pass } from './world.testing.js';

interface Case {
  readonly name: string;
  readonly given: readonly unknown[];
  readonly client: unknown;
  readonly server: readonly unknown[];
}

// This file runs from client/build/.
const path = new URL('../../tests/vectors/native.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Case[];
const topics = new Map([
  [0, 'post:1'],
  [256, 'post:2'],
]);

beforeEach(() => {
  newWorld();
  console.warn = () => {};
});

/** A client that is in both topics, and its socket. */
async function joined(options: ClientOptions = {}) {
  const client = createClient({ url: 'ws://server/', ...options });
  for (const topic of topics.values()) client.subscribe(topic, () => {}, { list: true });
  await pass();
  const socket = FakeSocket.last;
  socket.welcome();
  socket.say(['joined', 1, 0, 1, 1, 'x'], ['joined', 2, 256, 1, 1, 'y']);
  return { client, socket };
}

const messages = cases.flatMap(({ name, server }) =>
  server.filter(Array.isArray).map((message) => [name, message as unknown as ServerMessage] as const),
);

test('there are examples of every message of the server that we know', () => {
  const names = new Set(messages.map(([, [name]]) => name));

  for (const name of [
    ...['welcome', 'joined', 'watching', 'count', 'state', 'diff', 'event'],
    ...['ok', 'error', 'bye', 'ping', 'pong'],
  ])
    assert.ok(names.has(name as never), name);
});

test('each message of the server is understood, and numbers and lists are those it says', async () => {
  for (const [name, message] of messages) {
    const { client, socket } = await joined();
    const events: unknown[] = [];
    client.on('post:1', 'clap', (payload) => events.push(payload));
    socket.say(['state', 0, 9, 9, [['AAAABwAAAAACAA', 'bob', {}]]], message);
    const now = client.get(topics.get(message[1] as number) ?? 'post:1');
    switch (message[0]) {
      case 'welcome':
        assert.equal(client.key, message[1].key, name);
        break;
      case 'count':
      case 'diff':
        assert.deepEqual([now.viewers, now.count], [message[2], message[3]], name);
        break;
      case 'event':
        assert.deepEqual(events, [message[3]], name);
    }
    if (message[0] === 'state')
      assert.deepEqual([...now.list!.values()].map((p) => [p.ref, p.key, p.meta]), message[4], name);
    if (message[0] === 'diff') {
      for (const [ref, key, meta] of [...message[4], ...message[6]])
        assert.deepEqual(now.list!.get(ref), { ref, key, meta }, name);
      for (const ref of message[5]) assert.ok(!now.list!.has(ref), name);
    }
    if (message[0] === 'ping') assert.deepEqual(socket.sent.at(-1), ['pong'], name);
    client.close();
  }
});

test('each message that we send is one that the server takes', async () => {
  // The second element of most is a number that we choose, and any topic is as good.
  const form = (message: unknown): string =>
    JSON.stringify(message, (key, value: unknown) =>
      (key === '1' && typeof value === 'number') || value === 256
        ? 0
        : value === 'post:2'
          ? 'post:1'
          : value,
    );
  const good = new Set(
    cases
      .filter(({ client, server }) => Array.isArray(client) && !form(server).includes('"error"'))
      .flatMap(({ client, given }) => [
        form(client),
        ...given.filter((step) => (step as unknown[])[0] === 'client').map((step) => form((step as unknown[])[1])),
      ]),
  );
  const said: ClientMessage[] = [];
  type Act = (client: ReturnType<typeof createClient>) => unknown;
  const say = async (options: ClientOptions, before: Act, after: Act = () => {}) => {
    const client = createClient({ url: 'ws://server/', ...options });
    before(client);
    await pass();
    const socket = FakeSocket.last;
    socket.welcome();
    socket.admit(0, 1);
    after(client);
    socket.say(['ping']);
    await pass(1000);
    said.push(...socket.sent);
    client.close();
  };
  const ignore = (): void => {};
  const join: Act = (client) => client.subscribe('post:1', ignore);
  await say({}, join);
  await say({ token: 'good:ada', visitor: false }, join, (client) =>
    client.publish('post:1', 'clap', null),
  );
  await say({ visitor: 'blue-whale_7' }, (client) =>
    client.subscribe('post:1', ignore, { observe: true, list: true }),
  );
  await say({}, (client) =>
    client.subscribe('post:1', ignore, { list: true, meta: { color: 'red' } }),
  );
  await say({}, join, (client) => {
    client.update('post:1', { typing: true });
    client.publish('post:1', 'clap', { times: 2 });
  });
  await say({}, join, (client) => {
    client.subscribe('post:2', ignore)();
    FakeSocket.last.admit(256, 1);
  });

  const names = new Set(said.map(([name]) => name));
  for (const name of ['hello', 'join', 'watch', 'leave', 'update', 'publish', 'pong'] as const)
    assert.ok(names.has(name), name);
  // The options of a hello go together as one likes.
  const parts = said.flatMap((message): unknown[] =>
    message[0] === 'hello'
      ? Object.entries(message[1]).map(([name, value]) => ['hello', { [name]: value }])
      : [message],
  );
  const odd = parts.filter((message) => !good.has(form(message)));
  assert.deepEqual(odd.map(form), []);
});
