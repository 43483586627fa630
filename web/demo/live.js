// SPDX-License-Identifier: MIT
//
// live.js - one connection to Rollcall for everything that a page shows.
//
// Speaks rollcall.v1 (docs/protocol/native.md). A page asks for topics once; this file sees to it
// that they are joined on every connection there will be, and tells each topic's view what came.
// It never invents a number: when the connection is lost the views are told that what they show is
// old, and nothing else. It touches no element of the page.
//
// A view is an object with `count(people, viewers)`, `old(cut)` and, for lists, `state(presences)` and
// `diff(joined, left, updated)`; a presence is `[ref, key, meta]`.

const CLOSE_AWAY = 4001; // hold my place, I may be back
const CLOSE_REFUSED = 4401; // from the server: do not come back like this
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const SHORTEST_WAIT_MS = 250;
const STEADY_MS = 10_000; // a connection that lasted this long was a good one
const WELCOME_MS = 10_000; // for the handshake and the welcome
const WATCH_SLACK_MS = 5000;

/** Who this browser is: random, kept for all its tabs, so that they are one person. */
export function visitorId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  try {
    const known = localStorage.getItem('rollcall-visitor');
    if (/^[\w-]{1,64}$/.test(known ?? '')) return known;
    localStorage.setItem('rollcall-visitor', made);
  } catch {
    // No storage here: then this page is a visitor of its own.
  }
  return made;
}

/** The wait before attempt `n`, n from 0: anywhere below a bound that doubles, so that those who
 * were cut off together do not return together. */
export function waitMs(n, random = Math.random) {
  const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** n);
  return Math.max(SHORTEST_WAIT_MS, random() * bound);
}

export class Live {
  #url;
  #visitor = visitorId();
  #topics = [];
  #byRef = new Map();
  #byNumber = new Map();
  #lastRef = 0;
  #socket = null;
  #welcomed = false;
  #openedAt = 0;
  #attempts = 0;
  #hintMs = 0; // the server's wish for the next wait
  #retryTimer = 0;
  #watchTimer = 0;
  #watchMs = WELCOME_MS;
  #away = false;
  #refused = false;
  #phase = 'trying';

  /** The key that the server knows this browser by, once it has said so. */
  key = null;
  /** Called with 'trying', 'settled' (every topic is fresh), 'away' (the page is not in use) or
   * 'refused' (the server does not want us back), when that changes. */
  onphase = () => {};

  constructor(url = `${location.protocol.replace('http', 'ws')}//${location.host}/rollcall`) {
    this.#url = url;
    addEventListener('pagehide', () => this.#leave());
    addEventListener('pageshow', (event) => event.persisted && this.#comeBack());
    addEventListener('online', () => this.#comeBack());
    addEventListener('offline', () => this.#lost());
    document.addEventListener('freeze', () => this.#leave());
    document.addEventListener('resume', () => this.#comeBack());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#comeBack();
    });
  }

  /** Is counted in `topic` from now on; `mode` is 'count' or 'list'. Returns a function that
   * changes the meta. */
  join(topic, view, { mode = 'count', meta } = {}) {
    const entry = this.#enter('join', topic, view, { mode, meta });
    return (next) => {
      entry.options.meta = next;
      if (entry.number !== null) this.#send('update', ++this.#lastRef, entry.number, next);
    };
  }

  /** Is told about `topic` without being counted. */
  watch(topic, view) {
    this.#enter('watch', topic, view, { mode: 'count' });
  }

  #enter(verb, topic, view, options) {
    const entry = { verb, topic, view, options, number: null, fresh: false };
    this.#topics.push(entry);
    if (this.#welcomed) this.#ask(entry);
    else this.#open();
    this.#tellPhase();
    return entry;
  }

  #open() {
    if (this.#socket || this.#away || this.#refused) return;
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.#url, 'rollcall.v1');
    const mine = (then) => (event) => socket === this.#socket && then(event);
    this.#socket = socket;
    this.#openedAt = Date.now();
    this.#watchMs = WELCOME_MS;
    this.#watch();
    socket.onopen = mine(() => this.#send('hello', { visitor: this.#visitor }));
    socket.onmessage = mine((event) => this.#hear(JSON.parse(event.data)));
    socket.onclose = mine((event) => this.#lost(event.code));
  }

  #send(...message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #ask(entry) {
    const ref = ++this.#lastRef;
    this.#byRef.set(ref, entry);
    this.#send(entry.verb, ref, entry.topic, entry.options);
  }

  #hear([name, ...rest]) {
    this.#watch();
    const heard = {
      welcome: ({ key, idle_ms }) => {
        this.#welcomed = true;
        this.#watchMs = idle_ms + WATCH_SLACK_MS;
        this.key = key;
        for (const entry of this.#topics) this.#ask(entry);
      },
      joined: (...args) => this.#entered(...args),
      watching: (...args) => this.#entered(...args),
      count: (number, viewers, people) => this.#byNumber.get(number)?.view.count(people, viewers),
      state: (...args) => this.#state(...args),
      diff: (number, viewers, people, joined, left, updated) => {
        const view = this.#byNumber.get(number)?.view;
        view?.diff(joined, left, updated);
        view?.count(people, viewers);
      },
      ping: () => this.#send('pong'),
      bye: (code, retryMs) => {
        this.#hintMs = Math.max(0, retryMs);
        this.#refused = retryMs < 0;
      },
      error: (ref, code, text) => console.warn(`rollcall: ${code}: ${text}`),
    };
    heard[name]?.(...rest);
  }

  #entered(ref, number, viewers, people) {
    const entry = this.#byRef.get(ref);
    this.#byRef.delete(ref);
    if (!entry) return;
    entry.number = number;
    entry.fresh = true;
    entry.first = true;
    this.#byNumber.set(number, entry);
    entry.view.count(people, viewers);
    this.#tellPhase();
  }

  // The state that comes with `joined` is that of the last announcement, and its numbers are older
  // than those of `joined`; a later one comes when we fell behind, and is the newest.
  #state(number, viewers, people, presences) {
    const entry = this.#byNumber.get(number);
    if (!entry) return;
    entry.view.state(presences);
    if (!entry.first) entry.view.count(people, viewers);
    entry.first = false;
  }

  // Nothing heard for longer than the server may be silent: the connection is dead, whatever the
  // browser believes.
  #watch() {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(() => this.#lost(), this.#watchMs);
  }

  // Ends the connection from this side; its close event is not waited for, since on a dead network
  // it comes after minutes.
  #drop() {
    const socket = this.#socket;
    clearTimeout(this.#watchTimer);
    clearTimeout(this.#retryTimer);
    this.#socket = null;
    this.#welcomed = false;
    this.#byRef.clear();
    this.#byNumber.clear();
    for (const entry of this.#topics) {
      entry.number = null;
      entry.fresh = false;
      entry.view.old(!this.#away);
    }
    socket?.close(CLOSE_AWAY);
    this.#tellPhase();
  }

  // Also when the browser says that it is offline: it may be wrong about a server on this machine,
  // so we go on trying.
  #lost(code) {
    if (Date.now() - this.#openedAt >= STEADY_MS) this.#attempts = 0;
    if (code === CLOSE_REFUSED) this.#refused = true;
    this.#drop();
    this.#retry();
  }

  #retry() {
    if (this.#away || this.#refused) return; // an event brings us back, or nothing does
    const wait = this.#hintMs + waitMs(this.#attempts++);
    this.#hintMs = 0;
    this.#retryTimer = setTimeout(() => this.#open(), wait);
  }

  // A page that is left, frozen or kept for the back button: without an open connection the
  // browser can keep it, and the server holds our place for a while.
  #leave() {
    this.#away = true;
    this.#drop();
  }

  #comeBack() {
    this.#away = false;
    this.#attempts = 0;
    if (this.#topics.length) this.#open();
    this.#tellPhase();
  }

  #tellPhase() {
    let phase = this.#topics.every((entry) => entry.fresh) ? 'settled' : 'trying';
    if (this.#away) phase = 'away';
    if (this.#refused) phase = 'refused';
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.onphase(phase);
  }
}
