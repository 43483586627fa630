// SPDX-License-Identifier: MIT
//
// SIGTERM and SIGINT: nobody new, everybody told, exit 0.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { enterRoom, joinNative, native, openPhoenix } from '../lib/client.mjs';
import { OP, Raw, RawWebSocket, frame, handshake } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { sleep, within } from '../lib/wait.mjs';

/** The exit, and how long it took. */
async function exit(server, ms = 10_000) {
  const start = Date.now();
  const { code, signal } = await within(server.exited, 'the exit', ms);
  return { code, signal, took: Date.now() - start };
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} closes every dialect with 1001 and exits with 0`, async t => {
    const server = await startServer(t);
    const room = await enterRoom(server, 1),
      phoenix = await openPhoenix(server),
      nat = await native(server);
    await joinNative(nat, 'post:1');

    server.signal(signal);
    assert.deepEqual(await room.ended(), { code: 1001, reason: 'Server is stopping' });
    assert.deepEqual(await phoenix.ended(), { code: 1001, reason: 'server is stopping' });
    assert.deepEqual(await nat.find(m => m[0] === 'bye'), [
      'bye',
      'stopping',
      1000,
      'the server is stopping',
    ]);
    assert.deepEqual(await nat.ended(), { code: 1001, reason: 'the server is stopping' });
    const { code, took } = await exit(server);
    assert.equal(code, 0);
    assert.ok(took < 1000, `${took} ms`);
    assert.match(server.stderr, new RegExp(`stopping: ${signal}`));
  });
}

test('without clients the stop is immediate', async t => {
  const server = await startServer(t, { workers: 4 });
  server.signal('SIGTERM');
  const { code, took } = await exit(server);
  assert.equal(code, 0);
  assert.ok(took < 500, `${took} ms`);
});

test('clients that do not answer the close delay the stop by seconds only', async t => {
  const server = await startServer(t, { set: { drain: '0s' } });
  for (let i = 0; i < 20; i++) {
    const raw = await RawWebSocket.open(server, '/ws/posts/1/live');
    if (i % 2) raw.socket.pause();
  }
  server.signal('SIGTERM');
  const { code, took } = await exit(server);
  assert.equal(code, 0);
  assert.ok(took < 5000, `${took} ms`);
});

test('connections in every other state end with the stop', async t => {
  const server = await startServer(t);
  const [silent, head, body, kept, upgrade] = await Promise.all(
    [1, 2, 3, 4, 5].map(() => Raw.connect(server)),
  );
  head.write('GET /healthz HTTP/1.1\r\nHost:');
  body.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na');
  kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await kept.response();
  upgrade.write(handshake('/rollcall', { 'Sec-WebSocket-Protocol': 'rollcall.v1' }));
  await upgrade.response();
  await sleep(50);

  server.signal('SIGTERM');
  const { code, took } = await exit(server);
  assert.equal(code, 0);
  assert.ok(took < 4000, `${took} ms`);
  for (const raw of [silent, head, body, kept, upgrade]) await raw.ended();
});

test('no new connections are accepted after the signal', async t => {
  const server = await startServer(t);
  await RawWebSocket.open(server, '/ws/posts/1/live'); // keeps it stopping for a while
  server.signal('SIGTERM');
  await sleep(100);

  const socket = net.connect({ port: server.port, host: '127.0.0.1' });
  const [error] = await within(
    new Promise(resolve => socket.on('error', e => resolve([e]))),
    'a refusal',
  );
  assert.equal(error.code, 'ECONNREFUSED');
  assert.equal((await exit(server)).code, 0);
});

test('two thousand clients are closed one after the other over the drain, each with 1001', async t => {
  const server = await startServer(t, { set: { drain: '3s' }, workers: 2 });
  const all = [];
  while (all.length < 2000)
    all.push(
      ...(await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          RawWebSocket.open(server, `/ws/posts/${all.length + i}/live`),
        ),
      )),
    );

  for (const raw of all) await raw.message(); // joined
  for (const raw of all) await raw.message();
  const codes = [],
    times = [];
  for (const raw of all) {
    raw.received = Buffer.alloc(0);
    raw.socket.once('data', data => {
      codes.push(data.readUInt16BE(2));
      times.push(Date.now());
      raw.socket.end(frame(OP.CLOSE));
    });
  }
  server.signal('SIGTERM');
  assert.equal((await exit(server)).code, 0);
  assert.equal(codes.filter(code => code === 1001).length, 2000);
  const took = Math.max(...times) - Math.min(...times);
  assert.ok(took > 150, `all within ${took} ms`);
});

test('joins, events and leaves under way do not trouble the stop', async t => {
  const server = await startServer(t, {
    workers: 4,
    set: { client_events: 'true', messages_burst: 100_000 },
  });
  const clients = await Promise.all(Array.from({ length: 40 }, () => native(server)));
  const busy = clients.map(async (client, i) => {
    for (let n = 0; client.ws.readyState === 1; n++) {
      client.send(['join', n, `room:${(i + n) % 13}`]);
      client.send(['leave', n, n % 50]);
      if (n % 10 === 0) await sleep(0);
    }
  });
  await sleep(200);
  server.signal('SIGTERM');
  assert.equal((await exit(server)).code, 0);
  await Promise.all(busy);
});

test('a second signal ends it at once', async t => {
  const server = await startServer(t);
  await RawWebSocket.open(server, '/ws/posts/1/live'); // does not answer the close
  server.signal('SIGTERM');
  await sleep(200);
  server.signal('SIGTERM');

  const { signal, took } = await exit(server);
  assert.equal(signal, 'SIGTERM');
  assert.ok(took < 500, `${took} ms`);
  server.stopped = true;
});
