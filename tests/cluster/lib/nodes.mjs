// SPDX-License-Identifier: MIT
//
// nodes.mjs - Rollcalls that are one cluster, and what is left of them.
import { startServer } from '../../lib/rollcall.mjs';
import { becomes } from '../../lib/wait.mjs';

/** One more node; `options` as of startServer(). */
export function startNode(t, redis, { set = {}, ...options } = {}) {
  return startServer(t, {
    ...options,
    set: { redis: redis.url, lease: '1s', leave_grace: '100ms', drain: '200ms', ...set },
  });
}

export async function startNodes(t, redis, count, options) {
  const nodes = [];
  for (let i = 0; i < count; i++) nodes.push(await startNode(t, redis, options));
  await Promise.all(nodes.map(node => joined(node)));
  return nodes;
}

/** Waits until a node says that it is in the cluster and knows all. */
export function joined(node, ms) {
  return becomes(async () => (await node.metrics()).degraded, 0, ms);
}

/** Waits until nobody is in any topic and Redis holds nothing but who is alive. */
export function cleared(redis, ms) {
  return becomes(
    async () => (await redis.keys()).filter(key => !/^rollcall:(leases|epoch|fences:.*)$/.test(key)),
    [],
    ms,
  );
}

/** All of them stop in order, and Redis is as if they had never been. */
export async function stopAll(nodes, redis) {
  await Promise.all(nodes.map(node => node.stop()));
  await becomes(() => redis.keys(), []);
}
