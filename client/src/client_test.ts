// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { createClient, getClient } from './client.js';
import type { ServerMessage } from './protocol.js';
import type { ClientOptions, Snapshot, Status } from './types.js';
import { clock, FakeSocket, newWorld, pass, type FakePage } from './world.testing.js';

let page: FakePage;
let warnings: unknown[][];

beforeEach(() => {
  page = newWorld();
  warnings = [];
  console.warn = (...args: unknown[]) => void warnings.push(args);
  Math.random = () => 0.5;
});

const url = 'ws://server/rollcall';
const ignore = (): void => {};

/** A client that is in `topic` with so many, of whom the server knows as number 0. */
async function joined(topic = 'a', viewers = 7, options: ClientOptions = {}) {
  const client = createClient({ url, ...options });
  const seen: Snapshot[] = [];
  const leave = client.subscribe(topic, (snapshot) => seen.push(snapshot));
  await pass();
  FakeSocket.last.welcome();
  FakeSocket.last.admit(0, viewers);
  return { client, seen, leave, socket: FakeSocket.last, get: () => client.get(topic) };
}

/** Lets the next attempt come and be welcome. */
async function comeBack(viewers: number): Promise<FakeSocket> {
  await pass(1500);
  FakeSocket.last.welcome();
  FakeSocket.last.admit(0, viewers);
  return FakeSocket.last;
}

/* The connection. */

test('nothing is opened and no timer is set before the first subscription', async () => {
  const client = createClient({ url });
  client.get('a');
  await pass(60_000);

  assert.equal(FakeSocket.all.length, 0);
  assert.equal(clock.waiting, 0);
  assert.equal(page.listeners, 0);
  assert.equal(client.status, 'idle');
});

test('a join says hello first and gives the numbers', async () => {
  const { socket, client, get } = await joined();

  assert.equal(socket.url, url);
  assert.equal(socket.protocol, 'rollcall.v1');
  assert.deepEqual(socket.sent, [
    ['hello', { visitor: true }],
    ['join', 1, 'a', { mode: 'count' }],
  ]);
  assert.equal(client.key, '~me');
  assert.deepEqual(get(), {
    count: 7,
    viewers: 7,
    list: null,
    status: 'connected',
    stale: false,
    updatedAt: 1_000_000,
  });
});

test('a url may be relative to the page or begin with https', async () => {
  Object.assign(globalThis, { location: { href: 'https://blog.example/post/1' } });
  for (const [given, wanted] of [
    [undefined, 'wss://blog.example/rollcall'],
    ['/live', 'wss://blog.example/live'],
    ['https://counts.example/rollcall', 'wss://counts.example/rollcall'],
    ['ws://counts.example:81/x', 'ws://counts.example:81/x'],
  ] as const) {
    createClient({ url: given }).subscribe('a', ignore);
    await pass();
    assert.equal(FakeSocket.last.url, wanted);
  }
  Reflect.deleteProperty(globalThis, 'location');
});

test('a page has one client of one server', () => {
  assert.equal(getClient(url), getClient(url));
  assert.notEqual(getClient(url), getClient('ws://other/rollcall'));
});

test('a ping is answered', async () => {
  const { socket, get } = await joined();
  const before = get();
  socket.say(['ping'], ['ok', 0], ['pong']);

  assert.deepEqual(socket.sent.at(-1), ['pong']);
  assert.equal(get(), before);
});

test('attempts are ever further apart, from 250 ms to 30 s, and at random', async () => {
  const waits: number[] = [];
  for (const luck of [0, 0.999]) {
    newWorld();
    Math.random = () => luck;
    createClient({ url }).subscribe('a', ignore);
    await pass();
    for (let n = 0; n < 8; n++) {
      const from = clock.now;
      const so_far = FakeSocket.all.length;
      FakeSocket.last.end();
      while (FakeSocket.all.length === so_far) await pass(50);
      waits.push(clock.now - from);
    }
  }

  assert.ok(waits.slice(0, 8).every((ms) => ms === 250));
  assert.deepEqual(
    waits.slice(8).map((ms) => Math.round(ms / 1000)),
    [1, 2, 4, 8, 16, 30, 30, 30],
  );
});

test('a connection that lasted 10 s begins the count of attempts anew', async () => {
  await joined();
  for (let n = 0; n < 6; n++) {
    FakeSocket.last.end();
    await pass(30_000);
  }
  FakeSocket.last.welcome();
  await pass(10_001);
  const so_far = FakeSocket.all.length;
  FakeSocket.last.end();
  await pass(750);

  assert.equal(FakeSocket.all.length, so_far + 1);
});

test('the next attempt is not before the server wants it', async () => {
  const { socket } = await joined();
  socket.say(['bye', 'stopping', 5000, 'the server is stopping']);
  socket.end(1001);
  await pass(5000);
  assert.equal(FakeSocket.all.length, 1);
  await pass(1250);

  assert.equal(FakeSocket.all.length, 2);
});

test('a server that is silent for too long is given up', async () => {
  const { socket, get } = await joined();
  await pass(64_000);
  assert.equal(get().stale, false);
  await pass(1000);
  assert.equal(get().stale, true);
  assert.equal(socket.closedWith, 4001);
  await pass(750);

  assert.equal(FakeSocket.all.length, 2);
});

test('a server that does not welcome within 10 s is given up', async () => {
  createClient({ url }).subscribe('a', ignore);
  await pass();
  FakeSocket.last.open();
  await pass(10_750);

  assert.equal(FakeSocket.all.length, 2);
});

test('a refusal is for good: one warning, no further attempt, the number stays for a while', async () => {
  const { socket, client, get } = await joined();
  socket.say(['error', null, 'bad_token', 'token expired']);
  socket.end(4401, 'token expired');
  await pass(240_000);
  assert.equal(get().count, 7);
  client.subscribe('b', ignore);
  page.fire('online');
  await pass(240_000);

  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(warnings, [['rollcall:', '', 'token expired']]);
  assert.equal(client.status, 'closed');
  assert.deepEqual([get().count, get().status], [null, 'closed']);
  assert.equal(page.listeners, 0);
});

test('a goodbye without return is a refusal, too', async () => {
  const { socket, client } = await joined();
  socket.say(['bye', 'no_hello', -1, 'no hello in time']);
  socket.end(1008, 'no hello in time');
  await pass(60_000);

  assert.equal(client.status, 'closed');
  assert.equal(FakeSocket.all.length, 1);
});

test('a token is asked for each attempt', async () => {
  let n = 0;
  const { socket } = await joined('a', 7, { token: async () => `token ${++n}` });
  socket.end();
  const next = await comeBack(7);

  assert.deepEqual(socket.sent[0], ['hello', { token: 'token 1', visitor: true }]);
  assert.deepEqual(next.sent[0], ['hello', { token: 'token 2', visitor: true }]);
});

test('a token that cannot be had is tried again, and nothing is opened without it', async () => {
  let n = 0;
  const token = (): Promise<string> => (++n < 3 ? Promise.reject(new Error('away')) : Promise.resolve('t'));
  createClient({ url, token }).subscribe('a', ignore);
  await pass();
  assert.equal(FakeSocket.all.length, 0);
  await pass(750);
  await pass(1250);
  FakeSocket.last.open();

  assert.equal(n, 3);
  assert.deepEqual(FakeSocket.last.heard('hello')[1].token, 't');
});

test('a page that goes while its token is made opens nothing', async () => {
  let give: (token: string) => void = ignore;
  createClient({ url, token: () => new Promise((resolve) => (give = resolve)) }).subscribe('a', ignore);
  await pass();
  page.fire('pagehide');
  give('t');
  await pass(60_000);

  assert.equal(FakeSocket.all.length, 0);
});

test('who a browser is, is made by the server and kept', async () => {
  createClient({ url }).subscribe('a', ignore);
  await pass();
  FakeSocket.last.open();
  FakeSocket.last.say(['welcome', { key: '~x7', visitor: 'x7', idle_ms: 60_000 }]);
  createClient({ url }).subscribe('a', ignore);
  await pass();
  FakeSocket.last.open();

  assert.deepEqual(FakeSocket.last.heard('hello'), ['hello', { visitor: 'x7' }]);
  assert.deepEqual(localStorage, { rollcall: 'x7' });
});

test('a visitor may be of this page only, nobody, or named by the page', async () => {
  const hellos: unknown[] = [];
  for (const visitor of ['tab', false, 'cookie-7'] as const) {
    createClient({ url, visitor }).subscribe('a', ignore);
    for (let i = 0; i < 2; i++) {
      await pass(750);
      FakeSocket.last.open();
      hellos.push(FakeSocket.last.heard('hello')[1].visitor);
      FakeSocket.last.say(['welcome', { key: '~x', visitor: visitor === 'tab' ? 'x' : undefined, idle_ms: 60_000 }]);
      FakeSocket.last.end();
    }
  }

  assert.deepEqual(hellos, [true, 'x', false, false, 'cookie-7', 'cookie-7']);
  assert.deepEqual(localStorage, {});
});

test('a browser without storage is somebody for as long as the page lasts', async () => {
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get: () => {
      throw new Error('denied');
    },
  });
  createClient({ url }).subscribe('a', ignore);
  const hellos: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    await pass(750);
    FakeSocket.last.open();
    hellos.push(FakeSocket.last.heard('hello')[1].visitor);
    FakeSocket.last.say(['welcome', { key: '~x', visitor: 'x', idle_ms: 60_000 }]);
    FakeSocket.last.end();
  }
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, writable: true, value: {} });

  assert.deepEqual(hellos, [true, 'x']);
});

/* The page. */

for (const [going, coming] of [
  ['pagehide', 'pageshow'],
  ['freeze', 'resume'],
] as const)
  test(`at ${going} the page leaves and keeps its number, at ${coming} it is back at once`, async () => {
    const { socket, get } = await joined();
    page.fire(going);
    assert.equal(socket.closedWith, 4001);
    assert.deepEqual([get().count, get().status, get().stale], [7, 'idle', true]);
    await pass(600_000);
    assert.equal(get().count, 7);
    assert.equal(FakeSocket.all.length, 1);
    page.fire(coming);
    await pass();

    assert.equal(FakeSocket.all.length, 2);
  });

test('a page that is hidden for 30 s leaves, and is back when it is seen', async () => {
  const { socket, get } = await joined();
  page.hide(true);
  await pass(29_999);
  assert.equal(socket.alive, true);
  await pass(1);
  assert.equal(socket.closedWith, 4001);
  assert.deepEqual([get().count, get().status], [7, 'idle']);
  page.fire('resume');
  page.fire('online');
  await pass(60_000);
  assert.equal(FakeSocket.all.length, 1);
  page.hide(false);
  await pass();

  assert.equal(FakeSocket.all.length, 2);
});

test('a page that is hidden for less does not leave', async () => {
  const { socket } = await joined();
  for (let i = 0; i < 5; i++) {
    page.hide(true);
    await pass(20_000);
    page.hide(false);
    socket.say(['ping']);
  }

  assert.equal(socket.alive, true);
  assert.equal(FakeSocket.all.length, 1);
});

test('a page may stay while it is hidden', async () => {
  const { socket } = await joined('a', 7, { hiddenGrace: false });
  page.hide(true);
  await pass(50_000);

  assert.equal(socket.alive, true);
});

test('a page that was never seen is not counted', async () => {
  page.hidden = true;
  createClient({ url }).subscribe('a', ignore);
  await pass(60_000);
  assert.equal(FakeSocket.all.length, 0);
  page.hide(false);
  await pass();

  assert.equal(FakeSocket.all.length, 1);
});

test('offline there are no attempts, and one at once when it is over', async () => {
  const { get, client } = await joined();
  page.fire('offline');
  assert.deepEqual([get().count, get().status, client.status], [7, 'offline', 'offline']);
  await pass(120_000);
  assert.equal(FakeSocket.all.length, 1);
  page.fire('online');
  await pass();

  assert.equal(FakeSocket.all.length, 2);
});

test('a wait is cut short when there is a reason, and there is one attempt at a time', async () => {
  const { socket } = await joined();
  socket.end();
  for (const type of ['visibilitychange', 'pageshow', 'resume', 'online']) page.fire(type);
  await pass(200);
  page.fire('online');
  await pass(5000);

  assert.equal(FakeSocket.all.length, 2);
});

test('a page that slept notices a dead connection when it is seen again', async () => {
  await joined();
  clock.now += 3_600_000; // its timers stood still
  page.fire('visibilitychange');
  await pass();

  assert.equal(FakeSocket.all.length, 2);
});

/* Topics. */

test('many subscribers are one join, and each is told', async () => {
  const { client, socket } = await joined();
  const told: (number | null)[] = [];
  for (let i = 0; i < 3; i++) client.subscribe('a', ({ count }) => told.push(count));
  socket.say(['count', 0, 9, 8]);

  assert.equal(socket.count('join'), 1);
  assert.deepEqual(told, [8, 8, 8]);
});

test('one listener may subscribe twice, and each ends on its own', async () => {
  const { client, socket } = await joined();
  let told = 0;
  const listener = (): void => void told++;
  const [first] = [client.subscribe('a', listener), client.subscribe('a', listener)];
  first();
  first();
  socket.say(['count', 0, 9, 8]);

  assert.equal(told, 1);
});

test('who comes back within the linger has not left', async () => {
  const { client, socket, leave } = await joined();
  leave();
  await pass(900);
  const again = client.subscribe('a', ignore);
  await pass(5000);
  again();
  await pass(900);
  client.subscribe('a', ignore);
  await pass(5000);

  assert.equal(socket.count('leave'), 0);
  assert.equal(socket.count('join'), 1);
});

test('the last one leaves by closing, with nothing left behind', async () => {
  const { client, socket, leave, get } = await joined();
  leave();
  await pass(1000);

  assert.equal(socket.closedWith, 1000);
  assert.equal(client.status, 'idle');
  assert.equal(get().count, null);
  assert.equal(clock.waiting, 0);
  assert.equal(page.listeners, 0);
});

test('another topic is left by a message', async () => {
  const { client, socket } = await joined();
  const leave = client.subscribe('b', ignore);
  socket.admit(256, 3);
  leave();
  await pass(1000);

  assert.deepEqual(socket.sent.at(-1), ['leave', 3, 256]);
  assert.equal(socket.alive, true);
  assert.equal(client.get('b').count, null);
});

test('a topic that is left before its join is answered is left then', async () => {
  const { client, socket } = await joined();
  client.subscribe('b', ignore)();
  await pass(3000);
  assert.equal(socket.count('leave'), 0);
  socket.admit(256, 3);
  await pass(1000);

  assert.deepEqual(socket.sent.at(-1), ['leave', 3, 256]);
});

test('who only observes is told and not counted, and is counted when somebody is', async () => {
  const client = createClient({ url });
  client.subscribe('a', ignore, { observe: true });
  await pass();
  const socket = FakeSocket.last;
  socket.welcome();
  socket.admit(0, 3);
  assert.deepEqual(socket.sent.at(-1), ['watch', 1, 'a', { mode: 'count' }]);
  const leave = client.subscribe('a', ignore);
  assert.deepEqual(socket.sent.slice(-2), [
    ['leave', 2, 0],
    ['join', 3, 'a', { mode: 'count' }],
  ]);
  assert.equal(client.get('a').stale, false);
  socket.admit(0, 4);
  leave();
  await pass(1000);

  assert.deepEqual(socket.sent.slice(-2), [
    ['leave', 4, 0],
    ['watch', 5, 'a', { mode: 'count' }],
  ]);
  assert.equal(client.get('a').count, 4);
});

test('subscribers of one moment are one join, whatever each wants', async () => {
  const client = createClient({ url });
  client.subscribe('a', ignore, { observe: true });
  client.subscribe('a', ignore);
  client.subscribe('a', ignore, { list: true, meta: { name: 'Ada' } });
  await pass();
  FakeSocket.last.welcome();

  assert.deepEqual(FakeSocket.last.sent.slice(1), [
    ['join', 1, 'a', { mode: 'list', meta: { name: 'Ada' } }],
  ]);
});

test('a list begins with the numbers of the answer and is mended by diffs', async () => {
  const client = createClient({ url });
  const seen: Snapshot[] = [];
  client.subscribe('a', (snapshot) => seen.push(snapshot), { list: true });
  await pass();
  FakeSocket.last.welcome();
  FakeSocket.last.admit(0, 2);
  FakeSocket.last.say(
    ['state', 0, 1, 1, [['r1', 'bob', {}]]],
    ['diff', 0, 2, 2, [['r2', '~me', {}]], [], []],
    ['state', 0, 1, 1, [['r2', '~me', {}]]],
  );

  assert.deepEqual(
    seen.map(({ count, list }) => [count, list && [...list.keys()]]).slice(-4),
    [
      [2, null],
      [2, ['r1']],
      [2, ['r1', 'r2']],
      [1, ['r2']],
    ],
  );
});

test('the meta is sent with each join, and a change of it at once or after the answer', async () => {
  const client = createClient({ url });
  client.subscribe('a', ignore, { list: true, meta: { n: 1 } });
  client.update('a', { n: 2 });
  await pass();
  const socket = FakeSocket.last;
  socket.welcome();
  client.update('a', { n: 3 });
  assert.equal(socket.count('update'), 0);
  socket.admit(0, 1);
  client.update('a', { n: 4 });
  socket.end();
  const next = await comeBack(1);

  assert.deepEqual(
    socket.sent.filter(([name]) => name === 'join' || name === 'update'),
    [
      ['join', 1, 'a', { mode: 'list', meta: { n: 2 } }],
      ['update', 2, 0, { n: 3 }],
      ['update', 3, 0, { n: 4 }],
    ],
  );
  assert.deepEqual(next.sent[1], ['join', 4, 'a', { mode: 'list', meta: { n: 4 } }]);
});

test('events go to those who listen for them', async () => {
  const { client, socket } = await joined();
  const heard: unknown[] = [];
  const off = client.on('a', 'clap', (payload) => heard.push(payload));
  client.on('a', 'boo', () => heard.push('boo'));
  client.on('b', 'clap', () => heard.push('b'));
  assert.equal(client.publish('a', 'clap', { times: 2 }), true);
  assert.equal(client.publish('b', 'clap', null), false);
  socket.say(['event', 0, 'clap', { times: 2 }], ['event', 0, 'clap', null]);
  off();
  socket.say(['event', 0, 'clap', 3]);

  assert.deepEqual(socket.sent.at(-1), ['publish', 2, 0, 'clap', { times: 2 }]);
  assert.deepEqual(heard, [{ times: 2 }, null]);
});

test('a topic that is refused is closed, with a warning, and the others go on', async () => {
  const { client, socket, get } = await joined();
  client.subscribe('secret', ignore);
  socket.say(['error', 2, 'forbidden', 'the token does not open this topic']);
  client.update('secret', { n: 1 });
  await pass(10_000);
  socket.say(['count', 0, 9, 9]);

  assert.deepEqual(warnings, [['rollcall:', 'secret', 'the token does not open this topic']]);
  assert.equal(client.get('secret').status, 'closed');
  assert.equal(get().count, 9);
  assert.equal(socket.count('update'), 0);
});

test('other errors are warned of and change nothing', async () => {
  const { socket, get } = await joined();
  const before = get();
  socket.say(['error', 99, 'events_off', 'clients may not publish'], ['error', null, 'bad_message', 'x']);

  assert.equal(warnings.length, 2);
  assert.equal(get(), before);
});

test('a seed is shown until there is something better, and goes when it is old', async () => {
  const client = createClient({ url });
  client.seed('a', 5, 900_000);
  client.subscribe('a', ignore);
  assert.deepEqual(
    [client.get('a').count, client.get('a').stale, client.get('a').updatedAt],
    [5, true, 900_000],
  );
  await pass();
  FakeSocket.last.welcome();
  FakeSocket.last.admit(0, 7);
  client.seed('a', 4);
  assert.equal(client.get('a').count, 7);
  client.seed('b', 3);
  await pass(1000);

  assert.equal(client.get('b').count, null);
});

test('a snapshot is frozen, and the same until something changes', async () => {
  const { seen, get, socket } = await joined();
  const before = get();
  const so_far = seen.length;
  socket.say(['ping'], ['ok', 5]);

  assert.equal(get(), before);
  assert.equal(seen.length, so_far);
  assert.ok(Object.isFrozen(before));
  assert.equal(seen.at(-1), before);
});

test('a connection goes by each status, and a topic with it', async () => {
  const client = createClient({ url });
  const statuses: Status[] = [];
  const topics: Status[] = [];
  client.onStatus((status) => statuses.push(status));
  client.subscribe('a', ({ status }) => topics.at(-1) !== status && topics.push(status));
  await pass();
  FakeSocket.last.welcome();
  FakeSocket.last.admit(0, 1);
  FakeSocket.last.end();
  await comeBack(1);
  page.fire('offline');
  page.fire('pagehide');
  client.close();

  const all = ['connecting', 'connected', 'reconnecting', 'connected', 'offline', 'idle', 'closed'];
  assert.deepEqual(statuses, all);
  assert.deepEqual(topics, all);
});

test('a client that is closed has no number and does not come back', async () => {
  const { client, get, leave, socket } = await joined();
  client.close();
  assert.equal(socket.closedWith, 1000);
  assert.equal(get().count, null);
  page.fire('online');
  client.subscribe('b', ignore);
  leave();
  await pass(60_000);

  assert.equal(FakeSocket.all.length, 1);
  assert.equal(page.listeners, 0);
});

/* The number. */

test('through a restart the number stays, is old, and then is the new one', async () => {
  const { seen, socket, get } = await joined();
  const numbers = (): (number | null)[] => seen.map(({ count }) => count).filter((n, i, all) => n !== all[i - 1]);
  socket.end();
  assert.deepEqual([get().count, get().stale, get().status], [7, true, 'reconnecting']);
  await comeBack(8);

  assert.deepEqual(numbers(), [null, 7, 8]);
  assert.deepEqual([get().count, get().stale, get().status], [8, false, 'connected']);
});

test('an outage of more than maxStale hides the number', async () => {
  const { socket, get } = await joined();
  socket.end();
  for (let s = 0; s < 299; s++) {
    FakeSocket.last.end();
    await pass(1000);
  }
  assert.equal(get().count, 7);
  await pass(1000);

  assert.equal(get().count, null);
});

test('the time that a page is not in use does not make a number old', async () => {
  const { get } = await joined();
  page.fire('freeze');
  await pass(3_600_000);
  page.fire('resume');
  await pass(1000);
  assert.equal(get().count, 7);
  for (let s = 0; s < 299; s++) {
    FakeSocket.last.end();
    await pass(1000);
  }

  assert.equal(get().count, null);
});

test('no message of the server, known or not, throws', async () => {
  const { socket, get } = await joined();
  const odd = [
    ['count', 9, 1, 1],
    ['diff', 0, 3, 3, [], [], []],
    ['event', 9, 'x', 1],
    ['later', 0, 1],
    ['joined', 99, 5, 1, 1, 'x'],
    ['state', 9, 1, 1, []],
  ] as unknown as ServerMessage[];
  socket.say(...odd);

  assert.equal(get().status, 'connected');
});
