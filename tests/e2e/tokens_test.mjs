// SPDX-License-Identifier: MIT
//
// Tokens: whom the server believes, and what a good one opens.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  call,
  enterRoom,
  joinNative,
  native,
  open,
  openNative,
  phoenixPath,
  refused,
  roomPath,
  told,
  watchNative,
} from '../lib/client.mjs';
import { connect, enter, metas, sees } from '../lib/phoenix.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { becomes } from '../lib/wait.mjs';
import { SECRET, badTokens, seconds, token, tokenByKey } from '../lib/token.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const keyed = (more = {}) => ({ set: { jwt_secret: SECRET, ...more } });

/** The token is refused by every dialect as it should be. */
async function refusedEverywhere(server, bad, what) {
  const room = await open(server, roomPath(1, { token: bad }));
  assert.deepEqual(await room.ended(), { code: 1008, reason: 'Invalid token' }, what);
  assert.equal((await refused(server, phoenixPath({ token: bad }))).status, 403, what);
  const nat = await openNative(server);
  nat.send(['hello', { token: bad }]);
  assert.deepEqual((await nat.next()).slice(0, 3), ['error', null, 'bad_token'], what);
  assert.equal((await nat.ended()).code, 4401, what);
}

test('no bad token is believed, in any dialect, and nobody is counted', async t => {
  for (const more of [{}, { anonymous: 'true' }]) {
    const server = await startServer(t, keyed(more));
    const watcher = await native(server, { token: token({ sub: 'watcher' }) });
    await watchNative(watcher, 'post:1');

    for (const [what, bad] of Object.entries(badTokens('anna')))
      await refusedEverywhere(server, bad, what);
    assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
    assert.deepEqual(watcher.inbox.waiting, []);
    assert.equal((await server.metrics()).joins, 1);
  }
});

test('a token of 100 kB is refused', async t => {
  for (const more of [{}, { anonymous: 'true' }]) {
    const server = await startServer(t, keyed({ ...more, message_bytes_max: '1MiB' }));
    const big = token({ sub: 'anna', x: 'y'.repeat(100_000) });

    assert.equal((await refused(server, roomPath(1, { token: big }))).status, 414);
    assert.equal((await refused(server, phoenixPath({ token: big }))).status, 414);
    assert.equal(
      (await refused(server, phoenixPath(), ['phoenix', `base64url.bearer.phx.${big}`])).status,
      431,
    );
    const nat = await openNative(server);
    nat.send(['hello', { token: big }]);
    assert.equal((await nat.ended()).code, 4401);
    assert.deepEqual(await server.counts('post:1'), { viewers: 0, people: 0 });
  }
});

test('a token that is too long for us is refused where a URL may be that long, also with anonymous visitors', async t => {
  const server = await startServer(
    t,
    keyed({ anonymous: 'true', uri_bytes_max: '60KiB', head_bytes_max: '64KiB' }),
  );
  for (const size of [9_000, 20_000, 30_000]) {
    const big = token({ sub: 'anna', x: 'y'.repeat(size) });
    await refusedEverywhere(server, big, `in the URL, ${size}`);
    const room = await open(server, roomPath(1), ['bearer', big]);
    assert.equal((await room.ended()).code, 1008, `as a subprotocol, ${size}`);
    const auth = `base64url.bearer.phx.${Buffer.from(big).toString('base64').replace(/=/g, '')}`;
    assert.equal((await refused(server, phoenixPath(), ['phoenix', auth])).status, 403);
  }
});

test('a token that cannot be decoded is refused, also with anonymous visitors', async t => {
  const server = await startServer(t, keyed({ anonymous: 'true' }));
  for (const bad of ['%', '%zz', '%00', '%ff', 'a%00']) {
    const room = await open(server, `/ws/posts/1/live?token=${bad}`);
    assert.equal((await room.ended()).code, 1008, bad);
    assert.equal(
      (await refused(server, `/socket/websocket?vsn=2.0.0&token=${bad}`)).status,
      403,
      bad,
    );
  }
});

test('audience and issuer must be ours where they are configured', async t => {
  const server = await startServer(t, keyed({ jwt_audience: 'blog', jwt_issuer: 'us' }));
  for (const [what, claims] of Object.entries({
    'no aud': { iss: 'us' },
    'other aud': { iss: 'us', aud: 'shop' },
    'aud list without us': { iss: 'us', aud: ['a', 'b'] },
    'aud empty': { iss: 'us', aud: [] },
    'aud a number': { iss: 'us', aud: 7 },
    'no iss': { aud: 'blog' },
    'other iss': { aud: 'blog', iss: 'them' },
    'iss a list': { aud: 'blog', iss: ['us'] },
  }))
    await refusedEverywhere(server, token({ sub: 'anna', ...claims }), what);

  await enterRoom(server, 1, { token: token({ sub: 'anna', aud: 'blog', iss: 'us' }) });
  await enterRoom(server, 1, { token: token({ sub: 'anna', aud: ['shop', 'blog'], iss: 'us' }) });
});

test('RS256 and ES256 tokens are believed by the public key, and no others', async t => {
  for (const [alg, pair] of [
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ]) {
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
    const file = join((await startServer(t)).folder, 'key.pem');
    writeFileSync(file, pem);
    const server = await startServer(t, { set: { jwt_public_key_file: file, jwt_algorithm: alg } });

    const room = await enterRoom(server, 1, {
      token: tokenByKey({ sub: 'anna' }, alg, pair.privateKey),
    });
    assert.equal(room.viewers, 1);
    // The classic confusion: the public key as a shared secret.
    await refusedEverywhere(
      server,
      token({ sub: 'anna' }, { secret: pem }),
      `${alg}: HS256 by the public key`,
    );
    const other =
      alg === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await refusedEverywhere(
      server,
      tokenByKey({ sub: 'anna' }, alg, other.privateKey),
      `${alg}: another key`,
    );
    assert.deepEqual(await server.counts('post:1'), { viewers: 1, people: 1 });
  }
});

test('HS384 and HS512 work where they are configured', async t => {
  for (const alg of ['HS384', 'HS512']) {
    const server = await startServer(t, keyed({ jwt_algorithm: alg }));
    await enterRoom(server, 1, { token: token({ sub: 'anna' }, { alg }) });
    await refusedEverywhere(server, token({ sub: 'anna' }), `HS256 for ${alg}`);
  }
});

test('with a key a token is needed, unless anonymous = true', async t => {
  const strict = await startServer(t, keyed());
  const room = await open(strict, roomPath(1, { visitor: 'anna' }));
  assert.equal((await room.ended()).code, 1008);
  assert.equal((await refused(strict, phoenixPath({ visitor: 'anna' }))).status, 403);

  const open_ = await startServer(t, keyed({ anonymous: 'true' }));
  const visitor = await enterRoom(open_, 1, { visitor: 'anna' });
  const member = await enterRoom(open_, 1, { token: token({ sub: 'anna' }) });
  assert.equal(visitor.people, 1);
  assert.deepEqual([member.viewers, member.people], [2, 2]);
});

test('without a key visitors come in, and a token proves nothing', async t => {
  const server = await startServer(t);
  assert.match(server.stderr, /anonymous visitors are allowed, because no jwt key is configured/);

  const nat = await native(server, { token: token({ sub: 'admin' }), visitor: 'anna' });
  assert.equal(nat.welcome.key, keyOfVisitor('anna'));
});

test('anonymous = false without a key lets nobody in', async t => {
  const server = await startServer(t, { set: { anonymous: 'false' } }).catch(error => error);
  if (server instanceof Error) return; // refused at the start: as good
  await refusedEverywhere(server, token({ sub: 'anna' }), 'no key');
});

test('leeway lets a clock be off by that much', async t => {
  const server = await startServer(t, keyed({ jwt_leeway: '30s' }));

  await enterRoom(server, 1, { token: token({ sub: 'anna', exp: seconds(-10) }) });
  await enterRoom(server, 1, { token: token({ sub: 'anna', nbf: seconds(10) }) });
  await refusedEverywhere(server, token({ sub: 'anna', exp: seconds(-40) }), 'expired');
  await refusedEverywhere(server, token({ sub: 'anna', nbf: seconds(50) }), 'not yet');
});

test('when a token ends, its session is closed with a reason that clients understand', async t => {
  const server = await startServer(t, keyed({ jwt_leeway: '0s' }));
  const short = () => ({ token: token({ sub: 'anna', exp: seconds(2) }) });
  const room = await enterRoom(server, 1, short());
  const nat = await native(server, short());
  await joinNative(nat, 'post:1');
  const socket = connect(server, { params: { token: short().token } });
  await enter(socket, 'post:1');
  const codes = [];
  socket.onClose(event => codes.push(`${event.code} ${event.reason}`));

  assert.deepEqual(await room.ended(4000), { code: 1008, reason: 'Token expired' });
  assert.deepEqual(await nat.find(m => m[0] === 'bye'), [
    'bye',
    'token_expired',
    1000,
    'the token has expired',
  ]);
  assert.deepEqual(await nat.ended(), { code: 1008, reason: 'the token has expired' });
  await becomes(() => codes, ['1008 token expired']);
  assert.equal((await server.metrics()).expired, 3);
  socket.disconnect();
});

test('the topics claim opens its patterns and nothing else', async t => {
  const server = await startServer(t, keyed());
  const who = token({ sub: 'anna', topics: ['post:1*', 'lobby'] });

  await enterRoom(server, 1, { token: who });
  await enterRoom(server, 17, { token: who });
  const room = await open(server, roomPath(2, { token: who }));
  assert.equal((await room.next()).code, 'forbidden');
  assert.equal((await room.ended()).code, 1008);
  const nat = await native(server, { token: who });
  await joinNative(nat, 'lobby');
  for (const topic of ['lobby2', 'post:2', 'Post:1'])
    for (const name of ['join', 'watch'])
      assert.deepEqual(
        (await call(nat, name, topic)).slice(0, 3),
        ['error', nat.refs, 'forbidden'],
        topic,
      );

  const none = await native(server, { token: token({ sub: 'bert', topics: [] }) });
  assert.equal((await call(none, 'join', 'lobby'))[2], 'forbidden');
  assert.deepEqual(await server.counts('post:2'), { viewers: 0, people: 0 });
});

test("the token's meta wins over the client's", async t => {
  const server = await startServer(t, keyed());
  const who = token({ sub: 'anna', meta: { role: 'author', phx_ref: 'x' } });
  const socket = connect(server, { authToken: who });
  const anna = await enter(socket, 'post:1', { meta: { role: 'admin', mood: 'fine' } });

  await sees(anna, { anna: 1 });
  const { phx_ref, ...meta } = metas(anna)[0];
  assert.notEqual(phx_ref, 'x');
  assert.deepEqual(meta, { role: 'author', mood: 'fine' });

  const nat = await native(server, { token: who });
  const { number, ref } = await joinNative(nat, 'post:1', {
    mode: 'list',
    meta: { role: 'admin' },
  });
  const state = await nat.find(m => m[0] === 'state');
  assert.deepEqual(
    state[4].find(p => p[0] === ref),
    [ref, 'anna', { role: 'author' }],
  );
  await call(nat, 'update', number, { role: 'root', x: 1 });
  assert.deepEqual((await nat.find(m => m[0] === 'diff'))[6], [
    [ref, 'anna', { role: 'author', x: 1 }],
  ]);
});

test('two sessions of one sub are one person and two viewers; integer and text subs are the same', async t => {
  const server = await startServer(t, keyed());
  const watcher = await native(server, { token: token({ sub: 'w' }) });
  await watchNative(watcher, 'post:1');

  await enterRoom(server, 1, { token: token({ sub: 42 }) });
  await told(watcher, 1, 1);
  await enterRoom(server, 1, { token: token({ sub: '42' }) });
  await told(watcher, 2, 1);
});

test('a sub of up to key_bytes_max bytes is a key', async t => {
  for (const max of [255, 1024, 4096]) {
    const server = await startServer(
      t,
      keyed({ key_bytes_max: max, uri_bytes_max: '16KiB', head_bytes_max: '32KiB' }),
    ).catch(error => error);
    if (server instanceof Error) {
      assert.ok(max > 1024, server.message);
      continue;
    }
    const room = await enterRoom(server, 1, { token: token({ sub: 'x'.repeat(max) }) });
    room.terminate();
    await enterRoom(server, 1, { token: token({ sub: 'x'.repeat(max) }) });
    await becomes(() => server.counts('post:1'), { viewers: 1, people: 1 });
  }
});

test('neither a token nor the secret stands in the log', async t => {
  const server = await startServer(t, { set: { jwt_secret: SECRET, log_level: 'debug' } });
  const good = token({ sub: 'anna' });
  await enterRoom(server, 1, { token: good });
  await refusedEverywhere(server, `${good}x`, 'bad');
  await server.stop();

  assert.equal(server.stderr.includes(good.slice(-20)), false);
  assert.equal(server.stderr.includes(SECRET), false);
});
