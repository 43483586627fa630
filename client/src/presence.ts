// SPDX-License-Identifier: MIT
//
// presence.ts - who is here, as pure functions from a list and a message to the next list.
//
// A list is a Map from ref to presence, in the order of arrival. It is never changed: each message
// makes a new one, so that a list that was handed out stays what it was.

import type { Meta, WirePresence } from './protocol.js';

/** One presence: one client that joined a topic once. Several tabs of one person share a key. */
export interface Presence {
  readonly ref: string;
  readonly key: string;
  readonly meta: Meta;
}

/** The presences of a topic by ref. */
export type Presences = ReadonlyMap<string, Presence>;

/** `list` (nothing: nobody) after a `diff` message. Refs that are not in it are no mistake. */
export const applyDiff = (
  list: Presences | null | undefined,
  joined: readonly WirePresence[],
  left: readonly string[] = [],
  updated: readonly WirePresence[] = [],
): Presences => {
  const next = new Map(list);
  for (const ref of left) next.delete(ref);
  for (const [ref, key, meta] of [...joined, ...updated]) next.set(ref, { ref, key, meta });
  return next;
};

/** The list that a `state` message says. */
export const applyState = (presences: readonly WirePresence[]): Presences =>
  applyDiff(null, presences);

/** Somebody who is here, with all of their presences. */
export interface Person {
  readonly key: string;
  /** This browser, by the key that the server gave it. */
  readonly self: boolean;
  /** What each of their tabs says, in the order of arrival. */
  readonly metas: readonly Meta[];
}

/** The people of a list, in the order of arrival; `self` is one's own key. */
export function peopleOf(list: Presences | null, self: string | null): readonly Person[] {
  const metas = new Map<string, Meta[]>();
  for (const { key, meta } of list?.values() ?? []) {
    const known = metas.get(key);
    if (known) known.push(meta);
    else metas.set(key, [meta]);
  }
  return [...metas].map(([key, all]) => ({ key, self: key === self, metas: all }));
}
