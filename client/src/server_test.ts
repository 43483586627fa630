// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { fetchCount, fetchCounts, renderLiveCount, signToken } from './server.js';

const answers = (body: unknown, status = 200): typeof fetch =>
  (async (url: URL) =>
    new Response(JSON.stringify(typeof body === 'function' ? body(url) : body), { status })) as never;

test('a count is asked for by the encoded name of its topic', async () => {
  const urls: string[] = [];
  const fetch = answers((url: URL) => (urls.push(url.href), { topic: 'a', people: 2, viewers: 3 }));
  const got = await fetchCount('http://127.0.0.1:8080', 'a/b c:1', { fetch });

  assert.deepEqual(urls, ['http://127.0.0.1:8080/api/v1/topics/a%2Fb%20c%3A1']);
  assert.deepEqual([got?.count, got?.viewers], [2, 3]);
  assert.ok(Math.abs(got!.at - Date.now()) < 1000);
});

test('what is late, away or odd is nothing, and never an error', async () => {
  const never = ((_: URL, { signal }: RequestInit) =>
    new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)))) as never;
  const from = Date.now();
  const alive = setTimeout(() => {}, 5000); // a timeout of fetch keeps no process

  assert.equal(await fetchCount('http://127.0.0.1:1', 'a', { fetch: never, timeoutMs: 20 }), null);
  assert.ok(Date.now() - from < 1000);
  assert.equal(await fetchCount('http://127.0.0.1:1', 'a'), null);
  assert.equal(await fetchCount('no address', 'a'), null);
  assert.equal(await fetchCount('http://h', 'a', { fetch: answers({}, 200) }), null);
  assert.equal(await fetchCount('http://h', 'a', { fetch: answers({ people: 1, viewers: 1 }, 503) }), null);
  assert.equal(await fetchCount('http://h', 'a', { fetch: answers({ people: '1', viewers: -1 }) }), null);
  clearTimeout(alive);
});

test('many counts are a map by topic', async () => {
  const fetch = answers((url: URL) =>
    url.pathname.endsWith('bad') ? {} : { people: url.pathname.length, viewers: 9 },
  );
  const got = await fetchCounts('http://h', ['a', 'bad', 'aaa'], { fetch });

  assert.deepEqual([...got].map(([topic, count]) => [topic, count?.count]), [
    ['a', 16],
    ['bad', undefined],
    ['aaa', 18],
  ]);
});

test('the element has its text and all that the script needs', () => {
  assert.equal(
    renderLiveCount({ topic: 'article:42', count: { count: 7, viewers: 9, at: 5 } }),
    '<live-count topic="article:42" count="7" at="5">7 people viewing</live-count>',
  );
  assert.equal(
    renderLiveCount({ topic: 'a', count: { count: 7, viewers: 9, at: 5 }, of: 'viewers', hint: true }),
    '<live-count topic="a" of="viewers" hint count="9" at="5">9 viewing</live-count>',
  );
});

test('one is not shown, nor what is not known', () => {
  assert.equal(renderLiveCount({ topic: 'a', count: 1 }), '<live-count topic="a" count="1"></live-count>');
  assert.equal(renderLiveCount({ topic: 'a', count: null }), '<live-count topic="a"></live-count>');
  assert.equal(
    renderLiveCount({ topic: 'a', keepSpace: true }),
    '<live-count topic="a" keep-space>\u00a0</live-count>',
  );
  assert.equal(
    renderLiveCount({ topic: 'a', count: 1, min: 1 }),
    '<live-count topic="a" count="1" min="1">1 person viewing</live-count>',
  );
});

test('names and texts cannot leave their place', () => {
  const html = renderLiveCount({
    topic: `"><script>alert('&')</script>`,
    count: 7,
    labels: { other: '<b>{count}</b>' },
  });

  assert.equal(
    html,
    '<live-count topic="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" count="7"' +
      ' other="&lt;b&gt;{count}&lt;/b&gt;">&lt;b&gt;7&lt;/b&gt;</live-count>',
  );
});

test('a token has the claims, a time, and the signature of the secret', () => {
  const token = signToken({ sub: 7, topics: ['post:*'], meta: { role: 'editor' }, ttl: 60 }, 'secret');
  const [head, body, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(body!, 'base64url').toString()) as Record<string, number>;

  assert.deepEqual(JSON.parse(Buffer.from(head!, 'base64url').toString()), { alg: 'HS256', typ: 'JWT' });
  assert.deepEqual(
    { ...claims, iat: 0, exp: claims['exp']! - claims['iat']! },
    { sub: 7, topics: ['post:*'], meta: { role: 'editor' }, iat: 0, exp: 60 },
  );
  assert.equal(signature, createHmac('sha256', 'secret').update(`${head}.${body}`).digest('base64url'));
});
