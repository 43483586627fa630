// SPDX-License-Identifier: MIT
//
// The stock `phoenix` client of npm, over npm `ws`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as phoenix15 from 'phoenix-1.5';
import * as phoenix16 from 'phoenix-1.6';
import * as phoenix17 from 'phoenix-1.7';
import { refused, phoenixPath } from '../lib/client.mjs';
import { answer, connect, countsMetas, enter, metas, seen, sees } from '../lib/phoenix.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { becomes, sleep, within } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const KEYED = { set: { jwt_secret: SECRET } };

const visitor = name => ({ params: { visitor: name } });

test('two clients count one and two, and one again', async t => {
  const server = await startServer(t);

  const anna = await enter(connect(server, visitor('anna')), 'article:9');
  await sees(anna, { [keyOfVisitor('anna')]: 1 });
  const bert = await enter(connect(server, visitor('bert')), 'article:9');
  await sees(bert, { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });
  await sees(anna, { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });

  assert.equal((await answer(bert.channel.leave()))[0], 'ok');
  await sees(anna, { [keyOfVisitor('anna')]: 1 });
  assert.deepEqual(anna.changes, [
    ['join', keyOfVisitor('anna')],
    ['join', keyOfVisitor('bert')],
    ['leave', keyOfVisitor('bert')],
  ]);
});

test("the second article's key counts sessions as metas under one key", async t => {
  const server = await startServer(t, { config: 'topic "article:*" { key = "live_reading" }' });

  const first = await enter(connect(server), 'article:hello');
  await sees(first, { live_reading: 1 });
  const second = await enter(connect(server, visitor('anna')), 'article:hello');
  await sees(first, { live_reading: 2 });
  await sees(second, { live_reading: 2 });
  assert.deepEqual(await server.counts('article:hello'), { viewers: 2, people: 1 });

  second.channel.leave();
  await sees(first, { live_reading: 1 });
});

test('whoever dies without a word and is nobody in particular is gone at once', async t => {
  const server = await startServer(t, { set: { leave_grace: '60s' } });
  const watcher = await enter(connect(server), 'room:1');
  const socket = connect(server);
  await enter(socket, 'room:1');
  await countsMetas(watcher, 2);

  socket.conn.terminate();
  socket.disconnect();
  await countsMetas(watcher, 1, 2000);
});

test('whoever can be known again is held for leave_grace after an abrupt death, then gone', async t => {
  const server = await startServer(t, { set: { leave_grace: '700ms' } });
  const watcher = await enter(connect(server), 'room:1');
  const socket = connect(server, visitor('anna'));
  await enter(socket, 'room:1');
  await countsMetas(watcher, 2);

  const died = Date.now();
  socket.reconnectTimer.scheduleTimeout = () => {};
  socket.conn.terminate();
  await countsMetas(watcher, 1);
  const took = Date.now() - died;
  assert.ok(took > 600 && took < 1500, `gone after ${took} ms`);
});

test('a client that drops and comes back within the grace is never announced as gone', async t => {
  const server = await startServer(t, { set: { leave_grace: '700ms' } });
  const watcher = await enter(connect(server), 'room:1');
  const socket = connect(server, { ...visitor('anna'), reconnectAfterMs: () => 100 });
  const anna = await enter(socket, 'room:1');
  await countsMetas(watcher, 2);

  const back = new Promise(resolve => socket.onOpen(resolve));
  socket.conn.terminate();
  await within(back, 'the reconnect');
  await becomes(() => anna.channel.state, 'joined');
  await becomes(() => anna.presence.inPendingSyncState(), false);
  await sleep(900);
  assert.equal(metas(watcher).length, 2);
  assert.equal(metas(anna).length, 2);
  assert.equal(watcher.changes.length, 2, JSON.stringify(watcher.changes));
});

test('an update replaces the meta and names the reference of the one before', async t => {
  const server = await startServer(t);
  const anna = await enter(connect(server, visitor('anna')), 'room:1', {
    meta: { state: 'reading' },
  });
  const bert = await enter(connect(server, visitor('bert')), 'room:1');
  await sees(bert, { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });
  const before = bert.presence.state[keyOfVisitor('anna')].metas[0];
  assert.equal(before.state, 'reading');

  const diffs = [];
  bert.channel.on('presence_diff', diff => diffs.push(diff));
  assert.deepEqual(await answer(anna.channel.push('update', { meta: { typing: true } })), [
    'ok',
    {},
  ]);
  await becomes(() => diffs.length, 1);

  const [joined] = diffs[0].joins[keyOfVisitor('anna')].metas,
    [left] = diffs[0].leaves[keyOfVisitor('anna')].metas;
  assert.equal(joined.phx_ref_prev, before.phx_ref);
  assert.equal(left.phx_ref, before.phx_ref);
  assert.notEqual(joined.phx_ref, before.phx_ref);
  assert.equal(joined.typing, true);
  assert.equal('state' in joined, false);
  assert.deepEqual(seen(bert), { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });
});

test("a phx_ref in a client's meta is stripped", async t => {
  const server = await startServer(t);
  const meta = { phx_ref: 'mine', phx_ref_prev: 'old', name: 'Anna' };
  const anna = await enter(connect(server, visitor('anna')), 'room:1', { meta });

  await sees(anna, { [keyOfVisitor('anna')]: 1 });
  const [first] = metas(anna);
  assert.notEqual(first.phx_ref, 'mine');
  assert.equal(first.phx_ref_prev, undefined);
  assert.equal(first.name, 'Anna');
});

test('after a restart of the server everybody is back and counted', async t => {
  const first = await startServer(t);
  const anna = await enter(connect(first, visitor('anna')), 'room:1');
  const bert = await enter(connect(first), 'room:1');
  await countsMetas(anna, 2);

  await first.kill();
  const second = await startServer(t, { port: first.port });
  await becomes(() => [anna.channel.state, bert.channel.state], ['joined', 'joined'], 15_000);
  await countsMetas(anna, 2);
  await countsMetas(bert, 2);
  assert.deepEqual(await second.counts('room:1'), { viewers: 2, people: 2 });
  for (const client of first.clients) client.terminate();
});

test('an orderly stop closes with 1001, after which stock clients come back', async t => {
  const first = await startServer(t);
  const socket = connect(first);
  const anna = await enter(socket, 'room:1');
  const codes = [];
  socket.onClose(event => codes.push(event.code));

  first.signal('SIGTERM');
  await first.exited;
  await startServer(t, { port: first.port });
  await becomes(() => anna.channel.state, 'joined', 15_000);
  assert.equal(codes[0], 1001);
  socket.disconnect();
});

test('authToken and params.token both say who it is', async t => {
  const server = await startServer(t, KEYED);

  const anna = await enter(connect(server, { authToken: token({ sub: 'anna' }) }), 'room:1');
  await sees(anna, { anna: 1 });
  const bert = await enter(connect(server, { params: { token: token({ sub: 17 }) } }), 'room:1');
  await sees(bert, { anna: 1, 17: 1 });
});

test('a refused token is status 403 before the upgrade, and nobody is counted', async t => {
  const server = await startServer(t, KEYED);
  const bad = `base64url.bearer.phx.${Buffer.from('nonsense').toString('base64').replace(/=/g, '')}`;

  assert.equal((await refused(server, phoenixPath({ token: 'nonsense' }))).status, 403);
  assert.equal((await refused(server, phoenixPath(), ['phoenix', bad])).status, 403);
  assert.equal((await refused(server, phoenixPath(), ['phoenix'])).status, 403);
  assert.equal(
    (await refused(server, phoenixPath(), ['phoenix', 'base64url.bearer.phx.!'])).status,
    403,
  );

  const socket = connect(server, { authToken: 'nonsense' });
  await within(new Promise(resolve => socket.onError(resolve)), 'an error');
  assert.equal((await server.metrics()).websockets, 0);
});

test('track: false watches without being counted', async t => {
  const server = await startServer(t);
  const watcher = await enter(connect(server), 'room:1', { track: false });
  assert.deepEqual(seen(watcher), {});
  await enter(connect(server, visitor('anna')), 'room:1');

  await sees(watcher, { [keyOfVisitor('anna')]: 1 });
  assert.deepEqual(await server.counts('room:1'), { viewers: 1, people: 1 });
  const [status, { reason }] = await answer(watcher.channel.push('update', { meta: {} }));
  assert.deepEqual([status, reason], ['error', 'this channel is not tracked']);
});

test('presence: "count" gives numbers instead of lists', async t => {
  const server = await startServer(t);
  const socket = connect(server);
  const channel = socket.channel('room:1', { presence: 'count' });
  const counts = [],
    lists = [];
  channel.on('count', count => counts.push(count));
  for (const event of ['presence_state', 'presence_diff'])
    channel.on(event, list => lists.push(list));
  assert.equal((await answer(channel.join()))[0], 'ok');

  await becomes(() => counts.at(-1), { viewers: 1, people: 1 });
  const other = connect(server, visitor('anna'));
  await enter(other, 'room:1');
  await enter(connect(server, visitor('anna')), 'room:1');
  await becomes(() => counts.at(-1), { viewers: 3, people: 2 });
  assert.deepEqual(lists, []);
});

test('a topic set to presence = count gives no lists to anybody', async t => {
  const server = await startServer(t, { config: 'topic "room:*" { presence = count }' });
  const channel = connect(server).channel('room:1', {});
  const events = [];
  channel.onMessage = (event, payload) => (events.push(event), payload);
  assert.equal((await answer(channel.join()))[0], 'ok');

  await becomes(
    () => events.filter(event => !event.startsWith('chan_reply')),
    ['phx_reply', 'count'],
  );
});

test('events are relayed to everybody in the topic where client_events allows it', async t => {
  const server = await startServer(t, { config: 'topic "room:*" { client_events = true }' });
  const anna = await enter(connect(server), 'room:1');
  const bert = await enter(connect(server), 'room:1');
  const elsewhere = await enter(connect(server), 'room:2');
  const got = { anna: [], bert: [], elsewhere: [] };
  for (const [name, member] of Object.entries({ anna, bert, elsewhere }))
    member.channel.on('new_msg', payload => got[name].push(payload));

  const payload = { body: 'héllo \u{1f600} \u2028 "quoted"', n: [1, 2.5, null, true, {}] };
  assert.deepEqual(await answer(anna.channel.push('new_msg', payload)), ['ok', {}]);
  await becomes(() => [got.anna, got.bert], [[payload], [payload]]);
  assert.deepEqual(got.elsewhere, []);
});

test('events are refused with a reply where client_events is off, and reserved names everywhere', async t => {
  const server = await startServer(t, { config: 'topic "room:*" { client_events = true }' });
  const closed = await enter(connect(server), 'article:1');
  const open = await enter(connect(server), 'room:1');

  assert.deepEqual(await answer(closed.channel.push('new_msg', {})), [
    'error',
    { reason: 'clients may not send events to this topic' },
  ]);
  for (const event of [
    'presence_diff',
    'presence_state',
    'phx_reply',
    'phx_close',
    'phx_error',
    'count',
  ])
    assert.deepEqual(
      await answer(open.channel.push(event, {})),
      ['error', { reason: "this event's name is reserved" }],
      event,
    );
});

test('a second channel on the same topic takes the place of the first', async t => {
  const server = await startServer(t);
  const socket = connect(server, visitor('anna'));
  const first = await enter(socket, 'room:1');
  const second = await enter(socket, 'room:1');

  await becomes(() => [first.channel.state, second.channel.state], ['closed', 'joined']);
  await sees(second, { [keyOfVisitor('anna')]: 1 });
  assert.deepEqual(await server.counts('room:1'), { viewers: 1, people: 1 });
});

test('the hundred-and-first channel is refused, and a left one makes room', async t => {
  const server = await startServer(t);
  const socket = connect(server);
  const channels = Array.from({ length: 100 }, (_, i) => socket.channel(`room:${i}`));
  for (const push of channels.map(channel => channel.join()))
    assert.equal((await answer(push))[0], 'ok');

  const more = socket.channel('room:100');
  assert.deepEqual(await answer(more.join()), ['error', { reason: 'too many channels joined' }]);
  await answer(channels[0].leave());
  more.leave();
  assert.equal((await answer(socket.channel('room:101').join()))[0], 'ok');
});

test('heartbeats are answered', async t => {
  const server = await startServer(t);
  const socket = connect(server, { heartbeatIntervalMs: 50 });
  await enter(socket, 'room:1');
  const seenReply = new Promise(resolve =>
    socket.onMessage(
      m => m.topic === 'phoenix' && m.event === 'phx_reply' && resolve(m.payload.status),
    ),
  );

  assert.equal(await within(seenReply, 'a reply to a heartbeat'), 'ok');
  await sleep(200);
  assert.equal(socket.isConnected(), true);
});

test("a token's topics are the only ones its bearer may join", async t => {
  const server = await startServer(t, KEYED);
  const socket = connect(server, {
    authToken: token({ sub: 'anna', topics: ['room:*', 'lobby'] }),
  });

  assert.equal((await answer(socket.channel('room:1').join()))[0], 'ok');
  assert.equal((await answer(socket.channel('lobby').join()))[0], 'ok');
  for (const topic of ['lobby2', 'article:1', 'roo', '*'])
    assert.deepEqual(
      await answer(socket.channel(topic).join()),
      ['error', { reason: 'unauthorized' }],
      topic,
    );
});

test('a socket and a thousand names that a user might choose', async t => {
  const server = await startServer(t, { set: { meta_bytes_max: '1KiB' } });
  const socket = connect(server, visitor('anna'));
  for (const topic of [
    '__proto__',
    'constructor',
    'a b',
    'é',
    '\u{1f600}',
    '"',
    '\\',
    '<script>',
    'x'.repeat(255),
  ]) {
    const member = await enter(socket, topic, { meta: { constructor: 'x', 'a"b': '\\' } });
    await sees(member, { [keyOfVisitor('anna')]: 1 });
    assert.equal(metas(member)[0]['a"b'], '\\');
    assert.equal((await server.counts(topic)).viewers, 1, topic);
  }
  for (const topic of ['', 'x'.repeat(256), 'a\nb', '\u0001'])
    assert.deepEqual(await answer(socket.channel(topic).join()), [
      'error',
      { reason: 'unmatched topic' },
    ]);
  const [status, { reason }] = await answer(
    socket.channel('big', { meta: { x: 'y'.repeat(1024) } }).join(),
  );
  assert.deepEqual([status, reason], ['error', 'the meta is larger than meta_bytes_max']);
});

// Old clients leave their heartbeat's timer behind, and node waits for it.
const quick = name => ({ ...visitor(name), heartbeatIntervalMs: 200 });

for (const [version, library] of Object.entries({
  1.5: phoenix15,
  1.6: phoenix16,
  1.7: phoenix17,
})) {
  test(`the client of phoenix ${version} joins, counts and leaves`, async t => {
    const lib = library.Socket ? library : library.default;
    const server = await startServer(t);
    const anna = await enter(connect(server, quick('anna'), lib), 'room:1', {}, lib);
    await sees(anna, { [keyOfVisitor('anna')]: 1 });
    const bert = await enter(connect(server, quick('bert'), lib), 'room:1', {}, lib);
    await sees(anna, { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });
    await sees(bert, { [keyOfVisitor('anna')]: 1, [keyOfVisitor('bert')]: 1 });

    bert.channel.leave();
    await sees(anna, { [keyOfVisitor('anna')]: 1 });
  });
}
