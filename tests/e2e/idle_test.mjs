// SPDX-License-Identifier: MIT
//
// Clients that vanish without a word are gone after idle_timeout; those that give a sign of life stay.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { native, told, watchNative } from '../lib/client.mjs';
import { OP, RawWebSocket, frame } from '../lib/raw.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { becomes, sleep } from '../lib/wait.mjs';

const SHORT = { set: { idle_timeout: '1s', leave_grace: '0s' } };

// They wait more than they work.
describe('idle_timeout', { concurrency: true }, () => {
  test('a rooms client that answers no ping is gone after idle_timeout, one that answers stays', async t => {
    const server = await startServer(t, SHORT);
    const dead = await RawWebSocket.open(server, '/ws/posts/1/live?visitor=dead');
    const alive = await RawWebSocket.open(server, '/ws/posts/1/live?visitor=alive');
    let pings = 0;
    const answering = (async () => {
      for (;;) {
        const f = await alive.frame();
        if (f.opcode === OP.PING) (alive.write(frame(OP.PONG, f.payload)), pings++);
      }
    })().catch(() => {});

    const start = Date.now();
    assert.equal(await dead.closeCode(3000), 1001);
    const took = Date.now() - start;
    assert.ok(took > 850 && took < 2000, `${took} ms`);
    await sleep(700);
    assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
    assert.ok(pings >= 2, `${pings} pings`);
    assert.equal((await server.metrics()).timeouts, 1);
    alive.terminate();
    await answering;
  });

  test('a Phoenix client is asked nothing: heartbeats and pings keep it, silence ends it with 1001', async t => {
    const server = await startServer(t, SHORT);
    const path = '/socket/websocket?vsn=2.0.0';
    const [silent, beating, pinging] = await Promise.all(
      [1, 2, 3].map(() => RawWebSocket.open(server, path)),
    );
    const beat = setInterval(() => {
      beating.send([null, '1', 'phoenix', 'heartbeat', {}]);
      pinging.write(frame(OP.PING, ''));
    }, 300);
    t.after(() => clearInterval(beat));

    const f = await silent.frame(3000);
    assert.deepEqual([f.opcode, f.payload.readUInt16BE(0)], [OP.CLOSE, 1001]);
    await sleep(800);
    assert.equal(beating.socket.closed || pinging.socket.closed, false);
    assert.equal((await server.metrics()).timeouts, 1);
  });

  test('half-open clients of every dialect leave nothing behind', async t => {
    const server = await startServer(t, SHORT);
    const watcher = await native(server);
    watcher.ws.on('message', data => data.toString() === '["ping"]' && watcher.send(['pong']));
    await watchNative(watcher, 'post:1');
    await RawWebSocket.open(server, '/ws/posts/1/live');
    const phoenix = await RawWebSocket.open(server, '/socket/websocket?vsn=2.0.0');
    phoenix.send(['1', '1', 'post:1', 'phx_join', {}]);
    const nat = await RawWebSocket.open(server, '/rollcall', {
      'Sec-WebSocket-Protocol': 'rollcall.v1',
    });
    nat.send(['hello']);
    nat.send(['join', 1, 'post:1']);
    await told(watcher, 3);

    await told(watcher, 0);
    await becomes(async () => {
      const m = await server.metrics();
      return [m.sessions, m.websockets, m.subscriptions, m.presences, m.timeouts];
    }, [2, 1, 1, 0, 3]);
  });

  test('a half-sent frame is no sign of life', async t => {
    const server = await startServer(t, SHORT);
    const raw = await RawWebSocket.open(server, '/socket/websocket?vsn=2.0.0');
    const drip = setInterval(() => raw.write(Buffer.from('x')), 100);
    t.after(() => clearInterval(drip));
    raw.write(frame(OP.BINARY, 'x'.repeat(200), { length: 60_000, length_bits: 16 }));

    assert.equal(await raw.closeCode(3000), 1001);
  });
});
