// SPDX-License-Identifier: MIT
//
// announcer.ts - what a screen reader is told, for those who asked for it: seldom, and only when it
// is worth saying.

const REST_MS = 30_000;

/** A function to call with each number that is shown and its text. `say` is called with the first
 * text, and then at most every 30 s for a change of at least a tenth. */
export const createAnnouncer = (say: (text: string) => void) => {
  let said = 0;
  let restUntil = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return function show(count: number, text: string): void {
    clearTimeout(timer);
    if (count === said || Math.abs(count - said) * 10 < said) return;
    const wait = restUntil - Date.now();
    if (wait > 0) timer = setTimeout(show, wait, count, text);
    else {
      restUntil = Date.now() + REST_MS;
      said = count;
      say(text);
    }
  };
};

/** Makes `element` one that is heard and not seen. */
export const hide = (element: HTMLElement | null): void => {
  if (element) element.style.cssText = 'position:fixed;clip-path:inset(50%)';
};
