// SPDX-License-Identifier: MIT
//
// nothing.ts - what is known of a topic when nothing is.

import type { Snapshot } from './types.js';

export const UNKNOWN = { count: null, viewers: null, list: null };

/** Of a topic that nobody subscribed to. */
export const NOTHING: Snapshot = Object.freeze({
  ...UNKNOWN,
  status: 'idle',
  stale: true,
  updatedAt: null,
});
