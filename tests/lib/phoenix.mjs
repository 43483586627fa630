// SPDX-License-Identifier: MIT
//
// phoenix.mjs - the stock `phoenix` client in node, and what tests ask of it.
import WebSocket from 'ws';
import * as phoenix from 'phoenix';
import { becomes, within } from './wait.mjs';

/** A stock Socket, connected; `options` as of the client, `library` another version of it. */
export function connect(server, options = {}, library = phoenix) {
  const socket = new library.Socket(`ws://${server.origin}/socket`, {
    transport: WebSocket,
    ...options,
  });
  server.clients.add({ terminate: () => socket.disconnect() });
  socket.connect();
  return socket;
}

/** The answer to a push or join: ['ok' | 'error' | 'timeout', response]. */
export function answer(push) {
  const got = new Promise(resolve => {
    for (const status of ['ok', 'error', 'timeout'])
      push.receive(status, response => resolve([status, response]));
  });
  return within(got, 'an answer');
}

/** A joined channel with a stock Presence: {channel, presence, changes}; changes are [what, key]. */
export async function enter(socket, topic, payload = {}, library = phoenix) {
  const channel = socket.channel(topic, payload);
  const presence = new library.Presence(channel);
  const changes = [];
  presence.onJoin((key, before) => changes.push([before ? 'more' : 'join', key]));
  presence.onLeave((key, after) => changes.push([after.metas.length ? 'less' : 'leave', key]));
  const [status, response] = await answer(channel.join());
  if (status !== 'ok') throw new Error(`not joined: ${status} ${JSON.stringify(response)}`);
  return { channel, presence, changes };
}

/** {key: number of metas} as the stock Presence sees it. */
export function seen({ presence }) {
  return Object.fromEntries(presence.list((key, { metas }) => [key, metas.length]));
}

/** All metas, whatever their key. */
export function metas({ presence }) {
  return presence.list((_, entry) => entry.metas).flat();
}

/** Waits until a Presence sees this. */
export function sees(member, wanted, ms) {
  return becomes(() => seen(member), wanted, ms);
}

/** Waits until a Presence counts this many metas. */
export function countsMetas(member, wanted, ms) {
  return becomes(() => metas(member).length, wanted, ms);
}
