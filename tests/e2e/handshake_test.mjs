// SPDX-License-Identifier: MIT
//
// The opening handshake (RFC 6455 section 4.2), by raw bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OP, Raw, RawWebSocket, frame, handshake } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';

const ROOM = '/ws/posts/1/live';

async function answer(server, bytes, options) {
  const raw = await Raw.connect(server);
  raw.write(bytes);
  const response = await raw.response(options);
  raw.terminate();
  return response;
}

test('the answer is that of the example in the RFC', async t => {
  const server = await startServer(t);
  const { status, headers } = await answer(server, handshake(ROOM));

  assert.equal(status, 101);
  assert.equal(headers.upgrade.toLowerCase(), 'websocket');
  assert.equal(headers.connection.toLowerCase(), 'upgrade');
  assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(headers['sec-websocket-protocol'], undefined);
  assert.equal(headers['sec-websocket-extensions'], undefined);
});

test('header names and their tokens are matched without case, among others', async t => {
  const server = await startServer(t);
  for (const headers of [
    { Upgrade: 'WebSocket' },
    { Upgrade: 'WEBSOCKET', Connection: 'UPGRADE' },
    { Connection: 'keep-alive, Upgrade' },
    { Connection: ['keep-alive', 'Upgrade'] },
    { Upgrade: undefined, uPGRADE: 'websocket' },
    { Upgrade: 'h2c, websocket' },
  ])
    assert.equal(
      (await answer(server, handshake(ROOM, headers))).status,
      101,
      JSON.stringify(headers),
    );
});

test('what is not a handshake is told to upgrade by 426', async t => {
  const server = await startServer(t);
  for (const path of [ROOM, '/rollcall', '/socket/websocket?vsn=2.0.0'])
    for (const headers of [
      { Upgrade: undefined, Connection: undefined },
      { Upgrade: 'h2c' },
      { Connection: 'keep-alive' },
      { Upgrade: undefined },
      { Connection: undefined },
      { Upgrade: 'websocketx' },
    ]) {
      const response = await answer(server, handshake(path, headers));
      assert.equal(response.status, 426, `${path} ${JSON.stringify(headers)}`);
      assert.equal(response.headers.upgrade, 'websocket');
    }
});

test('another version is refused with 426 that names 13', async t => {
  const server = await startServer(t);
  for (const version of ['8', '12', '14', '013', '', '13, 8', ['13', '13'], undefined, '13x']) {
    const response = await answer(server, handshake(ROOM, { 'Sec-WebSocket-Version': version }));
    assert.equal(response.status, 426, String(version));
    assert.equal(response.headers['sec-websocket-version'], '13');
  }
});

test('a key that is not the base64 of 16 bytes, once, is refused with 400', async t => {
  const server = await startServer(t);
  const good = 'dGhlIHNhbXBsZSBub25jZQ==';
  for (const key of [
    undefined,
    '',
    'x',
    good.slice(0, -2),
    `${good}=`,
    `${good}AAAA`,
    'dGhlIHNhbXBsZQ==',
    'dGhlIHNhbXBsZSBub25jZ!==',
    [good, good],
    'dGhlIHNhbXBsZSBub25jZQ= =',
  ])
    assert.equal(
      (await answer(server, handshake(ROOM, { 'Sec-WebSocket-Key': key }))).status,
      400,
      String(key),
    );
});

test('only GET of HTTP/1.1 without a body opens a WebSocket', async t => {
  const server = await startServer(t);
  for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE']) {
    const { status } = await answer(server, handshake(ROOM, {}, { method }), { head: true });
    assert.ok(status >= 400, `${method}: ${status}`);
  }
  const old = await answer(server, handshake(ROOM, {}, { version: 'HTTP/1.0' }));
  assert.ok(old.status >= 400, `HTTP/1.0: ${old.status}`);
  const body = await answer(server, `${handshake(ROOM, { 'Content-Length': '3' })}abc`);
  assert.equal(body.status, 400);
});

test('no extension is negotiated, whatever is offered', async t => {
  const server = await startServer(t);
  for (const offer of [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'constructor',
    '__proto__',
    ';;;',
    ',',
    'x'.repeat(3000),
    'a=1; b="c"',
  ]) {
    const { status, headers } = await answer(
      server,
      handshake(ROOM, { 'Sec-WebSocket-Extensions': offer }),
    );
    assert.equal(status, 101, offer.slice(0, 40));
    assert.equal(headers['sec-websocket-extensions'], undefined);
  }
});

test('odd subprotocol lists are no trouble', async t => {
  const server = await startServer(t);
  const native = offer =>
    answer(server, handshake('/rollcall', { 'Sec-WebSocket-Protocol': offer }));

  assert.equal(
    (await native('a, rollcall.v1 ,b')).headers['sec-websocket-protocol'],
    'rollcall.v1',
  );
  assert.equal((await native(['a', 'rollcall.v1'])).status, 101);
  assert.equal((await native(',,rollcall.v1,,')).status, 101);
  for (const offer of [
    '',
    ' '.repeat(3000),
    'rollcall.v10',
    'xrollcall.v1',
    'rollcall.v1 x',
    ','.repeat(1000),
  ])
    assert.equal((await native(offer)).status, 400, offer.slice(0, 20));
});

test('frames may follow the handshake at once', async t => {
  const server = await startServer(t);
  const raw = new RawWebSocket(server, {});
  raw.write(Buffer.concat([Buffer.from(handshake(ROOM)), frame(OP.TEXT, '{"type":"ping"}')]));

  assert.equal((await raw.response()).status, 101);
  const got = [];
  while (got.length < 3) got.push((await raw.message()).type);
  assert.deepEqual(got.sort(), ['pong', 'room_joined', 'viewer_joined']);
});

test('a handshake may follow other requests on the connection', async t => {
  const server = await startServer(t);
  const raw = new RawWebSocket(server, {});
  raw.write(
    'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/topics/a HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  raw.write(handshake(ROOM));

  assert.equal((await raw.response()).status, 200);
  assert.equal((await raw.response()).status, 200);
  assert.equal((await raw.response()).status, 101);
  assert.equal((await raw.message()).viewers, 1);
});

test('after a refusal the connection goes on with HTTP', async t => {
  const server = await startServer(t, { set: { jwt_secret: 'x'.repeat(40) } });
  const raw = await Raw.connect(server);
  for (let i = 0; i < 3; i++) {
    raw.write(handshake('/socket/websocket?vsn=2.0.0&token=x'));
    assert.equal((await raw.response()).status, 403);
    raw.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await raw.response()).status, 200);
  }
});
