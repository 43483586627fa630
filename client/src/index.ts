// SPDX-License-Identifier: MIT
//
// index.ts - the core: what a page needs to count and to be counted, without a framework.

export { createClient, getClient } from './client.js';
export { applyDiff, applyState } from './presence.js';
export type { Presence, Presences } from './presence.js';
export type { Meta, WirePresence } from './protocol.js';
export type {
  Client,
  ClientOptions,
  Listener,
  Snapshot,
  Status,
  SubscribeOptions,
  Unsubscribe,
  Visitor,
} from './types.js';
