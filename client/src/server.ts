// SPDX-License-Identifier: MIT
//
// server.ts - for a backend in Node: the first number in the HTML, and tokens.
//
// A page must not wait for its number: what cannot be had in time is left out, and nothing here
// throws because of the network.

import { createHmac } from 'node:crypto';
import type { Meta } from './protocol.js';
import { textOf, type TextOptions } from './text.js';

export interface FetchOptions {
  /** How long a page may wait for it. Default: 150 ms. */
  readonly timeoutMs?: number;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch;
}

export interface Count {
  /** People. */
  readonly count: number;
  /** Live sessions. */
  readonly viewers: number;
  /** When it was so, in ms since 1970. */
  readonly at: number;
}

const isCount = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 0;

/** The numbers of `topic` now, from the server at `base` (`http://127.0.0.1:8080`); null if they
 * cannot be had in time. Never throws. */
export async function fetchCount(
  base: string,
  topic: string,
  { timeoutMs = 150, fetch = globalThis.fetch }: FetchOptions = {},
): Promise<Count | null> {
  try {
    const url = new URL(`/api/v1/topics/${encodeURIComponent(topic)}`, base);
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const { people, viewers } = (await response.json()) as Record<string, unknown>;
    if (!response.ok || !isCount(people) || !isCount(viewers)) return null;
    return { count: people, viewers, at: Date.now() };
  } catch {
    return null;
  }
}

/** fetchCount() of many topics, by topic. */
export async function fetchCounts(
  base: string,
  topics: readonly string[],
  options?: FetchOptions,
): Promise<Map<string, Count | null>> {
  return new Map(
    await Promise.all(
      topics.map(async (topic) => [topic, await fetchCount(base, topic, options)] as const),
    ),
  );
}

export interface RenderOptions extends TextOptions {
  readonly topic: string;
  /** As fetchCount() gave it; without it the element is empty until it knows. */
  readonly count?: number | Count | null;
  /** When it was so, if `count` is a number. */
  readonly at?: number;
  /** Default: 2. */
  readonly min?: number;
  readonly src?: string;
  readonly token?: string;
  readonly observe?: boolean;
  readonly keepSpace?: boolean;
  readonly hint?: boolean | string;
  readonly dot?: boolean | 'pulse';
  readonly announce?: 'polite';
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);

/** `<live-count topic="article:42" count="7" at="...">7 people viewing</live-count>` */
export function renderLiveCount(options: RenderOptions): string {
  const { topic, count: given, min, labels = {}, keepSpace, ...rest } = options;
  const known = given !== null && typeof given === 'object' ? given : { count: given, at: options.at };
  const count = options.of === 'viewers' && 'viewers' in known ? known.viewers : known.count;
  const text =
    count == null || count < (min ?? 2) ? (keepSpace ? '\u00a0' : '') : textOf(count, options);
  const attributes: Record<string, unknown> = {
    topic,
    ...rest,
    count,
    at: known.at,
    min,
    'keep-space': keepSpace,
    ...labels,
  };
  const html = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== null && value !== false)
    .map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escape(String(value))}"`));
  return `<live-count${html.join('')}>${escape(text)}</live-count>`;
}

export interface Claims {
  /** Who it is: what several tabs of one person share. */
  readonly sub: string | number;
  /** The topics that it opens, such as `article:*`; all if not given. */
  readonly topics?: readonly string[];
  /** What others shall know, which the client cannot change. */
  readonly meta?: Meta;
  /** How long it is good, in s. Default: 1 h. */
  readonly ttl?: number;
  readonly aud?: string;
  readonly iss?: string;
}

const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token signed with the server's `jwt_secret` (HS256). */
export function signToken({ ttl = 3600, ...claims }: Claims, secret: string): string {
  const now = Math.floor(Date.now() / 1000);
  const head = base64url({ alg: 'HS256', typ: 'JWT' });
  const text = `${head}.${base64url({ ...claims, iat: now, exp: now + ttl })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
