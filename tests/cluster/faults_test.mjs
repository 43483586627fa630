// SPDX-License-Identifier: MIT
//
// Three nodes, some hundred clients who come and go in 50 topics, and whatever can happen to a cluster. After each
// fault every number is right within its bound, and nobody was dropped who was not on a node that was killed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../lib/server.mjs';
import { becomes, sleep } from '../lib/wait.mjs';
import { Crowd } from './lib/crowd.mjs';
import { cleared, startNode, startNodes, stopAll } from './lib/nodes.mjs';
import { startProxy, startRedis } from './lib/redis.mjs';

const CROWD = Number(process.env.CLUSTER_CROWD ?? 250),
  STEPS = 2 * CROWD,
  LEASE_MS = 1000,
  SETTLED_MS = 3000 + CROWD; // nothing is broken: messages under way, graces, a busy machine

/** A cluster with a crowd whose numbers are right. */
async function begin(t, options) {
  const redis = await startRedis(t);
  const nodes = await startNodes(t, redis, 3, options);
  const crowd = new Crowd(t, nodes, CROWD);
  await crowd.churn(STEPS);
  await crowd.right(SETTLED_MS);
  return { redis, nodes, crowd };
}

/** Goes on a little, is right, in Redis too, and leaves nothing behind. */
async function end({ redis, nodes, crowd }) {
  await crowd.churn(100);
  await crowd.right(SETTLED_MS);
  const args = nodes.flatMap(node => ['--node', `http://${node.origin}`]);
  const { code, stdout, stderr } = await run(['cluster', 'verify', '--redis', redis.url, ...args]);
  assert.equal(code, 0, stdout + stderr);
  crowd.leaveAll();
  await cleared(redis);
  await stopAll(nodes, redis);
}

/** Says what was measured, and that it is within the bound. */
function bound(t, what, took, bound_ms) {
  t.diagnostic(`${what}: right after ${took} ms, bound ${bound_ms} ms`);
  assert.ok(took <= bound_ms, `${took} ms`);
}

test('a node that is killed is gone from every number within its lease and a second', async t => {
  const cluster = await begin(t);
  const [node] = cluster.nodes.splice(1, 1);
  cluster.crowd.giveUp(node);
  await node.kill();
  bound(t, 'kill -9 of a node', await cluster.crowd.right(LEASE_MS + 1500), LEASE_MS + 1000);
  cluster.nodes.push(await startNode(t, cluster.redis));
  await end(cluster);
});

test('a node that is stopped longer than its lease is gone, and back when it goes on', async t => {
  const cluster = await begin(t);
  const [node] = cluster.nodes;
  node.signal('SIGSTOP');
  const gone = await cluster.crowd.right(LEASE_MS + 1500, { unheard: [node] }).finally(() => node.signal('SIGCONT'));
  bound(t, 'SIGSTOP of a node', gone, LEASE_MS + 1000);
  bound(t, 'SIGCONT of a node', await cluster.crowd.right(5000), 2000);
  await end(cluster);
});

test('a Redis that is killed and comes back empty costs nobody, and is filled again', async t => {
  const cluster = await begin(t);
  await cluster.redis.kill();
  await cluster.crowd.churn(50);
  await sleep(1000); // connections are tried and refused meanwhile
  await cluster.redis.start();
  const begun = Date.now();
  await cluster.crowd.churn(50);
  bound(t, 'Redis empty', await cluster.crowd.right(5000, { begin: begun }), 2000);
  await end(cluster);
});

test('a Redis that is emptied under way is filled again', async t => {
  const cluster = await begin(t);
  await cluster.redis.cli('FLUSHALL');
  const begun = Date.now();
  await cluster.crowd.churn(50);
  bound(t, 'FLUSHALL', await cluster.crowd.right(5000, { begin: begun }), 2000);
  await sleep(LEASE_MS + 1000); // what was only kept would be dropped by now
  await cluster.crowd.right(SETTLED_MS);
  await end(cluster);
});

test('subscriptions that are cut come back, and what was missed is read', async t => {
  const cluster = await begin(t);
  await cluster.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const begun = Date.now();
  await cluster.crowd.churn(50);
  const took = await cluster.crowd.right(5000, { begin: begun });
  bound(t, 'CLIENT KILL TYPE pubsub', took, 2000);
  await end(cluster);
});

test('a Redis that hangs for longer than the lease costs nobody', async t => {
  const cluster = await begin(t);
  cluster.redis.signal('SIGSTOP');
  await cluster.crowd.churn(50);
  await sleep(4500);
  cluster.redis.signal('SIGCONT');
  bound(t, 'SIGSTOP of Redis for 4.5 s', await cluster.crowd.right(8000), 3000);
  await end(cluster);
});

test('a node that is parted from Redis is gone for the others, goes on alone, and is back when it is healed', async t => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const nodes = [...(await startNodes(t, redis, 2)), ...(await startNodes(t, proxy, 1))];
  const crowd = new Crowd(t, nodes, CROWD);
  await crowd.churn(STEPS);
  await crowd.right(SETTLED_MS);
  proxy.cut();
  bound(t, 'partition, the others', await crowd.right(LEASE_MS + 1500, { unheard: [nodes[2]] }), LEASE_MS + 1000);
  await crowd.churn(100);
  await sleep(4000);
  await crowd.right(SETTLED_MS, { unheard: [nodes[2]] });
  proxy.heal();
  bound(t, 'partition healed', await crowd.right(8000), 3000);
  await end({ redis, nodes, crowd });
});

test('connections that went silent for good are found out and made anew', async t => {
  const redis = await startRedis(t);
  const proxy = await startProxy(t, redis.port);
  const nodes = [...(await startNodes(t, redis, 2)), ...(await startNodes(t, proxy, 1))];
  const crowd = new Crowd(t, nodes, CROWD);
  await crowd.churn(STEPS);
  await crowd.right(SETTLED_MS);
  proxy.cut();
  await crowd.churn(100);
  await sleep(500);
  proxy.renew();
  await crowd.churn(100);
  bound(t, 'connections lost without a word', await crowd.right(10000), 6000);
  await end({ redis, nodes, crowd });
});

test('keys that are evicted are noticed and written again', async t => {
  const cluster = await begin(t);
  const keys = async () => (await cluster.redis.keys()).filter(key => /:(share|topic):/.test(key));
  const before = await keys();
  const begun = Date.now();
  await cluster.redis.cli('DEL', ...before.filter((_, i) => i % 2));
  await becomes(keys, before, 15_000);
  t.diagnostic(`evicted keys: all there again after ${Date.now() - begun} ms`);
  await cluster.crowd.right(SETTLED_MS);
  await end(cluster);
});

test('all nodes are restarted one after the other, and numbers are right after each', async t => {
  const cluster = await begin(t);
  for (let i = 0; i < 3; i++) {
    const node = cluster.nodes.shift();
    cluster.crowd.giveUp(node);
    await node.stop();
    bound(t, 'graceful stop', await cluster.crowd.right(2000), 1000);
    cluster.nodes.push(await startNode(t, cluster.redis));
    await cluster.crowd.churn(100);
    await cluster.crowd.right(SETTLED_MS);
  }
  await end(cluster);
});
