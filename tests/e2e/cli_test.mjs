// SPDX-License-Identifier: MIT
//
// The command line: what people type, and what they are told.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, enterRoom, joinNative, native, open, roomPath } from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { run } from '../lib/server.mjs';
import { SECRET, seconds } from '../lib/token.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const KEYED = { set: { jwt_secret: SECRET } };

/** A file of this text that goes with the test. */
function file(t, text) {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'test.conf');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const makeToken = async (...args) => {
  const { code, stdout, stderr } = await run(['token', '--jwt-secret', SECRET, ...args]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
};

const claims = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

test('a token of the token command is believed by the server', async t => {
  const server = await startServer(t, KEYED);
  const token = await makeToken('--sub', 'anna');

  const client = await native(server, { token });
  assert.equal(client.welcome.key, 'anna');
  assert.ok(Math.abs(claims(token).exp - seconds(3600)) < 10);
});

test('its ttl, topics and meta are those that were asked for', async t => {
  const server = await startServer(t, KEYED);
  const token = await makeToken(
    '--sub',
    '7',
    '--ttl',
    '5m',
    '--topics',
    'room:*',
    '--topics',
    'lobby',
    '--meta',
    '{"name":"Ann"}',
  );
  assert.ok(Math.abs(claims(token).exp - seconds(300)) < 10);

  const client = await native(server, { token });
  await joinNative(client, 'room:1', { mode: 'list' });
  assert.deepEqual((await client.find(m => m[0] === 'state'))[4][0].slice(1), [
    '7',
    { name: 'Ann' },
  ]);
  await joinNative(client, 'lobby');
  assert.equal((await call(client, 'join', 'post:1'))[2], 'forbidden');
  assert.equal(claims(await makeToken('--sub', 'x', '--ttl', '0s')).exp, undefined);
});

test('a token command that makes no sense exits with 2 and says why', async () => {
  for (const [args, why] of [
    [[], /--sub/],
    [['--sub', ''], /--sub/],
    [['--sub', keyOfVisitor('x')], /subject/],
    [['--sub', 'x', '--ttl', '1x'], /--ttl: found "1x", allowed: /],
    [['--sub', 'x', '--ttl', '1500ms'], /--ttl/],
    [['--sub', 'x', '--meta', '[]'], /meta: found/],
    [['--sub', 'x', '--nosuch'], /--nosuch/],
    [['--sub', 'x', 'operand'], /found "operand"/],
  ]) {
    const { code, stdout, stderr } = await run(['token', '--jwt-secret', SECRET, ...args]);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, why);
  }
  const { code, stderr } = await run(['token', '--sub', 'x'], {
    env: { ROLLCALL_JWT_SECRET: undefined },
  });
  assert.equal(code, 2);
  assert.match(stderr, /give a jwt_secret/);
});

test('the secret may come from the environment or a file', async t => {
  const token = await makeToken('--sub', 'anna');
  const byVariable = await startServer(t, { env: { ROLLCALL_JWT_SECRET: SECRET } });
  await enterRoom(byVariable, 1, { token });
  const bad = await open(byVariable, roomPath(1, { token: `${token}x` }));
  assert.equal((await bad.ended()).code, 1008);

  const byFile = await startServer(t, { flags: ['--jwt-secret-file', file(t, `${SECRET}\n`)] });
  await enterRoom(byFile, 1, { token });
});

test('check-config says ok, or names file, line, key, what was found and what is allowed', async t => {
  const good = file(t, 'leave_grace = 5s\ntopic "article:*" { presence = count }\n');
  assert.deepEqual(await run(['check-config', good]), {
    code: 0,
    stdout: `${good}: ok\n`,
    stderr: '',
  });

  for (const [text, line, words] of [
    ['\nleave_grace = abc\n', 2, ['leave_grace', 'abc', 'allowed', 'duration']],
    ['leave_grace = 11m\n', 1, ['leave_grace', '11m', 'allowed', '10m']],
    ['# x\n\nnosuch = 1\n', 3, ['nosuch', 'allowed']],
    ['workers = 0\n', 1, ['workers', '0', 'allowed', '256']],
    ['demo = maybe\n', 1, ['demo', 'maybe', 'true or false']],
    ['listen = "127.0.0.1"\n', 1, ['listen', '127.0.0.1', 'HOST:PORT']],
    ['topic "a:*" {\n  presence = all\n}\n', 2, ['presence', 'all', 'list or count']],
    ['topic "a:*" {\n  listen = "x:1"\n}\n', 2, ['listen']],
    ['route "/ws/{id:float}" { topic = "x" }\n', 1, ['{id:float}', 'allowed']],
    ['route "/ws/{id}" { topic = "x:{post}" }\n', 1, ['{post}', 'allowed']],
    ['leave_grace = 1s\nleave_grace = 2s\n', 2, ['leave_grace']],
    ['leave_grace = \n', 2, ['premature end']],
  ]) {
    const path = file(t, text);
    const { code, stdout, stderr } = await run(['check-config', path]);
    assert.deepEqual([code, stdout], [2, ''], text);
    assert.ok(stderr.startsWith(`${path}:${line}: `), `${JSON.stringify(text)}: ${stderr}`);
    for (const word of words)
      assert.ok(stderr.includes(word), `${JSON.stringify(text)}: ${stderr}`);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  assert.equal((await run(['check-config', '/nonexistent.conf'])).code, 2);
  assert.equal((await run(['check-config'])).code, 2);
});

test('--set sets a key whatever the file says, and its mistakes are told', async t => {
  const server = await startServer(t, {
    config: 'topics_per_session_max = 5',
    set: { topics_per_session_max: 7 },
  });
  assert.equal((await native(server)).welcome.topics_max, 7);

  for (const pair of [
    'nosuch=1',
    'leave_grace',
    'leave_grace=',
    'leave_grace=x',
    '=1',
    'workers=257',
  ]) {
    const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--set', pair]);
    assert.equal(code, 2, pair);
    assert.match(stderr, /--set/, pair);
  }
});

test('serve refuses what it does not know with 2, and what it cannot do with 1', async t => {
  for (const args of [
    ['--nosuch'],
    ['operand'],
    ['--workers', 'x'],
    ['--listen', 'x'],
    ['--config', '/nonexistent'],
  ])
    assert.equal((await run(['serve', ...args])).code, 2, args.join(' '));
  assert.equal((await run(['nosuch'])).code, 2);
  assert.equal((await run([])).code, 2);

  const server = await startServer(t);
  const { code, stderr } = await run(['serve', '--listen', `127.0.0.1:${server.port}`]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${server.port}.*in use`));
});

test('several addresses are listened on, and each is printed', async t => {
  const server = await startServer(t, {
    flags: ['--listen', '127.0.0.1:0', '--listen', '[::1]:0'],
  });
  const ports = [...server.started.stdout.matchAll(/listening on http:\/\/(\S+):(\d+)\//g)];

  assert.deepEqual(
    ports.map(([, host]) => host),
    ['127.0.0.1', '127.0.0.1', '[::1]'],
  );
  for (const [, host, port] of ports)
    assert.equal((await fetch(`http://${host}:${port}/healthz`)).status, 200);
});

test('help and version are for every command', async () => {
  for (const args of [
    ['--help'],
    ['serve', '--help'],
    ['token', '--help'],
    ['check-config', '--help'],
  ]) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, /^Usage: rollcall /);
  }
  assert.match((await run(['--version'])).stdout, /^rollcall \d+\.\d+\.\d+\n$/);
});
