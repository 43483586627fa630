// The first article's client, by npm `ws`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterRoom, open, refused, roomPath, told } from '../lib/client.mjs';
import { RawWebSocket } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { becomes } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const KEYED = { set: { jwt_secret: SECRET } };

test("the article's client gets its messages exactly and in order", async t => {
  const server = await startServer(t, KEYED);

  const anna = await open(server, roomPath(42, { token: token({ sub: '1' }) }));
  assert.deepEqual(await anna.next(), { type: 'viewer_joined', viewers: 1, people: 1 });
  assert.deepEqual(await anna.next(), { type: 'room_joined', post_id: 42, viewers: 1, people: 1 });

  const bert = await open(server, roomPath(42, { token: token({ sub: '2' }) }));
  assert.deepEqual(await bert.next(), { type: 'viewer_joined', viewers: 2, people: 2 });
  assert.deepEqual(await bert.next(), { type: 'room_joined', post_id: 42, viewers: 2, people: 2 });
  assert.deepEqual(await anna.next(), { type: 'viewer_joined', viewers: 2, people: 2 });

  bert.send({ type: 'ping' });
  assert.deepEqual(await bert.next(), { type: 'pong' });

  await bert.close(1000);
  assert.deepEqual(await anna.next(), { type: 'viewer_left', viewers: 1, people: 1 });
  assert.deepEqual([...anna.inbox.waiting, ...bert.inbox.waiting], []);
});

test("messages are written as the article's server writes them, with type first", async t => {
  const server = await startServer(t);
  const raw = await RawWebSocket.open(server, roomPath(7));
  const text = async () => (await raw.frame()).payload.toString();

  assert.equal(await text(), '{"type":"viewer_joined","viewers":1,"people":1}');
  assert.equal(await text(), '{"type":"room_joined","post_id":7,"viewers":1,"people":1}');
  raw.send('{"type":"ping"}');
  assert.equal(await text(), '{"type":"pong"}');
});

test('a number counts viewers, people are counted beside it', async t => {
  const server = await startServer(t, KEYED);
  const first = await enterRoom(server, 1, { token: token({ sub: 7 }) });
  const second = await enterRoom(server, 1, { token: token({ sub: '7' }) });

  assert.deepEqual([second.viewers, second.people], [2, 1]);
  await told(first, 2, 1);
});

test('posts do not know each other', async t => {
  const server = await startServer(t);
  await enterRoom(server, 1);
  const other = await enterRoom(server, 2);

  assert.equal(other.viewers, 1);
  assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
});

test('a bad token completes the handshake and is closed with 1008 Invalid token', async t => {
  const server = await startServer(t, KEYED);

  for (const who of [{ token: 'nonsense' }, { token: '' }, {}]) {
    const client = await open(server, roomPath(1, who));
    assert.deepEqual(await client.ended(), { code: 1008, reason: 'Invalid token' });
    assert.deepEqual(client.inbox.waiting, []);
  }
  assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
});

test('a token may come as a subprotocol instead of in the URL', async t => {
  const server = await startServer(t, KEYED);
  const client = await open(server, roomPath(1), ['bearer', token({ sub: '1' })]);

  assert.equal(client.ws.protocol, 'bearer');
  assert.equal((await client.next()).viewers, 1);

  const bad = await open(server, roomPath(1), ['bearer', 'nonsense']);
  assert.equal((await bad.ended()).code, 1008);
});

test('a message that is not JSON or not known is answered by an error, and the session goes on', async t => {
  const server = await startServer(t);
  const client = await enterRoom(server, 1);

  for (const [message, code] of [
    ['not JSON', 'bad_message'],
    ['', 'bad_message'],
    ['[]', 'bad_message'],
    ['null', 'bad_message'],
    ['{}', 'bad_message'],
    ['{"type":7}', 'bad_message'],
    ['{"type":"pong"}', 'unknown_type'],
    ['{"type":"join"}', 'unknown_type'],
    [Buffer.from('{"type":"ping"}'), 'bad_message'],
  ]) {
    client.send(message);
    const error = await client.next();
    assert.equal(error.type, 'error', String(message));
    assert.equal(error.code, code, String(message));
    assert.match(error.message, /./);
  }
  client.send({ type: 'ping' });
  assert.deepEqual(await client.next(), { type: 'pong' });
});

test('an integer parameter that is none is refused with 400, a path that matches nothing with 404', async t => {
  const server = await startServer(t);

  for (const id of [
    'abc',
    '1x',
    '1.5',
    '+1',
    '%31%32x',
    '9223372036854775808',
    '-',
    '01',
    '%00',
    '%ff',
  ])
    assert.equal((await refused(server, roomPath(id))).status, 400, id);
  for (const path of [
    '/ws/posts/1',
    '/ws/posts/1/live/',
    '/ws/posts//live',
    '/ws/post/1/live',
    '/ws',
    '/live',
  ])
    assert.equal((await refused(server, path)).status, 404, path);
});

test('every integer of 64 bits is a post', async t => {
  const server = await startServer(t);

  for (const id of ['0', '-1', '9223372036854775807', '-9223372036854775808']) {
    const client = await open(server, roomPath(id));
    await client.next();
    assert.equal(BigInt((await client.next()).post_id), BigInt(Number(id)), id);
    assert.equal((await server.counts(`post:${id}`)).viewers, 1);
    client.terminate();
  }
});

test('routes of the configuration map paths to topics', async t => {
  const server = await startServer(t, {
    config: `
      route "/rooms/{space}/{room:int}" { topic = "room:{space}:{room}" }
      route "/lobby" { topic = "lobby" }`,
  });

  const room = await open(server, '/rooms/caf%C3%A9/3?visitor=anna');
  await room.next();
  assert.deepEqual(await room.next(), {
    type: 'room_joined',
    space: 'café',
    room: 3,
    viewers: 1,
    people: 1,
  });
  const lobby = await open(server, '/lobby');
  await lobby.next();
  assert.deepEqual(await lobby.next(), { type: 'room_joined', viewers: 1, people: 1 });
  assert.deepEqual(await server.counts('room:café:3'), { viewers: 1, people: 1 });
});

test('a visitor id that is not one is refused with 1008', async t => {
  const server = await startServer(t);

  for (const visitor of ['a b', keyOfVisitor('x'), 'x'.repeat(65), 'é', 'a:b']) {
    const client = await open(server, roomPath(1, { visitor }));
    assert.deepEqual(await client.ended(), { code: 1008, reason: 'Invalid visitor' });
  }
  assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
});

test('a hundred who come and go at once are counted down to none', async t => {
  const server = await startServer(t);
  const all = await Promise.all(Array.from({ length: 100 }, () => enterRoom(server, 1)));

  await Promise.all(all.filter(client => client.viewers < 100).map(client => told(client, 100)));
  assert.deepEqual(await server.counts('post:1'), { viewers: 100, people: 100 });
  for (const client of all) client.terminate();
  await becomes(() => server.counts('post:1'), { viewers: 0, people: 0 });
});
