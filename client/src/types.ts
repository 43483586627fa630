// SPDX-License-Identifier: MIT
//
// types.ts - what the core takes and gives; no code.

import type { Presences } from './presence.js';
import type { Meta } from './protocol.js';

/**
 * | status | meaning |
 * | --- | --- |
 * | idle | nobody subscribed, or the page is not in use: not seen yet, hidden for long, frozen, gone |
 * | connecting | the first attempts, never connected yet; of a topic: it is being joined |
 * | connected | the socket is open and we are welcome; of a topic: it is joined |
 * | reconnecting | was connected, is trying |
 * | offline | the browser says so; it tries again when that changes |
 * | closed | for good: `close()` was called, or the server refused us; of a topic: it was refused |
 */
export type Status = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'closed';

/**
 * Who a browser without a token is. `auto`: an id that the server makes (128 random bits) and
 * localStorage keeps, for this site only, so that all tabs are one person; where there is no
 * storage, as `tab`. `tab`: such an id for this page, forgotten with it: every tab is a person, and
 * a reload a new one. `false`: none; as `tab`, and others see each short break of the connection.
 * Another text (1 to 64 of `A-Z a-z 0-9 - _`): that id, from a cookie for example.
 */
export type Visitor = 'auto' | 'tab' | false | (string & {});

/** Nothing: as a visitor. */
export type Token = string | null | undefined;

export interface ClientOptions {
  /** Where the server is: `wss:`, `https:` or relative to the page. Default: `/rollcall`. */
  readonly url?: string;
  /** A token, or how to get one; asked for each attempt. If that fails, it is tried again. */
  readonly token?: Token | (() => Token | Promise<Token>);
  /** Who this browser is when there is no token. Default: `auto`. */
  readonly visitor?: Visitor;
  /** How long a page may be hidden before it leaves, in ms; `false`: it stays, and also joins
   * unseen. Default: 30 s. */
  readonly hiddenGrace?: number | false;
  /** How long a topic stays joined without subscribers, in ms. Default: 1 s. */
  readonly linger?: number;
  /** How long an old number is kept while there is no fresh one, in ms. Default: 5 min. */
  readonly maxStale?: number;
  /** How long to wait before attempt `n`, from 0, in ms; a server that tells us when to come back
   * has that added. Default: 250 ms and anywhere up to a bound that doubles from 1 s to 30 s, so that those who were cut off together do not return together. */
  readonly backoff?: (n: number) => number;
  /** Another implementation of WebSocket. */
  readonly WebSocket?: new (url: string, protocols?: string) => WebSocket;
}

/** What is known of a topic. Frozen, and the same object until a field changes. */
export interface Snapshot {
  /** People: distinct keys, several tabs of one browser being one. Null: not known. */
  readonly count: number | null;
  /** Viewers: live sessions, each tab being one. Null: not known. */
  readonly viewers: number | null;
  /** Who is here, for subscribers in list mode; null: not known. */
  readonly list: Presences | null;
  readonly status: Status;
  /** No number has come on the current connection, so this one is old. */
  readonly stale: boolean;
  /** When the number came, in ms since 1970. */
  readonly updatedAt: number | null;
}

export interface SubscribeOptions {
  /** Be told without being counted. */
  readonly observe?: boolean;
  /** Be told who is here, too. */
  readonly list?: boolean;
  /** What others shall know of us; as update(). */
  readonly meta?: Meta;
}

export type Listener = (snapshot: Snapshot) => void;
export type Unsubscribe = () => void;

export interface Client {
  /** The connection's; a topic has its own in its snapshot. */
  readonly status: Status;
  /** The key that the server knows us by, once it has said so. */
  readonly key: string | null;
  /** Joins `topic`, or observes it; `listener` is called with each new snapshot, not with the one
   * that get() has now. */
  subscribe(topic: string, listener: Listener, options?: SubscribeOptions): Unsubscribe;
  get(topic: string): Snapshot;
  /** A number that is known from elsewhere, such as the page's HTML; `at` in ms since 1970. It is
   * stale, and only used if no other is known. */
  seed(topic: string, count: number, at?: number): void;
  /** Sets our meta in `topic`, now and each time that it is joined. */
  update(topic: string, meta: Meta): void;
  /** Sends an event to all in `topic`, ourselves included; false if it is not joined right now. The
   * server allows it for topics with `client_events`. */
  publish(topic: string, event: string, payload: unknown): boolean;
  /** Calls `listener` for events of that name in `topic`, while somebody subscribes to it. */
  on(topic: string, event: string, listener: (payload: unknown) => void): Unsubscribe;
  onStatus(listener: (status: Status) => void): Unsubscribe;
  /** Leaves everything, for good. Numbers become null. */
  close(): void;
}
