// SPDX-License-Identifier: MIT
//
// HTTP by raw bytes: what is answered, what is refused, and when a connection is cut off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Raw, handshake } from '../lib/raw.mjs';
import { enterRoom } from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { becomes, sleep } from '../lib/wait.mjs';

const get = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

/** The response to these bytes on a connection of their own; `ends`: the server must close then. */
async function ask(server, bytes, { ends = false, ...options } = {}) {
  const raw = await Raw.connect(server);
  raw.write(bytes);
  const response = await raw.response(options);
  if (ends) await raw.ended();
  else raw.terminate();
  return response;
}

test("a topic's numbers, for backends", async t => {
  const server = await startServer(t);
  await enterRoom(server, 1, { visitor: 'anna' });
  await enterRoom(server, 1, { visitor: 'anna' });

  const { status, headers, text } = await ask(server, get('/api/v1/topics/post%3A1'));
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(text), { topic: 'post:1', viewers: 2, people: 1 });
  assert.deepEqual(JSON.parse((await ask(server, get('/api/v1/topics/a/b?x=1'))).text), {
    topic: 'a/b',
    viewers: 0,
    people: 0,
  });
});

test('names of topics are decoded once and strictly', async t => {
  const server = await startServer(t);

  for (const name of ['', '%', '%zz', '%00', '%ff', '%c0%ae', 'x'.repeat(256)])
    assert.equal((await ask(server, get(`/api/v1/topics/${name}`))).status, 400, name);
  const { text } = await ask(server, get('/api/v1/topics/%2541%22%5C%F0%9F%98%80'));
  assert.deepEqual(JSON.parse(text), { topic: '%41"\\\u{1f600}', viewers: 0, people: 0 });
});

test('asking for topics does not make any', async t => {
  const server = await startServer(t);
  for (let i = 0; i < 50; i++) await server.counts(`room:${i}`);

  const { topics, inquiries, audiences } = await server.metrics();
  assert.deepEqual([topics, inquiries, audiences], [0, 0, 0]);
});

test('healthz says ok, HEAD the same without a body', async t => {
  const server = await startServer(t);
  assert.deepEqual((await ask(server, get('/healthz'))).text, 'ok\n');

  const raw = await Raw.connect(server);
  raw.write('HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const { status, headers } = await raw.response({ head: true });
  assert.deepEqual([status, headers['content-length']], [200, '3']);
  raw.write(get('/healthz'));
  assert.equal((await raw.response()).text, 'ok\n');
});

test('unknown paths are 404, other methods 405 with Allow', async t => {
  const server = await startServer(t);

  for (const path of [
    '/',
    '/x',
    '/healthz/',
    '/api',
    '/api/v1/topics',
    '/../healthz',
    '/%68ealthz',
    '//healthz',
  ])
    assert.equal((await ask(server, get(path))).status, 404, path);
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const { status, headers } = await ask(server, `${method} /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
  }
  const { status } = await ask(
    server,
    'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc',
  );
  assert.equal(status, 405);
});

test('a short text body says what is wrong', async t => {
  const server = await startServer(t);
  for (const bytes of [get('/x'), 'nonsense\r\n\r\n', get('/rollcall'), get('/api/v1/topics/%')]) {
    const { headers, text } = await ask(server, bytes);
    assert.match(headers['content-type'], /^text\/plain/);
    assert.match(text, /^.{3,200}\n$/);
  }
});

test('bad requests are 400 and the connection ends', async t => {
  const server = await startServer(t);
  for (const bytes of [
    'nonsense\r\n\r\n',
    'GET /healthz\r\n\r\n',
    'GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /healthz HTTP/1.1\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nBad\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n',
    'GET healthz HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n',
  ]) {
    const { status, headers } = await ask(server, bytes, { ends: true });
    assert.equal(status, 400, JSON.stringify(bytes));
    assert.equal(headers.connection, 'close', JSON.stringify(bytes));
  }
});

test('what is too large has its status, which can be read although bytes are still coming', async t => {
  const server = await startServer(t, { set: { body_bytes_max: '1KiB' } });
  const big = 'x'.repeat(300_000);

  assert.equal((await ask(server, get(`/${big}`), { ends: true })).status, 414);
  assert.equal((await ask(server, get('/healthz', `A: ${big}\r\n`), { ends: true })).status, 431);
  assert.equal(
    (await ask(server, get('/healthz', 'A: b\r\n'.repeat(101)), { ends: true })).status,
    431,
  );
  const post = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${big.length}\r\n\r\n${big}`;
  assert.equal((await ask(server, post, { ends: true })).status, 413);
  const chunked = `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n${big}`;
  assert.equal((await ask(server, chunked, { ends: true })).status, 413);
});

test('what is just not too large is answered', async t => {
  const server = await startServer(t);
  assert.equal((await ask(server, get(`/${'x'.repeat(4095)}`))).status, 404);
  assert.equal((await ask(server, get('/healthz', `A: ${'x'.repeat(8100)}\r\n`))).status, 200);
  assert.equal((await ask(server, get('/healthz', 'A: b\r\n'.repeat(99)))).status, 200);
});

test('connections are kept alive, but not for HTTP/1.0 and those who say close', async t => {
  const server = await startServer(t);
  const raw = await Raw.connect(server);
  for (let i = 0; i < 5; i++) {
    raw.write(get('/healthz'));
    assert.equal((await raw.response()).status, 200);
  }
  raw.write(get('/healthz', 'Connection: close\r\n'));
  assert.equal((await raw.response()).headers.connection, 'close');
  await raw.ended();
  await ask(server, 'GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n', { ends: true });
});

test("pipelined requests are answered in order, those that ask a topic's home too", async t => {
  const server = await startServer(t);
  const raw = await Raw.connect(server);
  const paths = Array.from({ length: 100 }, (_, i) =>
    i % 3 ? `/api/v1/topics/room:${i}` : '/healthz',
  );
  raw.write(paths.map(path => get(path)).join(''));

  for (const [i, path] of paths.entries()) {
    const { text } = await raw.response();
    if (path === '/healthz') assert.equal(text, 'ok\n');
    else assert.equal(JSON.parse(text).topic, `room:${i}`);
  }
});

test('a request may come byte by byte', async t => {
  const server = await startServer(t);
  const raw = await Raw.connect(server);
  for (const byte of get('/api/v1/topics/a')) {
    raw.write(byte);
    await new Promise(setImmediate);
  }
  assert.equal(JSON.parse((await raw.response()).text).topic, 'a');
});

test('a client that ends its side behind the request still gets the answer', async t => {
  const server = await startServer(t);
  for (const path of ['/healthz', '/api/v1/topics/a']) {
    const raw = await Raw.connect(server, { allowHalfOpen: true });
    raw.socket.end(get(path));
    assert.equal((await raw.response()).status, 200, path);
    await raw.ended().catch(() => {});
    raw.terminate();
  }
});

test('slow heads are cut off: 408 where something was asked, nothing where nothing was', async t => {
  const server = await startServer(t, { set: { head_timeout: '400ms' } });
  const slow = await Raw.connect(server),
    silent = await Raw.connect(server),
    idle = await Raw.connect(server);
  const drip = setInterval(() => slow.write('X'), 50);
  t.after(() => clearInterval(drip));
  slow.write('GET /healthz HTTP/1.1\r\nHost: x\r\nA: ');
  idle.write(get('/healthz'));

  assert.equal((await slow.response({ ms: 1500 })).status, 408);
  clearInterval(drip);
  await slow.ended(3000);
  await silent.ended(1500);
  assert.equal(silent.received.length, 0);
  assert.equal((await idle.response()).status, 200);
  await idle.ended(1500);
  await becomes(async () => (await server.metrics()).sessions, 1);
});

test('a slow body is cut off too', async t => {
  const server = await startServer(t, { set: { head_timeout: '400ms' } });
  const raw = await Raw.connect(server);
  raw.write('POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');

  assert.equal((await raw.response({ ms: 1500 })).status, 408);
});

test('half-open requests do not delay others', async t => {
  const server = await startServer(t);
  const open = await Promise.all(Array.from({ length: 500 }, () => Raw.connect(server)));
  for (const raw of open) raw.write('GET / HTTP/1.1\r\nHost: ');

  const start = performance.now();
  for (let i = 0; i < 20; i++) await ask(server, get('/healthz'));
  const took = performance.now() - start;
  assert.ok(took < 1000, `20 requests took ${took} ms`);
  for (const raw of open) raw.reset();
  await becomes(async () => (await server.metrics()).sessions, 1);
});

test('a hundred resets behind whole requests leave nothing', async t => {
  const server = await startServer(t);
  for (let i = 0; i < 100; i++) {
    const raw = await Raw.connect(server);
    raw.write(i % 2 ? get(`/api/v1/topics/room:${i}`) : handshake('/ws/posts/1/live'));
    if (i % 3) await sleep(0);
    raw.reset();
  }
  await becomes(async () => {
    const { sessions, websockets, inquiries, presences, topics } = await server.metrics();
    return [sessions, websockets, inquiries, presences, topics];
  }, [1, 0, 0, 0, 0]);
});

test('smuggled requests get no second answer', async t => {
  const server = await startServer(t);
  const inner = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const head of [
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n',
    'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]) {
    const raw = await Raw.connect(server);
    raw.write(head + inner);
    await raw.response();
    await raw.ended();
    assert.equal(raw.received.length, 0, `${JSON.stringify(head)}: ${raw.received}`);
  }
});

test('above sessions_max clients get 503 with Retry-After, and room is made by who leaves', async t => {
  const server = await startServer(t, { set: { sessions_max: 10 }, workers: 2 });
  const clients = [];
  for (let i = 0; i < 10; i++) clients.push(await enterRoom(server, 1));

  for (let i = 0; i < 20; i++) {
    const { status, headers, text } = await ask(server, i % 2 ? get('/healthz') : '', {
      ends: true,
    });
    assert.equal(status, 503);
    assert.equal(headers['retry-after'], '5');
    assert.match(text, /sessions_max/);
  }
  await clients.pop().close(1000);
  await becomes(async () => (await ask(server, get('/healthz'))).status, 200);
});

test('Expect: 100-continue is answered before the body', async t => {
  const server = await startServer(t);
  const raw = await Raw.connect(server);
  raw.write(
    'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
  );
  const first = await raw.response();
  if (first.status === 100) {
    raw.write('abc');
    assert.equal((await raw.response()).status, 405);
  } else {
    assert.ok(first.status >= 400);
  }
});

test('metrics are a page that Prometheus reads', async t => {
  const server = await startServer(t);
  const { headers, text } = await ask(server, get('/metrics'));

  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  for (const line of text.trim().split('\n'))
    assert.match(line, /^(# (HELP|TYPE) rollcall_\w+ .+|rollcall_\w+ \d+)$/);
});
