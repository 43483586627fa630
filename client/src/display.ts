// SPDX-License-Identifier: MIT
//
// display.ts - from what is known to what is shown: when a number appears, and when it goes.
//
// It is shown from `min` on, at once. Below that it goes `hideDelay` after the drop, by one timer
// that later numbers do not set anew, so a reload of the only other reader does not blink. After an
// outage the first fresh numbers lack those who are not back yet, so then it waits at least twice
// the outage, up to 10 s. That it is trying to reconnect is said after `pendingDelay`; most times
// it is over by then.

import type { Snapshot } from './types.js';

export interface DisplayOptions {
  /** Show nothing below. Default: 2, since one is oneself. */
  readonly min?: number;
  /** How long a number stays that is no longer enough, in ms. Default: 1.5 s. */
  readonly hideDelay?: number;
  /** How long a number is old before that is said, in ms. Default: 3 s. */
  readonly pendingDelay?: number;
}

type Timer = ReturnType<typeof setTimeout> | number | void;

/** A function to call with each new number, and without one when there will be no more for now.
 * `show` is called with what is to be shown, null for nothing, and whether to say that it is old;
 * `shown` is what stands there now. */
export const createDisplay = (
  shown: number | null,
  show: (count: number | null, pending: boolean) => void,
) => {
  let pending = false;
  let staleSince = 0;
  let hideTimer: Timer;
  let pendingTimer: Timer;
  const set = (count: number | null, late: boolean): void => {
    if (count !== shown || late !== pending) show((shown = count), (pending = late));
  };

  return (
    count?: number | null,
    { stale, status }: Partial<Snapshot> = {},
    { min = 2, hideDelay = 1500, pendingDelay = 3000 }: DisplayOptions = {},
  ): void => {
    const now = Date.now();
    const waits = stale && status !== 'idle' && status !== 'closed';
    if (!waits) pendingTimer = clearTimeout(pendingTimer as number);
    else pendingTimer = pendingTimer || setTimeout(() => set(shown, true), pendingDelay);
    if (count! < min && count !== null)
      hideTimer =
        hideTimer ||
        setTimeout(
          () => set(null, pending),
          Math.max(hideDelay, Math.min(10_000, staleSince && 2 * (now - staleSince))),
        );
    else hideTimer = clearTimeout(hideTimer as number);
    staleSince = waits ? staleSince || now : 0;
    if (count !== undefined) set(hideTimer ? shown : count, !!waits && pending);
  };
};
