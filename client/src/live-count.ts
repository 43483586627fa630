// SPDX-License-Identifier: MIT
//
// live-count.ts - the element: a live number in a page, in its own words and looks.
//
// What is shown is text in the page itself, so the page's style applies to it and a server can
// render it: what stands in the element, and its `count` and `at`, are kept until the first fresh
// number. An element that is moved in the page neither leaves nor joins: the client lingers.
//
// Looks are set by script only, so a page with a strict policy needs no exception. There is no
// motion but the `dot` that pulses three times with a change, and none for those who asked for none.

import { createAnnouncer, hide } from './announcer.js';
import { getClient } from './client.js';
import { createDisplay } from './display.js';
import { NOTHING } from './nothing.js';
import { textOf } from './text.js';
import type { Snapshot, Status, Unsubscribe } from './types.js';

// A number that came with a page is taken for true this long: pages are cached.
const INITIAL_MS = 60_000;

// So that a server can import this, too.
const Base = globalThis.HTMLElement || (class {} as typeof HTMLElement);

/**
 * `<live-count topic="article:42">7 people viewing</live-count>`
 *
 * | attribute | what |
 * | --- | --- |
 * | topic | the topic, in which the reader is counted |
 * | src | the server, if it is not where the script came from |
 * | token | a token, for topics that need one |
 * | of | `viewers`: live sessions; otherwise people |
 * | observe | shows the number without being counted |
 * | count, at | a number that the server knew, and when, in ms since 1970 |
 * | min | shows nothing below; 2 if not given |
 * | max, format, lang | `99+` for 99; `compact`; the language of the number |
 * | one, other, few, ... | the text by plural category, with `{count}` |
 * | keep-space | keeps a line free when nothing is shown |
 * | hint | says when the number is old; a text for other words |
 * | hide-delay, pending-delay | in ms |
 * | dot | a dot before the text; `pulse`: it pulses with each change |
 * | announce | `polite`: tells screen readers, now and then |
 *
 * It has the attributes `status` and `stale` for style sheets, and dispatches `countchange` and
 * `statuschange`, whose `detail` is the snapshot.
 */
export class LiveCountElement extends Base {
  static observedAttributes = ['topic', 'src', 'of', 'observe'];
  /** The server of elements without `src`. */
  static src?: string;

  /** What is known; its `count` is that of people. */
  snapshot: Snapshot = NOTHING;

  _text?: Text;
  _dot?: HTMLElement;
  _said?: HTMLElement;
  _off?: Unsubscribe | void;
  _announce = createAnnouncer((text) => (this._said!.textContent = text));
  _display = createDisplay(null, (count, pending) => {
    // What the server rendered stays until there is something fresh, or for too long nothing.
    if (this._text || !this.stale || (count === null && this.snapshot.updatedAt))
      this._draw(count, pending);
  });

  get count(): number | null {
    return this.snapshot[this.getAttribute('of') === 'viewers' ? 'viewers' : 'count'];
  }

  get status(): Status {
    return this.snapshot.status;
  }

  get stale(): boolean {
    return this.snapshot.stale;
  }

  connectedCallback(): void {
    const { count, at } = this._attributes();
    this._start(count, +(at || Date.now()));
  }

  disconnectedCallback(): void {
    this._off = this._off?.();
    this._display();
  }

  /** Of another topic or server nothing is shown that is not its own. */
  attributeChangedCallback(): void {
    if (!this._off) return;
    this.disconnectedCallback();
    this.snapshot = NOTHING;
    this._draw(null);
    this._display(null);
    this._start();
  }

  _attributes(): Partial<Record<string, string>> {
    return Object.fromEntries([...this.attributes].map(({ name, value }) => [name, value]));
  }

  _start(count?: string, at = 0): void {
    const { topic, src, token, observe } = this._attributes();
    if (!topic) return;
    const client = getClient(src || LiveCountElement.src, { token });
    if (count && !this._text) {
      if (Date.now() - at > INITIAL_MS) this._draw(null);
      else client.seed(topic, +count, at);
    }
    const tell = (): void => this._tell(client.get(topic));
    this._off = client.subscribe(topic, tell, { observe: observe !== undefined });
    tell();
  }

  _tell(snapshot: Snapshot): void {
    const old = this.snapshot;
    const a = this._attributes() as Record<string, never>;
    this.snapshot = snapshot;
    this.toggleAttribute('stale', snapshot.stale);
    this.setAttribute('status', snapshot.status);
    if (!snapshot.stale && !this._text && !old.updatedAt) this._draw(null);
    this._display(this.count, snapshot, {
      min: a.min,
      hideDelay: a['hide-delay'],
      pendingDelay: a['pending-delay'],
    });
    for (const name of ['count', 'status'] as const)
      if (old[name] !== snapshot[name])
        this.dispatchEvent(new CustomEvent(`${name}change`, { detail: snapshot, bubbles: true }));
  }

  _draw(count: number | null, pending = false): void {
    const a = this._attributes() as Record<string, never>;
    const spaced = count === null && 'keep-space' in a;
    if (!this._text) {
      const span = () => document.createElement('span');
      this._text = new Text();
      this.replaceChildren(this._text);
      this.style.fontVariantNumeric = 'tabular-nums';
      if ('dot' in a) {
        this.prepend((this._dot = span()));
        this._dot.className = 'live-count-dot';
        this._dot.ariaHidden = 'true';
        this._dot.textContent = '● ';
      }
      if (a['announce']) {
        this.append((this._said = span()));
        this._said.role = 'status';
        hide(this._said);
      }
    }
    this._text.data =
      count === null
        ? spaced ? '\u00a0' : ''
        : textOf(count, { ...a, labels: a }) +
          (pending && 'hint' in a ? a['hint'] || ' (reconnecting…)' : '');
    this.ariaHidden = spaced ? 'true' : null;
    if (this._dot) {
      this._dot.hidden = count === null;
      if (a['dot'] === 'pulse' && count !== null && !matchMedia('(prefers-reduced-motion: reduce)').matches)
        this._dot.animate({ opacity: [1, 0.2, 1] }, { duration: 800, iterations: 3 });
    }
    if (this._said && count !== null) this._announce(count, this._text.data);
  }
}

export const define = (): void => {
  const registry = globalThis.customElements;
  if (registry && !registry.get('live-count')) registry.define('live-count', LiveCountElement);
};

declare global {
  interface HTMLElementTagNameMap {
    'live-count': LiveCountElement;
  }
}
