// SPDX-License-Identifier: MIT
//
// RFC 6455 after the handshake, frame by frame, by raw bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OP, RawWebSocket, closing, frame } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';

const PING = '{"type":"ping"}';

/** A room's WebSocket whose first two messages were taken. */
async function enter(server) {
  const raw = await RawWebSocket.open(server, '/ws/posts/1/live');
  await raw.message();
  await raw.message();
  return raw;
}

async function alive(raw) {
  raw.send(PING);
  assert.deepEqual(await raw.message(), { type: 'pong' });
}

/** These bytes make the server close with `code`, and end the connection. */
async function fails(server, bytes, code, what) {
  const raw = await enter(server);
  raw.write(bytes);
  assert.equal(await raw.closeCode(2000), code, what);
  await raw.ended(4000);
}

test('a message may come in fragments, with control frames between them', async t => {
  const server = await startServer(t);
  const raw = await enter(server);

  for (const cuts of [[1], [5, 10], [0, 0, 3, 3], Array.from(PING, (_, i) => i)]) {
    let from = 0,
      op = OP.TEXT;
    for (const cut of cuts) {
      raw.write(frame(op, PING.slice(from, cut), { fin: false }));
      raw.write(frame(OP.PING, `at ${cut}`));
      const pong = await raw.frame();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [OP.PONG, `at ${cut}`]);
      [from, op] = [cut, OP.CONTINUATION];
    }
    raw.write(frame(OP.CONTINUATION, PING.slice(from)));
    assert.deepEqual(await raw.message(), { type: 'pong' });
  }
});

test('frames may come byte by byte and many at once', async t => {
  const server = await startServer(t);
  const raw = await enter(server);

  for (const byte of frame(OP.TEXT, PING)) {
    raw.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.deepEqual(await raw.message(), { type: 'pong' });
  raw.write(Buffer.concat(Array.from({ length: 50 }, () => frame(OP.TEXT, PING))));
  for (let i = 0; i < 50; i++) assert.deepEqual(await raw.message(), { type: 'pong' });
});

test('server frames are not masked and have no reserved bits', async t => {
  const server = await startServer(t);
  const raw = await enter(server);
  raw.write(frame(OP.PING, 'x'));
  raw.send(PING);

  for (let i = 0; i < 2; i++) {
    const f = await raw.frame();
    assert.equal(f.masked, false);
    assert.equal(f.first & 0xf0, 0x80);
  }
});

test('a ping is answered with its payload, of up to 125 bytes', async t => {
  const server = await startServer(t);
  const raw = await enter(server);
  for (const payload of [Buffer.alloc(0), Buffer.from([0, 255, 254]), Buffer.alloc(125, 7)]) {
    raw.write(frame(OP.PING, payload));
    const pong = await raw.frame();
    assert.equal(pong.opcode, OP.PONG);
    assert.deepEqual(pong.payload, payload);
  }
  raw.write(frame(OP.PONG, 'nobody asked'));
  await alive(raw);
});

test('what is not masked is a protocol error', async t => {
  const server = await startServer(t);
  await fails(server, frame(OP.TEXT, PING, { masked: false }), 1002);
  await fails(server, frame(OP.PING, '', { masked: false }), 1002);
  await fails(server, frame(OP.CLOSE, closing(1000), { masked: false }), 1002);
});

test('reserved bits and opcodes are protocol errors', async t => {
  const server = await startServer(t);
  for (let rsv = 1; rsv < 8; rsv++) {
    await fails(server, frame(OP.TEXT, PING, { rsv }), 1002, `text, rsv ${rsv}`);
    await fails(server, frame(OP.PING, '', { rsv }), 1002, `ping, rsv ${rsv}`);
  }
  for (const op of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    await fails(server, frame(op, ''), 1002, `opcode ${op}`);
});

test('control frames are whole and short', async t => {
  const server = await startServer(t);
  for (const op of [OP.PING, OP.PONG, OP.CLOSE]) {
    await fails(server, frame(op, '', { fin: false }), 1002, `fragmented ${op}`);
    await fails(server, frame(op, Buffer.alloc(126, 3)), 1002, `long ${op}`);
    await fails(server, frame(op, 'x', { length_bits: 16 }), 1002, `long form ${op}`);
  }
});

test('lengths are minimal and have no sign', async t => {
  const server = await startServer(t);
  await fails(server, frame(OP.TEXT, PING, { length_bits: 16 }), 1002);
  await fails(server, frame(OP.TEXT, PING, { length_bits: 64 }), 1002);
  await fails(server, frame(OP.TEXT, 'x'.repeat(300), { length_bits: 64 }), 1002);
  await fails(server, frame(OP.TEXT, '', { length: 2 ** 63, length_bits: 64 }), 1002);
});

test('fragments begin with a message and go on with continuations', async t => {
  const server = await startServer(t);
  await fails(server, frame(OP.CONTINUATION, PING), 1002);
  await fails(server, frame(OP.CONTINUATION, PING, { fin: false }), 1002);
  const open = frame(OP.TEXT, PING, { fin: false });
  await fails(server, Buffer.concat([open, frame(OP.TEXT, PING)]), 1002);
  await fails(server, Buffer.concat([open, frame(OP.BINARY, PING, { fin: false })]), 1002);
});

test('a message above message_bytes_max is 1009, by its first frame or by the sum, before it is there', async t => {
  const server = await startServer(t, { set: { message_bytes_max: '1KiB' } });
  await fails(server, frame(OP.TEXT, 'x'.repeat(1025)), 1009);
  for (const length of [1025, 65536, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 53])
    await fails(
      server,
      frame(OP.TEXT, '', { length, length_bits: length > 65535 ? 64 : 16 }),
      1009,
      String(length),
    );
  const half = frame(OP.TEXT, 'x'.repeat(600), { fin: false });
  await fails(server, Buffer.concat([half, frame(OP.CONTINUATION, 'x'.repeat(600))]), 1009);
  const raw = await enter(server);
  raw.write(frame(OP.TEXT, `{"type":"ping","x":"${'y'.repeat(1002)}"}`));
  assert.deepEqual(await raw.message(), { type: 'pong' });
});

test('text is UTF-8, also over fragments, and a fault is told as soon as it is there', async t => {
  const server = await startServer(t);
  for (const hex of ['ff', 'c0af', 'eda080', 'f4908080', 'e282', 'f09f98', '80', 'c3', 'f8888080'])
    await fails(server, frame(OP.TEXT, Buffer.from(hex, 'hex')), 1007, hex);
  await fails(
    server,
    frame(OP.TEXT, Buffer.from('eda0', 'hex'), { fin: false }),
    1007,
    'fail fast',
  );

  const raw = await enter(server);
  const text = Buffer.from('{"type":"ping","x":"é€\u{1f600}"}');
  for (let i = 0; i < text.length; i++)
    raw.write(
      frame(i ? OP.CONTINUATION : OP.TEXT, text.subarray(i, i + 1), { fin: i === text.length - 1 }),
    );
  assert.deepEqual(await raw.message(), { type: 'pong' });
});

test('a close is answered with its code, then the connection ends', async t => {
  const server = await startServer(t);
  for (const code of [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ]) {
    const raw = await enter(server);
    raw.write(frame(OP.CLOSE, closing(code, 'bye')));
    assert.equal(await raw.closeCode(), code);
    await raw.ended();
  }
  const raw = await enter(server);
  raw.write(frame(OP.CLOSE, ''));
  assert.equal(await raw.closeCode(), 1005);
  await raw.ended();
});

test('close codes that must not be sent, and closes that are none, are 1002', async t => {
  const server = await startServer(t);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
    await fails(server, frame(OP.CLOSE, closing(code)), 1002, String(code));
  await fails(server, frame(OP.CLOSE, Buffer.from([3])), 1002);
  await fails(
    server,
    frame(OP.CLOSE, Buffer.from('03e8ff', 'hex')),
    1007,
    'a reason that is not UTF-8',
  );
});

test('what comes behind a close is not heard', async t => {
  const server = await startServer(t);
  const raw = await enter(server);
  raw.write(
    Buffer.concat([frame(OP.CLOSE, closing(1000)), frame(OP.TEXT, PING), frame(OP.PING, 'x')]),
  );

  assert.equal((await raw.frame()).opcode, OP.CLOSE);
  await raw.ended();
  assert.equal(raw.received.length, 0);
});

test('messages before a close are answered', async t => {
  const server = await startServer(t);
  const raw = await enter(server);
  raw.write(Buffer.concat([frame(OP.TEXT, PING), frame(OP.CLOSE, closing(1000))]));

  assert.deepEqual(await raw.message(), { type: 'pong' });
  assert.equal((await raw.frame()).opcode, OP.CLOSE);
  await raw.ended();
});

test('a peer that ends its side without a close frame is gone', async t => {
  const server = await startServer(t);
  const raw = await enter(server);
  raw.socket.end();
  await raw.ended(2000);
  assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
});

test('a server that closes first waits a while for the echo, no longer', async t => {
  const server = await startServer(t, { set: { jwt_secret: 'x'.repeat(40) } });
  const quiet = await RawWebSocket.open(server, '/ws/posts/1/live?token=x');
  assert.equal(await quiet.closeCode(), 1008);
  const start = Date.now();
  await quiet.ended(4000);
  assert.ok(Date.now() - start > 1000);

  const polite = await RawWebSocket.open(server, '/ws/posts/1/live?token=x');
  assert.equal(await polite.closeCode(), 1008);
  polite.write(frame(OP.CLOSE, closing(1008)));
  await polite.ended(1000);
});

test('ten thousand empty fragments, and as many pings, leave others alone', async t => {
  const server = await startServer(t, { workers: 1 });
  const other = await enter(server);
  const raw = await enter(server);
  raw.write(frame(OP.TEXT, '', { fin: false }));
  raw.write(
    Buffer.concat(Array.from({ length: 10_000 }, () => frame(OP.CONTINUATION, '', { fin: false }))),
  );
  raw.write(frame(OP.CONTINUATION, PING));
  await other.message(); // that the second one came
  await alive(other);
  await raw.message();

  const flood = await enter(server);
  flood.write(Buffer.concat(Array.from({ length: 10_000 }, () => frame(OP.PING, 'x'))));
  assert.equal(await flood.closeCode(), 1008);
  other.received = Buffer.alloc(0);
  await alive(other);
});

test('random bytes never bring the server down', async t => {
  const server = await startServer(t);
  let seed = 12345;
  const random = max => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % max;
  for (let i = 0; i < 150; i++) {
    const raw = await RawWebSocket.open(
      server,
      i % 2 ? '/ws/posts/1/live' : '/socket/websocket?vsn=2.0.0',
    );
    const bytes = frame(
      [OP.TEXT, OP.BINARY][random(2)],
      `["1","1","a","phx_join",{}]`.slice(random(27)),
    );
    for (let n = random(4); n > 0; n--) bytes[random(bytes.length)] = random(256);
    raw.write(bytes);
    raw.write(Buffer.from(Array.from({ length: random(40) }, () => random(256))));
    if (i % 3) raw.socket.end();
    else raw.reset();
  }
  assert.equal((await server.get('/healthz')).status, 200);
});
