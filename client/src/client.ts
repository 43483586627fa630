// SPDX-License-Identifier: MIT
//
// client.ts - one connection, and any number of topics and subscribers on it.
//
// The connection is there when it should be: opened with the first subscription, watched, closed
// with the page, opened again. At any time there is one attempt (which may have become an open
// socket), or one timer for the next, or neither.
//
// A topic is joined once however many subscribe, and left `linger` after the last has gone, so that
// a component that is mounted twice, moved or replaced neither joins twice nor leaves.
//
// The number: only a server's message changes it. While the connection is away the old one stays
// and is `stale`; after `maxStale` without a fresh one it becomes null. A page that is not in use
// keeps it. A smaller fresh number replaces at once.
//
// All of it is one closure, since names inside it are free when it is made small; what is pure is
// in presence.ts and protocol.ts. Names that begin with `_` are shortened by the build.

import { NOTHING, UNKNOWN } from './nothing.js';
import { applyDiff } from './presence.js';
import {
  CLOSE_AWAY,
  CLOSE_LEFT,
  CLOSE_REFUSED,
  PROTOCOL,
  type Arguments,
  type ClientMessage,
  type Meta,
  type Welcome,
} from './protocol.js';
import type { Client, ClientOptions, Listener, Snapshot, Status, Token, Unsubscribe } from './types.js';

const WELCOME_MS = 10_000; // for the handshake and the welcome
const STEADY_MS = 10_000; // a connection that lasted this long was a good one
const SLACK_MS = 5000; // how late the server may be with what it announced

// What is wanted of a topic: the sum of these over its subscribers.
const OBSERVED = 1;
const COUNTED = 2;
const LISTED = 4;

// The arguments of messages that count, behind the topic; a list is there or not.
type CountArguments = [number, number, ...Partial<Tail<Parameters<typeof applyDiff>>>];
type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer R] ? R : never;

type Ask = () => Token | Promise<Token>;
type Timer = ReturnType<typeof setTimeout> | number | void;

interface Entry {
  readonly _topic: string;
  readonly _subscribers: Set<readonly [listener: Listener, wants: number]>;
  _snapshot: Snapshot;
  _wanted: number;
  _meta?: Meta;
  _told?: Meta; // the meta that the server knows
  _lingerTimer?: Timer;
  _staleTimer?: Timer;
  // Of this connection:
  _asked?: number; // what the last join or watch was for; 0: we left
  _ref?: number; // of one that is not answered; -1: it was refused
  _number?: number; // the topic's, from the first answer on
  _settled?: boolean; // something has come since the answer
}

// 0 as a topic stands for the connection, and as an event for its status.
type Handler = readonly [topic: string | 0, event: string | 0, (payload: never) => void];

/** The address to connect to, absolute and with the scheme of WebSockets. */
function resolveUrl(url?: string): string {
  return new URL(
    url || '/rollcall',
    (globalThis.location as { href: string } | undefined)?.href || 'ws:x',
  ).href.replace(/^http/, 'ws');
}

/** A client of one server. Does nothing before the first subscription. */
export const createClient = (options: ClientOptions = {}): Client => {
  const {
    token,
    visitor = 'auto',
    hiddenGrace = 30_000,
    linger = 1000,
    maxStale = 300_000,
    backoff = (n) => 250 + Math.random() * Math.min(30_000, 1000 * 2 ** n),
  } = options;
  const entries = new Map<string, Entry>();
  const handlers = new Set<Handler>();
  let status: Status = 'idle';
  let trying: Status = 'connecting';
  let key: string | null = null;
  let refs = 0;
  // The attempt under way; an object without anything while there is a token to wait for.
  let socket: WebSocket | Record<string, never> | null = null;
  let storage: { rollcall?: string } = {};
  let tries = 0;
  let hint = 0; // the server's wish for the next wait
  let steadyAt: number; // when this connection will have been a good one
  let patience: number;
  let deadline: number; // for the next message
  let timer: Timer; // for that deadline, or for the next attempt
  let hideTimer: Timer;

  /* The connection. */

  const setStatus = (next: Status): void => {
    if (next === status || status === 'closed') return;
    status = next;
    for (const e of entries.values())
      if (status === 'connected') ask(e);
      else {
        e._asked = e._ref = e._number = e._settled = undefined;
        change(e);
      }
    emit(0, 0, status);
  };

  const send = (...message: ClientMessage): void => socket!.send!(JSON.stringify(message));

  // Ends the attempt from this side. A close event is not waited for: on a dead network it comes
  // after minutes.
  const drop = (next: Status, code = CLOSE_AWAY): void => {
    const old = socket as WebSocket | null;
    socket = null;
    clearTimeout(timer as number);
    if (old) {
      old.onclose = null;
      old.close?.(code);
    }
    setStatus(next);
  };

  const stop = (next: 'idle' | 'closed'): void => {
    clearTimeout(hideTimer as number);
    listen('remove');
    drop(next, CLOSE_LEFT);
  };

  const lost = (): void => {
    if (Date.now() > steadyAt) tries = 0;
    drop(trying);
    timer = setTimeout(open, hint + backoff(tries++));
  };

  const watch = (ms = patience): void => {
    patience = ms;
    deadline = Date.now() + ms;
    clearTimeout(timer as number);
    timer = setTimeout(lost, ms);
  };

  const open = async (): Promise<void> => {
    if (socket) return;
    const mine = (socket = {});
    steadyAt = Infinity;
    hint = 0;
    watch(WELCOME_MS);
    setStatus(trying);
    try {
      if (visitor === 'auto') storage = (localStorage as typeof storage) || storage;
    } catch {
      // No storage here: an id for as long as the page lasts.
    }
    try {
      const given = await ((token as Ask)?.call ? (token as Ask)() : (token as Token));
      if (mine !== socket) return;
      socket = new (options.WebSocket || WebSocket)(resolveUrl(options.url), PROTOCOL);
      socket.onopen = () =>
        send('hello', {
          token: given || undefined,
          visitor: storage.rollcall || visitor === 'auto' || visitor === 'tab' || visitor,
        });
      socket.onmessage = ({ data }) => hear(...(JSON.parse(data) as Arguments));
      socket.onclose = ({ code }) =>
        code === CLOSE_REFUSED || hint < 0 ? stop('closed') : lost();
    } catch (error) {
      console.warn('rollcall:', error);
      if (mine === socket) lost();
    }
  };

  /* The page. */

  // `pagehide` and `freeze` close, since a browser keeps a page for the back button or frozen with
  // its socket open and unheard, and its reader would stay as a ghost. The code that says "hold my
  // place" makes a reload invisible to others. `unload` is not used: it keeps a page out of the
  // back/forward cache.
  //
  // A page that is hidden does not come back, or begin, before it is seen: not when the browser
  // thaws it for a moment, nor when the network is back, nor when it is only prepared for a visit.
  //
  // navigator.onLine is not asked: it is false on machines whose only network is their own, and
  // says nothing of a server there. The events tell of a change, and that is enough.
  const onPage = ({ type }: { readonly type?: string }): void => {
    const hidden = hiddenGrace !== false && globalThis.document?.hidden;
    clearTimeout(hideTimer as number);
    if (/hide|freeze/.test(type!)) drop('idle');
    else if (type === 'offline') drop(type);
    else if (!hidden) {
      if (Date.now() > deadline) drop(trying);
      tries = 0;
      open();
    }
    if (hidden && status !== 'idle') hideTimer = setTimeout(drop, hiddenGrace, 'idle');
  };

  // At window and in the capture phase, where events of the document come by, too.
  const listen = (verb: 'add' | 'remove'): void => {
    for (const type of [
      'pagehide',
      'pageshow',
      'freeze',
      'resume',
      'online',
      'offline',
      'visibilitychange',
    ])
      globalThis[`${verb}EventListener`]?.(type, onPage, true);
  };

  /* Messages. */

  const emit = (topic: Handler[0], event: Handler[1], payload: unknown): void => {
    for (const [of, name, listener] of handlers)
      if (of === topic && name === event) listener(payload as never);
  };

  const on = (...handler: Handler): Unsubscribe => {
    handlers.add(handler);
    return () => {
      handlers.delete(handler);
    };
  };

  const hear = (name: string, id: unknown, ...args: unknown[]): void => {
    watch();
    if (name === 'ping') send('pong');
    if (name === 'bye') hint = args[0] as number;
    if (name === 'welcome') {
      key = (id as Welcome).key;
      steadyAt = Date.now() + STEADY_MS;
      // The server asks after half of idle_ms, and an answer is due in the other half.
      watch((id as Welcome).idle_ms + SLACK_MS);
      trying = 'reconnecting';
      if ((id as Welcome).visitor) storage.rollcall = (id as Welcome).visitor!;
      setStatus('connected');
    }
    // What is answered goes by its ref, and all else by the topic's number.
    const answer = /joined|watching|error/.test(name);
    const e = [...entries.values()].find((e) => id === (answer ? e._ref : e._number));
    if (name === 'error') console.warn('rollcall:', e?._topic || '', args[1]);
    if (!e || !args.length) return; // what has no arguments has no topic, whatever its number is
    if (name === 'event') emit(e._topic, args[0] as string, args[1]);
    else if (name === 'error') {
      e._ref = -1;
      change(e);
    } else {
      if (answer) {
        e._ref = 0;
        e._number = args.shift() as number;
      }
      const [viewers, count, joined, left, updated] = args as CountArguments;
      const { list: old } = e._snapshot;
      const list = joined?.map ? applyDiff(left && old, joined, left, updated) : old;
      // The state that comes with an answer is as old as the last announcement: a diff will mend
      // its list, and the numbers of the answer are newer than its own.
      change(
        e,
        name === 'state' && !e._settled
          ? { list }
          : { viewers, count, list, updatedAt: Date.now() },
      );
      e._settled = !answer;
      if (answer) ask(e);
    }
  };

  /* Topics. */

  const change = (e: Entry, fields?: Partial<Snapshot>): void => {
    const old = e._snapshot;
    const stale = e._number == null;
    const next: Snapshot = {
      ...old,
      ...fields,
      stale,
      status: stale && status === 'connected' ? (e._ref! < 0 ? 'closed' : 'connecting') : status,
    };
    e._staleTimer =
      stale && status !== 'idle'
        ? e._staleTimer || setTimeout(change, maxStale, e, UNKNOWN)
        : clearTimeout(e._staleTimer as number);
    for (const name in next)
      if (next[name as keyof Snapshot] !== old[name as keyof Snapshot]) {
        e._snapshot = Object.freeze(next);
        for (const [listener] of e._subscribers) listener(next);
        break;
      }
  };

  const entryOf = (topic: string): Entry => {
    let e = entries.get(topic);
    if (!e) {
      e = { _topic: topic, _subscribers: new Set(), _snapshot: NOTHING } as Entry;
      entries.set(topic, e);
      settle(e);
    }
    return e;
  };

  // Looks after a while what is still wanted. A list is kept while anybody is left: giving it up
  // would be a leave and a join. The last topic is left by closing.
  const settle = (e: Entry): void => {
    clearTimeout(e._lingerTimer as number);
    e._lingerTimer = setTimeout(() => {
      e._wanted &= e._subscribers.size && LISTED;
      for (const [, wants] of e._subscribers) e._wanted |= wants;
      if (e._ref! > 0) settle(e);
      else if (!e._wanted) {
        clearTimeout(e._staleTimer as number);
        entries.delete(e._topic);
      }
      if (entries.size) ask(e);
      else stop('idle');
    }, linger);
  };

  // Asks for what is wanted, unless an answer is due, after which it is done again.
  const ask = (e: Entry): void => {
    const { _wanted, _asked, _meta } = e;
    if (status !== 'connected' || e._ref) return;
    if (_asked !== _wanted) {
      if (_asked) send('leave', ++refs, e._number!);
      e._asked = _wanted;
      if (_wanted)
        send(_wanted & COUNTED ? 'join' : 'watch', (e._ref = ++refs), e._topic, {
          mode: _wanted & LISTED ? 'list' : 'count',
          meta: _meta,
        });
    } else if (_asked && e._told !== _meta) send('update', ++refs, e._number!, _meta!);
    e._told = _meta;
  };

  return {
    get status() {
      return status;
    },
    get key() {
      return key;
    },
    subscribe(topic, listener, { observe, list, meta } = {}) {
      const e = entryOf(topic);
      const subscriber = [listener, (observe ? OBSERVED : COUNTED) + (list ? LISTED : 0)] as const;
      e._subscribers.add(subscriber);
      e._wanted |= subscriber[1];
      e._meta = meta || e._meta;
      if (status === 'idle') {
        listen('add');
        onPage({});
      }
      change(e);
      ask(e);
      return () => {
        if (e._subscribers.delete(subscriber)) settle(e);
      };
    },
    get: (topic) => entries.get(topic)?._snapshot || NOTHING,
    seed(topic, count, updatedAt = Date.now()) {
      const e = entryOf(topic);
      if (!e._snapshot.updatedAt) change(e, { count, viewers: count, updatedAt });
    },
    update(topic, meta) {
      const e = entryOf(topic);
      e._meta = meta;
      ask(e);
    },
    publish(topic, event, payload) {
      const e = entries.get(topic);
      if (!e?._asked || e._ref) return false;
      send('publish', ++refs, e._number!, event, payload);
      return true;
    },
    on,
    onStatus: (listener) => on(0, 0, listener),
    close() {
      stop('closed');
      for (const e of entries.values()) change(e, UNKNOWN);
    },
  };
};

/** The page's one client of the server at `url`, for whatever loaded this code; the options of the
 * first call count. */
export const getClient = (url?: string, options?: ClientOptions): Client => {
  const href = resolveUrl(url);
  const clients = globalThis as Record<symbol, Client | undefined>;
  const name = Symbol.for(`rollcall ${href}`);
  return (clients[name] = clients[name] || createClient({ ...options, url: href }));
};
