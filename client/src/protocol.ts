// SPDX-License-Identifier: MIT
//
// protocol.ts - the messages of rollcall.v1, as types. docs/protocol/native.md has an example of
// each, and tests/vectors/native.json holds both sides to them.
//
// A message is a JSON array whose first element is its name. After `joined` a topic goes by its
// number. No state, no I/O.

/** A small JSON object that a presence carries, such as `{ name: 'Ada', typing: true }`. */
export type Meta = Readonly<Record<string, unknown>>;

/** One presence on the wire. */
export type WirePresence = readonly [ref: string, key: string, meta: Meta];

/** The server's answer to `hello`: who we are, and the limits. */
export interface Welcome {
  readonly key: string;
  readonly visitor?: string;
  readonly idle_ms: number;
  readonly topics_max?: number;
  readonly meta_bytes_max?: number;
}

export interface EnterOptions {
  readonly mode: 'count' | 'list';
  readonly meta?: Meta;
}

export type ClientMessage =
  | readonly ['hello', { readonly token?: string; readonly visitor?: string | boolean }]
  | readonly ['join' | 'watch', ref: number, topic: string, EnterOptions]
  | readonly ['leave', ref: number, topic: number]
  | readonly ['update', ref: number, topic: number, meta: Meta]
  | readonly ['publish', ref: number, topic: number, event: string, payload: unknown]
  | readonly ['pong'];

export type ServerMessage =
  | readonly ['welcome', Welcome]
  | readonly ['joined', ref: number, topic: number, viewers: number, people: number, self: string]
  | readonly ['watching', ref: number, topic: number, viewers: number, people: number]
  | readonly ['count', topic: number, viewers: number, people: number]
  | readonly ['state', topic: number, viewers: number, people: number, readonly WirePresence[]]
  | readonly [
      'diff',
      topic: number,
      viewers: number,
      people: number,
      joined: readonly WirePresence[],
      left: readonly string[],
      updated: readonly WirePresence[],
    ]
  | readonly ['event', topic: number, event: string, payload: unknown]
  | readonly ['ok', ref: number]
  | readonly ['error', ref: number | null, code: string, text: string]
  | readonly ['bye', code: string, retryMs: number, text: string]
  | readonly ['ping']
  | readonly ['pong'];

/** Any message of the server, by position. */
export type Arguments = [name: ServerMessage[0], id: unknown, ...args: unknown[]];

export const PROTOCOL = 'rollcall.v1';

/** Close code from the client: hidden or going away, hold my place. */
export const CLOSE_AWAY = 4001;
/** Close code from the client: left, do not hold my place. */
export const CLOSE_LEFT = 1000;
/** Close code from the server: refused for good. */
export const CLOSE_REFUSED = 4401;
