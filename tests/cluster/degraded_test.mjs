// SPDX-License-Identifier: MIT
//
// What a cluster says of itself: degraded since when and why, numbers of topics that nobody of a node is in, and the
// commands that look at it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterRoom, joinNative, native, told } from '../lib/client.mjs';
import { run } from '../lib/server.mjs';
import { becomes, sleep } from '../lib/wait.mjs';
import { joined, startNode, startNodes } from './lib/nodes.mjs';
import { startRedis } from './lib/redis.mjs';

const topic = async (node, name) => (await node.get(`/api/v1/topics/${name}`)).json();
const cluster = m => m[0] === 'cluster';

test('a node whose Redis goes away says so, keeps everybody, and says when it is well again', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  const anna = await native(a, { visitor: 'anna' });
  await joinNative(anna, 'post:1');
  const bert = await native(b, { visitor: 'bert' });
  await joinNative(bert, 'post:1');
  await told(anna, 2);
  assert.deepEqual(await topic(a, 'post:1'), { topic: 'post:1', viewers: 2, people: 2 });

  const before = Date.now();
  await redis.kill();
  const [, outage] = await anna.find(cluster);
  assert.equal(outage.degraded, true);
  assert.ok(outage.since_ms >= before - 1000 && outage.since_ms <= Date.now(), String(outage.since_ms));
  assert.equal(typeof outage.why, 'string');
  const answer = await topic(a, 'post:1');
  assert.deepEqual([answer.viewers, answer.degraded], [2, true]);
  assert.ok(Math.abs(Date.parse(answer.since) - outage.since_ms) < 10);
  assert.equal(typeof answer.why, 'string');
  assert.ok((await a.metrics()).degraded > 0);

  const late = await native(a);
  assert.equal((await late.find(cluster))[1].degraded, true);
  await joinNative(late, 'post:1');
  await told(anna, 3);

  await redis.start();
  assert.deepEqual(await anna.find(cluster), ['cluster', { degraded: false }]);
  await told(bert, 3);
  assert.deepEqual(await topic(a, 'post:1'), { topic: 'post:1', viewers: 3, people: 3 });
});

test('a node that starts before its Redis serves its own numbers as degraded, and joins when it comes', async t => {
  const redis = await startRedis(t);
  const first = await startNode(t, redis);
  const room = await enterRoom(first, 1);
  await redis.kill();
  const node = await startNode(t, redis);
  const own = await enterRoom(node, 1);
  assert.equal(own.viewers, 1);
  assert.equal((await topic(node, 'post:1')).degraded, true);
  await redis.start();
  await told(own, 2);
  await told(room, 2);
  await joined(node);
  assert.equal((await topic(node, 'post:1')).degraded, undefined);
});

test('cluster_start = refuse ends a start that does not reach Redis, and says why', async t => {
  const args = ['serve', '--listen', '127.0.0.1:0', '--set', 'cluster_start=refuse', '--set'];
  const begin = Date.now();
  const { code, stdout, stderr } = await run([...args, 'redis=redis://127.0.0.1:1']);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /redis: not reached, and cluster_start = refuse: Connection refused/);
  const took = Date.now() - begin;
  assert.ok(took >= 5000 && took < 9000, `${took} ms`);

  const redis = await startRedis(t);
  await joined(await startNode(t, redis, { set: { cluster_start: 'refuse' } }));
});

test('a wrong password is told, and a right one is taken from the address', async t => {
  const redis = await startRedis(t, '--requirepass', 'open sesame');
  const url = `redis://:open%20sesame@127.0.0.1:${redis.port}`;
  await joined(await startNode(t, { url }));
  const wrong = await startNode(t, { url: `redis://:no@127.0.0.1:${redis.port}` });
  await becomes(async () => /WRONGPASS/.test((await topic(wrong, 'x')).why), true);
});

test('every node answers for topics that nobody of it is in', async t => {
  const redis = await startRedis(t);
  const [a, b] = await startNodes(t, redis, 2);
  await enterRoom(a, 1, { visitor: 'anna' });
  await enterRoom(a, 1, { visitor: 'anna' });
  await becomes(() => redis.cli('EXISTS', 'rollcall:topic:post:1'), '1');

  for (let i = 0; i < 20; i++) {
    assert.deepEqual(await b.counts('post:1'), { viewers: 2, people: 1 });
    assert.deepEqual(await b.counts('post:none'), { viewers: 0, people: 0 });
  }
  await becomes(async () => {
    const { followed, topics, presences } = await b.metrics();
    return { followed, topics, presences };
  }, { followed: 0, topics: 0, presences: 0 });
});

test('an answer about such a topic does not wait long for a Redis that hangs', async t => {
  const redis = await startRedis(t);
  const [a] = await startNodes(t, redis, 1);
  redis.signal('SIGSTOP');
  t.after(() => redis.signal('SIGCONT'));
  const begin = Date.now();
  const { viewers } = await a.counts('post:1');
  assert.equal(viewers, 0);
  const took = Date.now() - begin;
  assert.ok(took >= 200 && took < 1500, `${took} ms`);
  redis.signal('SIGCONT');
  await joined(a);
});

test('rollcall cluster status prints lives, leases and topics', async t => {
  const redis = await startRedis(t);
  const [a] = await startNodes(t, redis, 2);
  for (let i = 0; i < 3; i++) await enterRoom(a, i);
  await becomes(() => redis.cli('DBSIZE'), '10'); // 3 shares, 3 topics, two keys of the life, leases, epoch
  const { code, stdout, stderr } = await run(
    ['cluster', 'status', '--redis', redis.url, '--node', `http://${a.origin}`],
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^redis answers in [\d.]+ ms\n/);
  assert.match(stdout, /^[0-9a-f]{8}\.1 +[01]\.\d s +3$/m);
  assert.match(stdout, /^[0-9a-f]{8}\.1 +[01]\.\d s +0$/m);
  assert.match(stdout, /^2 nodes$/m);
  assert.match(stdout, /: degraded 0, followed 3, share_writes_total \d+, share_gaps_total 0/);
});

test('rollcall cluster verify is content with a cluster that is right, and finds a share that is not', async t => {
  const redis = await startRedis(t);
  const nodes = await startNodes(t, redis, 2);
  for (const [i, node] of [...nodes, ...nodes].entries()) await enterRoom(node, i % 3, { visitor: 'v' });
  const args = ['cluster', 'verify', '--redis', redis.url];
  for (const node of nodes) args.push('--node', `http://${node.origin}`);
  await sleep(200);
  const good = await run(args);
  assert.deepEqual([good.code, good.stdout], [0, '3 topics, 2 nodes: 0 differences\n'], good.stderr);

  const share = (await redis.keys()).find(key => /^rollcall:share:.*:post:0$/.test(key));
  await redis.cli('HSET', share, '12345', '[0,"ghost",{}]');
  const bad = await run(args);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^post:0: in Redis 3 viewers, 2 people; http:.* says 2, 1/);
  assert.match(bad.stdout, /3 topics, 2 nodes: 1 differences\n$/);
});

test('rollcall cluster says what is wrong with its line, and what it cannot reach', async () => {
  for (const [args, code, text] of [
    [[], 2, /found no word, allowed: status or verify/],
    [['list'], 2, /found "list", allowed: status or verify/],
    [['status'], 2, /found no address/],
    [['verify', '--redis', 'redis://127.0.0.1:1'], 2, /found no node/],
    [['status', '--redis', 'http://x'], 2, /allowed: redis:/],
    [['status', '--redis', 'redis://127.0.0.1:1'], 1, /Connection refused/],
  ]) {
    const result = await run(['cluster', ...args]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, text);
  }
});
