// SPDX-License-Identifier: MIT
//
// count.js - how a number is shown: only above 1, and kept while it is old.
//
// The HTML came with a number in it, so there is one from the start. `data-people` and
// `data-viewers` are what the server said last; what a reader sees is the text, which changes only
// when there is something to say. Room for the line is kept by blog.css, so nothing moves.

const SHOWN_FROM = 2; // "1 person is viewing this" is you
const HIDE_DELAY_MS = 1500; // a reload of the only other reader is no reason to blink
const RETURN_MAX_MS = 10_000; // others who were cut off with us are still on their way back
const HINT_DELAY_MS = 3000; // most reconnects are over by then
const OLD_MAX_MS = 300_000; // a number is kept through a restart, not through an outage

const format = new Intl.NumberFormat('en');

/** A view (live.js) of an element with `data-people` and a child `data-part="people"`. */
export class CountView {
  #element;
  #people;
  #tabs;
  #hideTimer = 0;
  #oldTimer = 0;
  #toldAt = Date.now();
  #cutAt = 0;
  #patientUntil = 0;

  constructor(element) {
    this.#element = element;
    this.#people = element.querySelector('[data-part=people]');
    this.#tabs = element.querySelector('[data-part=tabs]');
    this.#show(Number(element.dataset.people) >= SHOWN_FROM);
    this.old(false);
  }

  count(people, viewers) {
    clearTimeout(this.#oldTimer);
    this.#oldTimer = 0;
    this.#toldAt = Date.now();
    if (this.#cutAt) {
      this.#patientUntil = this.#toldAt + Math.min(RETURN_MAX_MS, 2 * (this.#toldAt - this.#cutAt));
      this.#cutAt = 0;
    }
    this.#element.dataset.people = people;
    this.#element.dataset.viewers = viewers;
    if (people < SHOWN_FROM) {
      if (!this.#hideTimer && this.#element.dataset.shown === 'yes') {
        const patience = Math.max(HIDE_DELAY_MS, this.#patientUntil - this.#toldAt);
        this.#hideTimer = setTimeout(() => this.#show(false), patience);
      }
      return;
    }
    setText(this.#people, format.format(people));
    setText(this.#tabs, viewers > people ? `, in ${format.format(viewers)} tabs` : '');
    this.#show(true);
  }

  /** The number is no longer fresh. It stays. `cut`: the connection was lost, which others may
   * have been, too, so that the first fresh numbers lack those who are not back yet. */
  old(cut) {
    if (cut && !this.#cutAt) this.#cutAt = Date.now();
    if (this.#oldTimer) return;
    const rest = this.#toldAt + OLD_MAX_MS - Date.now();
    this.#oldTimer = setTimeout(() => this.#show(false), Math.max(0, rest));
  }

  #show(yes) {
    clearTimeout(this.#hideTimer);
    this.#hideTimer = 0;
    const text = yes ? 'yes' : 'no';
    if (this.#element.dataset.shown !== text) this.#element.dataset.shown = text;
  }
}

/** Shows `element` when `live` has been trying for a while, and hides it as soon as all is fresh. */
export function showHint(live, element) {
  let timer = setTimeout(show, HINT_DELAY_MS);

  function show() {
    element.hidden = false;
  }
  live.onphase = (phase) => {
    clearTimeout(timer);
    if (phase === 'trying') timer = setTimeout(show, HINT_DELAY_MS);
    else element.hidden = true;
  };
}

/** Puts this server's address into the command that asks it. */
export function showCommand(element) {
  setText(element, element.textContent.replace(/http:\/\/[^/]+/, location.origin));
}

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
