// SPDX-License-Identifier: MIT
//
// react.ts - hooks and components over the core.
//
// Nothing is opened while rendering: a subscription begins with the component's effect and lingers
// after it, so that React may mount twice, and a route may change, without a join or a leave. Where
// the server renders, the first number is the one given as `initialCount`, in the browser too until
// a live one has come, so that hydration finds what it expects.

import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
  type ElementType,
  type ReactNode,
} from 'react';
import { createAnnouncer, hide } from './announcer.js';
import { createClient, getClient } from './client.js';
import { NOTHING } from './nothing.js';
import { createDisplay, type DisplayOptions } from './display.js';
import { peopleOf, type Person } from './presence.js';
import type { Meta } from './protocol.js';
import { textOf, type TextOptions } from './text.js';
import type { Client, ClientOptions, Snapshot, Status } from './types.js';

// A number that came with a page is taken for true this long: pages are cached.
const INITIAL_MS = 60_000;

const Context = createContext<Client | null>(null);

export interface LiveCountProviderProps extends ClientOptions {
  /** A client that was made elsewhere, instead of options. */
  readonly client?: Client;
  readonly children?: ReactNode;
}

/** Gives a client to the hooks and components below. The options of the first render count. Without
 * a provider they use `getClient()`, the client of `/rollcall` on the page's own server. */
export function LiveCountProvider({ client, children, ...options }: LiveCountProviderProps): ReactNode {
  const [made] = useState(() => client || createClient(options));
  return createElement(Context.Provider, { value: client || made }, children);
}

const useClient = (client?: Client): Client => {
  const provided = useContext(Context);
  return client || provided || getClient();
};

export interface TopicOptions {
  /** Instead of the provider's. */
  readonly client?: Client;
  /** Be told without being counted. */
  readonly observe?: boolean;
  /** The number that the server rendered, of this topic. */
  readonly initialCount?: number | null;
  /** When it was true, in ms since 1970; after a minute it is not used. */
  readonly initialAt?: number | null;
}

const useTopic = (
  topic: string | null,
  { client: given, observe, initialCount, initialAt }: TopicOptions,
  list?: boolean,
): Snapshot => {
  const client = useClient(given);
  const first = useMemo(
    (): Snapshot =>
      initialCount == null || topic === null
        ? NOTHING
        : { ...NOTHING, count: initialCount, viewers: initialCount },
    [topic, initialCount, initialAt],
  );
  const [tooOld, setTooOld] = useState<Snapshot>();
  useEffect(() => {
    if (first === NOTHING) return;
    const at = initialAt || Date.now();
    if (Date.now() - at > INITIAL_MS) setTooOld(first);
    else client.seed(topic!, initialCount!, at);
  }, [client, first]);
  return useSyncExternalStore(
    useCallback(
      (listener) =>
        topic === null ? () => {} : client.subscribe(topic, listener, { observe, list }),
      [client, topic, observe, list],
    ),
    () => {
      const snapshot = topic === null ? NOTHING : client.get(topic);
      return first === NOTHING || first === tooOld || snapshot.updatedAt ? snapshot : first;
    },
    () => first,
  );
};

export interface LiveCount extends Snapshot {
  /** The others: one less. Null if we are not counted, or nothing is known. */
  readonly others: number | null;
}

export interface LiveCountOptions extends TopicOptions {
  /** What `count` is: people (default), or their live sessions. */
  readonly of?: 'people' | 'viewers';
}

/** The live count of `topic`, in which the reader is counted; null for none now. */
export function useLiveCount(topic: string | null, options: LiveCountOptions = {}): LiveCount {
  const { of, observe } = options;
  const snapshot = useTopic(topic, options);
  return useMemo(() => {
    const count = of === 'viewers' ? snapshot.viewers : snapshot.count;
    const counted = count && !observe && snapshot.status !== 'idle';
    return { ...snapshot, count, others: counted ? count - 1 : null };
  }, [snapshot, of, observe]);
}

export interface PresenceOptions extends TopicOptions {
  /** What others shall know of us; a change of it is told to them. */
  readonly meta?: Meta;
}

export interface LivePresence extends Snapshot {
  /** Who is here, in the order of arrival, oneself included. */
  readonly people: readonly Person[];
  update(meta: Meta): void;
  publish(event: string, payload: unknown): boolean;
}

/** Who is in `topic`, with what they say of themselves. */
export function usePresence(topic: string | null, options: PresenceOptions = {}): LivePresence {
  const client = useClient(options.client);
  const { meta } = options;
  // Before the subscription, so that the join has it.
  useEffect(() => {
    if (meta && topic !== null) client.update(topic, meta);
  }, [client, topic, JSON.stringify(meta)]);
  const snapshot = useTopic(topic, { ...options, client }, true);
  const actions = useMemo(
    () => ({
      update: (next: Meta) => client.update(topic!, next),
      publish: (event: string, payload: unknown) => client.publish(topic!, event, payload),
    }),
    [client, topic],
  );
  return useMemo(
    () => ({ ...snapshot, people: peopleOf(snapshot.list, client.key), ...actions }),
    [snapshot, actions],
  );
}

/** The status of the connection. */
export function useLiveCountStatus(given?: Client): Status {
  const client = useClient(given);
  return useSyncExternalStore(
    client.onStatus,
    () => client.status,
    () => 'idle',
  );
}

export interface ViewerCountProps extends Omit<LiveCountOptions, 'of'>, TextOptions, DisplayOptions {
  readonly topic: string;
  /** The element. Default: `span`. */
  readonly as?: ElementType;
  readonly className?: string;
  /** When nothing is shown, a line of the same height stands there. */
  readonly keepSpace?: boolean;
  /** Say that the number is old, behind it; a text for other words. */
  readonly hint?: boolean | string;
  /** `politely`, to tell screen readers, too, now and then. */
  readonly announce?: typeof politely;
  /** Instead of the text; `count` is the number to show, and `pending` whether it is old. */
  readonly children?: (shown: LiveCount & { readonly pending: boolean }) => ReactNode;
}

// By script, since a `style` in the server's HTML is not allowed under a strict policy.
const tabular = (element: HTMLElement | null): void => {
  if (element) element.style.fontVariantNumeric = 'tabular-nums';
};

function Shown(props: ViewerCountProps): ReactNode {
  const { topic, min = 2, className, keepSpace, hint, announce, children } = props;
  const live = useLiveCount(topic, props as LiveCountOptions);
  const { count } = live;
  const [[shown, pending], show] = useState<readonly [number | null, boolean]>([
    count !== null && count >= min ? count : null,
    false,
  ]);
  const [display] = useState(() => createDisplay(shown, (...next) => show(next)));
  const text = shown === null ? '\u00a0' : textOf(shown, props);
  useEffect(() => display(count, live, props), [live, min]);
  useEffect(() => () => display(), []);
  return [
    (shown !== null || keepSpace) &&
      createElement(
        props.as || 'span',
        { key: 1, className, 'aria-hidden': shown === null || undefined, ref: tabular },
        shown !== null && children ? children({ ...live, count: shown, pending }) : text,
        shown !== null && hint && pending && (hint === true ? ' (reconnecting…)' : hint),
      ),
    announce && createElement(announce, { key: 2, count: shown, text }),
  ];
}

/** "7 people viewing", from two on. */
export function ViewerCount(props: ViewerCountProps): ReactNode {
  // Another topic is another number: nothing of the old one is shown for it.
  return createElement(Shown, { ...props, key: `${props.of} ${props.topic}` });
}

/** The same in a paragraph, which says when it has been reconnecting for a while. */
export function ReliableViewerCount(props: ViewerCountProps): ReactNode {
  return createElement(ViewerCount, { as: 'p', hint: true, ...props });
}

export { createClient, getClient };
export type { Client, ClientOptions, Meta, Person, Snapshot, Status };

/** For `announce`: what screen readers are told, which by default is nothing, since a number that
 * changes is noise when it is read aloud. */
export function politely(props: { readonly count: number | null; readonly text: string }): ReactNode {
  const { count, text } = props;
  const [said, say] = useState('');
  const [announce] = useState(() => createAnnouncer(say));
  useEffect(() => {
    if (count !== null) announce(count, text);
  }, [count, text]);
  return createElement('span', { role: 'status', ref: hide }, said);
}
