// SPDX-License-Identifier: MIT
//
// watched.mjs - pages that are watched from their first moment: each text that stood in `#count`,
// each connection that was opened and message that was sent, each complaint of the browser.
import { until } from './server.mjs';

// Runs in the page, before its own scripts.
function watch() {
  const seen = [];
  const wire = { opened: 0, closed: [], sent: [] };
  const note = () => {
    const element = document.querySelector('#count');
    const text = element ? element.innerText.trim() : null;
    if (text !== null && seen.at(-1) !== text) seen.push(text);
  };
  Object.assign(window, { seen, wire, random: Math.random() });
  new MutationObserver(note).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...args) {
      super(...args);
      wire.opened++;
    }
    send(text) {
      wire.sent.push(JSON.parse(text));
      super.send(text);
    }
    close(code) {
      wire.closed.push(code);
      super.close(code);
    }
  };
}

// What a browser says on its own of a server that is not there, or of a page left in a hurry.
const USUAL = /ERR_CONNECTION_REFUSED|WebSocket connection to .* failed|WebSocket is closed before/;

/** A person: a browser context with a storage of its own, whose pages are tabs. */
export async function person(browser, options = {}) {
  const context = await browser.newContext(options);
  const problems = [];
  await context.addInitScript(watch);
  context.on('weberror', (error) => problems.push(String(error.error())));
  context.on('console', (message) => {
    const bad = ['error', 'warning'].includes(message.type());
    if (bad && !USUAL.test(message.text())) problems.push(message.text());
  });
  return {
    context,
    problems,
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    close: () => context.close(),
  };
}

/** The texts that stood in `#count`, in their order. */
export const seen = (page) => page.evaluate(() => window.seen);
/** Forgets all but the last of them. */
export const forget = (page) => page.evaluate(() => void window.seen.splice(0, window.seen.length - 1));
/** `{opened, closed, sent}`: connections, close codes and messages of the page. */
export const wire = (page) => page.evaluate(() => window.wire);
/** How many messages of a name it sent. */
export const sent = async (page, name) =>
  (await wire(page)).sent.filter((message) => message[0] === name).length;

/** Waits until `text` stands in `#count`. */
export function shows(page, text, timeout = 10_000) {
  return until(async () => (await seen(page)).at(-1) === text, {
    timeout,
    describe: async () => `"${text}"; seen were ${JSON.stringify(await seen(page))}`,
  });
}

/** Waits until the server has so many viewers and people in a topic. */
export function counts(server, topic, viewers, people = viewers, timeout = 10_000) {
  const read = async () => {
    const now = await server.counts(topic);
    return [now.viewers, now.people];
  };
  return until(
    async () => {
      const [v, p] = await read();
      return v === viewers && p === people;
    },
    { timeout, describe: async () => `${viewers}/${people}; now ${await read()}` },
  );
}
