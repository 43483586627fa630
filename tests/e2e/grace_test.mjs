// SPDX-License-Identifier: MIT
//
// leave_grace: what others see, and do not see, of refreshes and blips.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { enterRoom, joinNative, native, openPhoenix, told, watchNative } from '../lib/client.mjs';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { becomes, sleep } from '../lib/wait.mjs';

/** A native watcher of post:1 that has seen nothing yet. */
async function watch(server, mode = 'count') {
  const watcher = await native(server);
  await watchNative(watcher, 'post:1', { mode });
  if (mode === 'list') await watcher.next();
  return watcher;
}

const OTHERS = { set: { leave_grace: '600ms' } };

// They wait more than they work.
describe('leave_grace', { concurrency: true }, () => {
  for (const [how, leave] of Object.entries({
    'a close 1001': client => client.close(1001),
    'a cut connection': async client => client.terminate(),
    'a protocol error': async client => {
      client.ws._socket.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]));
      await client.ended();
    },
  })) {
    test(`a refresh by ${how} is not announced`, async t => {
      const server = await startServer(t, OTHERS);
      const watcher = await watch(server),
        lister = await watch(server, 'list');
      const anna = await enterRoom(server, 1, { visitor: 'anna' });
      await told(watcher, 1);
      await told(lister, 1);

      await leave(anna);
      await server.absent(1);
      assert.equal((await enterRoom(server, 1, { visitor: 'anna' })).viewers, 1);
      await sleep(800);
      assert.deepEqual([watcher.inbox.waiting, lister.inbox.waiting], [[], []]);
      assert.equal((await server.metrics()).absent, 0);
    });
  }

  for (const [how, leave] of Object.entries({
    'closes with 1000': client => client.close(1000),
    'closes without a code': client => client.close(),
    "closes with an application's code": client => client.close(4000),
  })) {
    test(`a rooms client that ${how} is gone at once`, async t => {
      const server = await startServer(t, { set: { leave_grace: '60s' } });
      const watcher = await watch(server);
      const anna = await enterRoom(server, 1, { visitor: 'anna' });
      await told(watcher, 1);

      await leave(anna);
      await told(watcher, 0);
    });
  }

  test('who does not come back is gone after the grace, once', async t => {
    const server = await startServer(t, OTHERS);
    const watcher = await watch(server);
    const anna = await enterRoom(server, 1, { visitor: 'anna' });
    await told(watcher, 1);

    const start = Date.now();
    anna.terminate();
    await told(watcher, 0);
    const took = Date.now() - start;
    assert.ok(took >= 590 && took < 1500, `${took} ms`);
    await sleep(100);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test('two tabs that refresh together keep their two places', async t => {
    const server = await startServer(t, OTHERS);
    const watcher = await watch(server);
    const tabs = [];
    for (let i = 0; i < 2; i++) tabs.push(await enterRoom(server, 1, { visitor: 'anna' }));
    await told(watcher, 2, 1);

    for (const tab of tabs) tab.terminate();
    await server.absent(2);
    for (let i = 0; i < 2; i++) await enterRoom(server, 1, { visitor: 'anna' });
    await sleep(800);
    assert.deepEqual(watcher.inbox.waiting, []);
    assert.deepEqual(await server.counts('post:1'), { viewers: 2, people: 1 });
  });

  test('who comes back in one of two tabs frees the other place after the grace', async t => {
    const server = await startServer(t, OTHERS);
    const watcher = await watch(server);
    const tabs = [];
    for (let i = 0; i < 2; i++) tabs.push(await enterRoom(server, 1, { visitor: 'anna' }));
    await told(watcher, 2, 1);

    for (const tab of tabs) tab.terminate();
    await server.absent(2);
    await enterRoom(server, 1, { visitor: 'anna' });
    await told(watcher, 1, 1);
  });

  test('twenty refreshes in a row are not announced', async t => {
    const server = await startServer(t, OTHERS);
    const watcher = await watch(server);
    let anna = await enterRoom(server, 1, { visitor: 'anna' });
    await told(watcher, 1);

    for (let i = 0; i < 20; i++) {
      anna.terminate();
      await server.absent(1);
      anna = await enterRoom(server, 1, { visitor: 'anna' });
    }
    await sleep(800);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test("a token's bearer is held as a visitor is, and known again by another token", async t => {
    const server = await startServer(t, { set: { leave_grace: '600ms', jwt_secret: SECRET } });
    const watcher = await native(server, { token: token({ sub: 'watcher' }) });
    await watchNative(watcher, 'post:1');
    const anna = await enterRoom(server, 1, { token: token({ sub: 'anna' }) });
    await told(watcher, 1);

    anna.terminate();
    await server.absent(1);
    await enterRoom(server, 1, { token: token({ sub: 'anna', n: 2 }) });
    await sleep(800);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test('another visitor does not take a place that is held', async t => {
    const server = await startServer(t, OTHERS);
    const anna = await enterRoom(server, 1, { visitor: 'anna' });
    anna.terminate();
    await server.absent(1);

    const bert = await enterRoom(server, 1, { visitor: 'bert' });
    assert.deepEqual([bert.viewers, bert.people], [2, 2]);
    await told(bert, 1, 1);
  });

  test('a place that is held belongs to its topic', async t => {
    const server = await startServer(t, OTHERS);
    const anna = await enterRoom(server, 1, { visitor: 'anna' });
    anna.terminate();
    await server.absent(1);

    const elsewhere = await enterRoom(server, 2, { visitor: 'anna' });
    assert.equal(elsewhere.viewers, 1);
    await becomes(() => server.counts('post:1'), { viewers: 0, people: 0 });
  });

  test("a Phoenix client's disconnect, which has no code, is held", async t => {
    const server = await startServer(t, OTHERS);
    const watcher = await watch(server);
    for (let i = 0; i < 3; i++) {
      const client = await openPhoenix(server, { visitor: 'anna' });
      client.send(['1', '1', 'post:1', 'phx_join', {}]);
      await client.next();
      await client.close();
      await server.absent(1);
    }
    await told(watcher, 1);
    await told(watcher, 0);
    assert.deepEqual(watcher.inbox.waiting, []);
  });

  test('leave_grace = 0s of a section tells every leave at once', async t => {
    const server = await startServer(t, {
      config: 'topic "post:*" { leave_grace = 0s }',
      set: { leave_grace: '60s' },
    });
    const watcher = await watch(server);
    const anna = await enterRoom(server, 1, { visitor: 'anna' });
    await told(watcher, 1);

    anna.terminate();
    await told(watcher, 0);
  });

  test('who left within the window and is back is told to nobody', async t => {
    const server = await startServer(t, { set: { announce_rate: 1, announce_max: '500ms' } });
    const lister = await watch(server, 'list');
    const anna = await native(server, { visitor: 'anna' });
    await joinNative(anna, 'post:1');
    await told(lister, 1); // the window begins

    await anna.close(1000);
    const again = await native(server, { visitor: 'anna' });
    await joinNative(again, 'post:1');
    await sleep(700);
    assert.deepEqual(lister.inbox.waiting, []);
  });

  test('a number that was told to who came within the window is taken back', async t => {
    const server = await startServer(t, { set: { announce_rate: 1, announce_max: '400ms' } });
    const anna = await native(server);
    await joinNative(anna, 'post:1'); // the window begins

    const bert = await native(server);
    await joinNative(bert, 'post:1');
    const late = await native(server);
    assert.equal((await watchNative(late, 'post:1')).viewers, 2);
    await bert.close(1000);
    await told(late, 1);
    assert.deepEqual(anna.inbox.waiting, []);
  });
});
