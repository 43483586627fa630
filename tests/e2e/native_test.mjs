// SPDX-License-Identifier: MIT
//
// rollcall.v1, message by message.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  call,
  joinNative,
  native,
  openNative,
  refused,
  told,
  watchNative,
} from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { becomes, sleep } from '../lib/wait.mjs';
import { keyOfVisitor } from '../lib/visitor.mjs';

const KEYED = { set: { jwt_secret: SECRET } };

// Some wait more than they work.
describe('rollcall.v1', { concurrency: true }, () => {
  test('hello is answered with who one is and what the limits are', async t => {
    const server = await startServer(t);
    const client = await openNative(server);

    assert.equal(client.ws.protocol, 'rollcall.v1');
    client.send(['hello', { visitor: 'anna' }]);
    assert.deepEqual(await client.next(), [
      'welcome',
      { key: keyOfVisitor('anna'), idle_ms: 60000, topics_max: 100, meta_bytes_max: 4096 },
    ]);
  });

  test('hello may be without options, and then one is nobody in particular', async t => {
    const server = await startServer(t);
    const first = await openNative(server),
      second = await openNative(server);
    first.send(['hello']);
    second.send(['hello', {}]);
    const [, { key }] = await first.next(),
      [, { key: other }] = await second.next();

    assert.match(key, /^~:[\w-]+$/);
    assert.match(other, /^~:[\w-]+$/);
    assert.notEqual(key, other);
  });

  test('visitor: true gives an id to bring back', async t => {
    const server = await startServer(t);
    const first = await native(server, { visitor: true });
    const again = await native(server, { visitor: first.welcome.visitor });

    assert.match(first.welcome.visitor, /^[\w-]{22}$/);
    assert.equal(first.welcome.key, keyOfVisitor(first.welcome.visitor));
    assert.equal(again.welcome.key, first.welcome.key);
    assert.equal('visitor' in again.welcome, false);
  });

  test('a hello that is wrong is told why', async t => {
    const server = await startServer(t, KEYED);

    for (const options of [7, 'x', [], null, { token: 7 }, { visitor: 7 }, { token: null }]) {
      const client = await openNative(server);
      client.send(['hello', options]);
      assert.deepEqual(
        (await client.next()).slice(0, 3),
        ['error', null, 'bad_message'],
        JSON.stringify(options),
      );
      client.send(['hello', { token: token({ sub: 'anna' }) }]);
      assert.equal((await client.next())[0], 'welcome');
      client.send(['hello', {}]);
      assert.deepEqual((await client.next()).slice(0, 3), ['error', null, 'bad_message']);
      client.terminate();
    }
  });

  test('who may not come in is told so and closed with 4401', async t => {
    const keyed = await startServer(t, KEYED);
    for (const who of [{}, { token: 'nonsense' }, { visitor: 'anna' }]) {
      const client = await openNative(keyed);
      client.send(['hello', who]);
      assert.deepEqual((await client.next()).slice(0, 3), ['error', null, 'bad_token']);
      assert.equal((await client.ended()).code, 4401);
    }

    const open = await startServer(t);
    const client = await openNative(open);
    client.send(['hello', { visitor: 'a b' }]);
    assert.deepEqual((await client.next()).slice(0, 3), ['error', null, 'bad_visitor']);
    assert.equal((await client.ended()).code, 4401);
  });

  test('the path speaks rollcall.v1 only', async t => {
    const server = await startServer(t);

    assert.equal((await refused(server, '/rollcall')).status, 400);
    assert.equal((await refused(server, '/rollcall', ['rollcall.v2', 'phoenix'])).status, 400);
  });

  test('nothing but hello comes first, and hello must come in time', async t => {
    const server = await startServer(t, { set: { head_timeout: '300ms' } });
    const client = await openNative(server);

    client.send(['join', 1, 'room:1']);
    assert.deepEqual((await client.next()).slice(0, 3), ['error', 1, 'no_hello']);
    client.send(['ping']);
    assert.deepEqual(await client.next(), ['pong']);
    const [name, code, ,] = await client.find(m => m[0] === 'bye');
    assert.deepEqual([name, code], ['bye', 'no_hello']);
    assert.equal((await client.ended()).code, 1008);
    assert.deepEqual(await server.counts('room:1'), { viewers: 0, people: 0 });
  });

  test('many topics on one connection, each with its number', async t => {
    const server = await startServer(t);
    const client = await native(server, { visitor: 'anna' });
    const a = await joinNative(client, 'room:a'),
      b = await joinNative(client, 'room:b');
    const c = await watchNative(client, 'room:c');

    assert.deepEqual([a.viewers, a.people, b.viewers, c.viewers, c.people], [1, 1, 1, 0, 0]);
    assert.match(a.ref, /^[\w-]{14}$/);
    assert.equal(new Set([a.number, b.number, c.number]).size, 3);
    assert.deepEqual(await server.counts('room:b'), { viewers: 1, people: 1 });
    assert.deepEqual(await server.counts('room:c'), { viewers: 0, people: 0 });
  });

  test('count mode gives viewers and people', async t => {
    const server = await startServer(t);
    const watcher = await native(server);
    const { number } = await watchNative(watcher, 'room:1', { mode: 'count' });
    const anna = await native(server, { visitor: 'anna' });
    await joinNative(anna, 'room:1');
    assert.deepEqual(await watcher.next(), ['count', number, 1, 1]);
    const tab = await native(server, { visitor: 'anna' });
    const { number: there, viewers, people } = await joinNative(tab, 'room:1');
    assert.deepEqual([there, viewers, people], [number, 2, 1]);
    assert.deepEqual(await watcher.next(), ['count', number, 2, 1]);

    assert.deepEqual(await call(anna, 'leave', number), ['ok', anna.refs]);
    assert.deepEqual(await watcher.next(), ['count', number, 1, 1]);
    assert.deepEqual(await tab.next(), ['count', number, 1, 1]);
  });

  test('list mode gives the state, then what joined, left and was updated', async t => {
    const server = await startServer(t);
    const anna = await native(server, { visitor: 'anna' });
    const a = await joinNative(anna, 'room:1', { meta: { name: 'Anna' } });
    const watcher = await native(server);
    const { number } = await watchNative(watcher, 'room:1', { mode: 'list' });
    assert.deepEqual(await watcher.next(), [
      'state',
      number,
      1,
      1,
      [[a.ref, keyOfVisitor('anna'), { name: 'Anna' }]],
    ]);

    const bert = await native(server, { visitor: 'bert' });
    const b = await joinNative(bert, 'room:1');
    assert.deepEqual(await watcher.next(), [
      'diff',
      number,
      2,
      2,
      [[b.ref, keyOfVisitor('bert'), {}]],
      [],
      [],
    ]);
    assert.deepEqual(await call(anna, 'update', number, { typing: true }), ['ok', anna.refs]);
    assert.deepEqual(await watcher.next(), [
      'diff',
      number,
      2,
      2,
      [],
      [],
      [[a.ref, keyOfVisitor('anna'), { typing: true }]],
    ]);
    await call(bert, 'leave', number);
    assert.deepEqual(await watcher.next(), ['diff', number, 1, 1, [], [b.ref], []]);
  });

  test('the one who joins a quiet topic in list mode is in its state', async t => {
    const server = await startServer(t);
    const anna = await native(server, { visitor: 'anna' });
    const { number, ref } = await joinNative(anna, 'room:1', { mode: 'list', meta: { a: 1 } });

    assert.deepEqual(await anna.next(), [
      'state',
      number,
      1,
      1,
      [[ref, keyOfVisitor('anna'), { a: 1 }]],
    ]);
  });

  test('an update to the same meta is not told', async t => {
    const server = await startServer(t);
    const anna = await native(server, { visitor: 'anna' });
    const { number } = await joinNative(anna, 'room:1', { mode: 'list', meta: { a: 1 } });
    await anna.find(m => m[0] === 'state');

    await call(anna, 'update', number, { a: 1 });
    const [, ref] = await call(anna, 'update', number, { a: 2 });
    assert.equal(ref, anna.refs);
    assert.deepEqual(
      (await anna.find(m => m[0] === 'diff'))[6].map(p => p[2]),
      [{ a: 2 }],
    );
    assert.deepEqual(anna.inbox.waiting, []);
  });

  test('publish reaches everybody in the topic in every mode, where it is allowed', async t => {
    const server = await startServer(t, { config: 'topic "room:*" { client_events = true }' });
    const anna = await native(server),
      bert = await native(server);
    const { number } = await joinNative(anna, 'room:1');
    await watchNative(bert, 'room:1', { mode: 'list' });

    assert.deepEqual(await call(anna, 'publish', number, 'wave', { to: ['all'] }), [
      'ok',
      anna.refs,
    ]);
    const event = ['event', number, 'wave', { to: ['all'] }];
    assert.deepEqual(await bert.find(m => m[0] === 'event'), event);
    assert.deepEqual(await anna.find(m => m[0] === 'event'), event);

    const { number: closed } = await joinNative(anna, 'article:1');
    assert.deepEqual((await call(anna, 'publish', closed, 'wave', {})).slice(0, 3), [
      'error',
      anna.refs,
      'events_off',
    ]);
  });

  test('every wrong message has its error, and the session goes on', async t => {
    const server = await startServer(t, { config: 'topic "counts:*" { presence = count }' });
    const client = await native(server, { visitor: 'anna' });
    const { number } = await joinNative(client, 'room:1');
    const { number: watched } = await watchNative(client, 'room:2');

    for (const [message, ref, code] of [
      ['x', null, 'bad_message'],
      ['{}', null, 'bad_message'],
      ['[]', null, 'bad_message'],
      ['[7]', null, 'bad_message'],
      [Buffer.from('["ping"]'), null, 'bad_message'],
      ['["nosuch",1]', null, 'unknown_message'],
      ['["join"]', null, 'bad_ref'],
      ['["join","1","room:3"]', null, 'bad_ref'],
      ['["join",-1,"room:3"]', null, 'bad_ref'],
      ['["join",2147483648,"room:3"]', null, 'bad_ref'],
      ['["join",1.5,"room:3"]', null, 'bad_ref'],
      ['["join",7]', 7, 'bad_message'],
      ['["join",7,42]', 7, 'bad_message'],
      ['["join",7,"room:3",[]]', 7, 'bad_message'],
      ['["join",7,"room:3",{"meta":[]}]', 7, 'bad_message'],
      ['["join",7,"room:3",{"mode":"all"}]', 7, 'bad_mode'],
      ['["join",7,"room:3",{"mode":7}]', 7, 'bad_mode'],
      ['["join",7,"counts:1",{"mode":"list"}]', 7, 'no_list'],
      ['["join",7,""]', 7, 'bad_topic'],
      ['["join",7,"a\\nb"]', 7, 'bad_topic'],
      [JSON.stringify(['join', 7, 'x'.repeat(256)]), 7, 'bad_topic'],
      ['["join",7,"room:1"]', 7, 'already_joined'],
      ['["watch",7,"room:1"]', 7, 'already_joined'],
      [
        JSON.stringify(['join', 7, 'room:3', { meta: { x: 'y'.repeat(4096) } }]),
        7,
        'meta_too_large',
      ],
      ['["leave",7,999999]', 7, 'not_joined'],
      ['["leave",7]', 7, 'not_joined'],
      ['["leave",7,"room:1"]', 7, 'not_joined'],
      [`["update",7,${number}]`, 7, 'bad_message'],
      [`["update",7,${number},[]]`, 7, 'bad_message'],
      [`["update",7,${watched},{}]`, 7, 'bad_message'],
      ['["update",7,-1,{}]', 7, 'not_joined'],
      [`["publish",7,${number}]`, 7, 'bad_message'],
      [`["publish",7,${number},7,{}]`, 7, 'bad_message'],
      [`["publish",7,${number},"e"]`, 7, 'bad_message'],
      [`["publish",7,${number},"e",{}]`, 7, 'events_off'],
    ]) {
      client.send(message);
      const error = await client.next();
      assert.deepEqual(error.slice(0, 3), ['error', ref, code], String(message).slice(0, 80));
      assert.equal(typeof error[3], 'string');
    }
    client.send(['ping']);
    assert.deepEqual(await client.next(), ['pong']);
  });

  test('a hidden page closes with 4001 and is held, one that left closes with 1000 and is not', async t => {
    const server = await startServer(t);
    const watcher = await native(server);
    await watchNative(watcher, 'room:1');
    const anna = await native(server, { visitor: 'anna' });
    await joinNative(anna, 'room:1');
    await told(watcher, 1);

    await anna.close(4001);
    await server.absent(1);
    assert.deepEqual(await server.counts('room:1'), { viewers: 1, people: 1 });
    const again = await native(server, { visitor: 'anna' });
    const { viewers } = await joinNative(again, 'room:1');
    assert.equal(viewers, 1);
    await again.close(1000);
    await told(watcher, 0);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test('who comes back within the grace takes the place of the presence that was held', async t => {
    const server = await startServer(t, { set: { leave_grace: '700ms' } });
    const watcher = await native(server);
    await watchNative(watcher, 'room:1', { mode: 'list' });
    const anna = await native(server, { visitor: 'anna' });
    const before = await joinNative(anna, 'room:1', { meta: { n: 1 } });
    await told(watcher, 1);

    anna.terminate();
    await server.absent(1);
    const again = await native(server, { visitor: 'anna' });
    const after = await joinNative(again, 'room:1', { meta: { n: 2 } });
    assert.equal(after.ref, before.ref);
    assert.equal(after.viewers, 1);
    const diff = await watcher.next();
    assert.deepEqual(
      [diff[2], diff[4], diff[5], diff[6]],
      [1, [], [], [[before.ref, keyOfVisitor('anna'), { n: 2 }]]],
    );
    await sleep(900);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test('a session without a sign of life is asked by a message, and its answer keeps it', async t => {
    const server = await startServer(t, { set: { idle_timeout: '1s' } });
    const client = await native(server, { visitor: 'anna' });
    await joinNative(client, 'room:1');

    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await client.next(), ['ping']);
      client.send(['pong']);
    }
    assert.deepEqual(await client.next(), ['ping']);
    assert.equal((await client.ended()).code, 1001);
    await becomes(() => server.counts('room:1'), { viewers: 0, people: 0 });
  });

  test('an answered protocol ping alone does not keep a native session: browsers answer for frozen pages', async t => {
    const server = await startServer(t, { set: { idle_timeout: '1s' } });
    const client = await native(server);
    const pings = setInterval(() => client.ws.readyState === 1 && client.ws.ping(), 100);
    t.after(() => clearInterval(pings));

    assert.equal((await client.ended(3000)).code, 1001);
  });

  test('rejoining after a leave gives the topic anew', async t => {
    const server = await startServer(t);
    const client = await native(server, { visitor: 'anna' });
    for (let i = 0; i < 20; i++) {
      const { number, viewers } = await joinNative(client, 'room:1');
      assert.equal(viewers, 1);
      await call(client, 'leave', number);
    }
    await becomes(() => server.counts('room:1'), { viewers: 0, people: 0 });
    assert.equal((await server.metrics()).subscriptions, 0);
  });
});
