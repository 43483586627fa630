// SPDX-License-Identifier: MIT
//
// browser.mjs - Chromium for tests: people, the pages they open, and all that was ever seen there.
//
// A person is a browser context with a storage of its own; two pages of one person are two tabs.
// Each page keeps a history of what a reader could see of its count, taken at every change of the
// document, so that a blink of a few milliseconds is found.

import { chromium } from 'playwright-core';

import { until } from './server.mjs';

export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium, or the one that CHROMIUM names, with the back/forward cache on. */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}

// Runs in the page, before its own scripts.
function recordHistory() {
  const history = { seen: [], people: [], shifts: [], random: Math.random() };
  const note = (list, what) => list.at(-1) !== what && list.push(what);
  const look = () => {
    const element = document.querySelector('[data-topic]');
    if (!element || !document.styleSheets.length) return; // nothing is painted yet
    const visible = getComputedStyle(element).visibility === 'visible';
    note(history.seen, visible ? element.innerText.trim() : '');
    note(history.people, Number(element.dataset.people));
  };
  window.testHistory = history;
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      history.shifts.push(...entry.sources.map(({ node }) => node?.outerHTML ?? node?.data));
  }).observe({ type: 'layout-shift', buffered: true });
}

// Chromium's remark when a page is left while it connects.
const LEFT_EARLY = /WebSocket is closed before the connection is established/;

/** A person; `options` are those of a browser context. */
export async function newPerson(browser, options = {}) {
  const context = await browser.newContext(options);
  const problems = [];

  await context.addInitScript(recordHistory);
  context.on('weberror', (error) => problems.push(String(error.error())));
  context.on('console', (message) => {
    const bad = ['error', 'warning'].includes(message.type());
    if (bad && !LEFT_EARLY.test(message.text())) problems.push(message.text());
  });
  return {
    context,
    /** What the console said that is no news, and what was thrown. */
    problems,
    /** A new tab. */
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    close: () => context.close(),
  };
}

/** What a reader sees of the page's count: its text, or '' when nothing is shown. */
export function look(page) {
  return page.evaluate(() => {
    const element = document.querySelector('[data-topic]');
    return getComputedStyle(element).visibility === 'visible' ? element.innerText.trim() : '';
  });
}

/** `{seen, people, shifts, random}`: texts and numbers in the order they came, without repeats. */
export function history(page) {
  return page.evaluate(() => window.testHistory);
}

/** Forgets what was seen; what is seen now is the first entry of the new history. */
export function forget(page) {
  return page.evaluate(() => {
    const { seen, people } = window.testHistory;
    seen.splice(0, seen.length - 1);
    people.splice(0, people.length - 1);
  });
}

/** Waits until a reader of `page` sees `text` as its count ('' for nothing). */
export function untilSeen(page, text, timeout = 10_000) {
  return until(async () => (await look(page)) === text, {
    timeout,
    describe: async () => `"${text}"; seen were ${JSON.stringify(await history(page))}`,
  });
}

/** Waits until the API says so many of a topic. */
export function untilCounts(server, topic, viewers, people) {
  return until(
    async () => {
      const now = await server.counts(topic);
      return now.viewers === viewers && now.people === people;
    },
    { describe: async () => `${viewers}/${people}; now ${JSON.stringify(await server.counts(topic))}` },
  );
}

/** Waits until the page's script has said what `[data-people]` is, on the page's first topic. */
export function untilPeople(page, people, selector = '[data-topic]') {
  return until(
    () => page.evaluate(([s, n]) => document.querySelector(s).dataset.people === n, [selector, String(people)]),
    { describe: async () => JSON.stringify(await history(page)) },
  );
}
