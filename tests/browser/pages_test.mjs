// SPDX-License-Identifier: MIT
//
// pages_test.mjs - the demo's pages as pages: links, policy, layout, motion, keyboard.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { history, newPerson, startBrowser, untilSeen } from '../lib/browser.mjs';
import { startServer } from '../lib/server.mjs';

const WIDTHS = [1280, 390];
const PAGES = ['/', '/who', ...[1, 2, 3, 4, 5, 6].map((n) => `/articles/${n}`)];

let browser, server;

before(async () => {
  browser = await startBrowser();
  server = await startServer({ args: ['--demo', '--set', 'drain=0s'] });
});

after(async () => {
  await browser.close();
  await server.stop();
});

test('every link leads to a page, and every page has a strict policy', async () => {
  const seen = new Set(['/']);
  for (const path of seen) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, 200, path);
    const body = await answer.text();
    const policy = answer.headers.get('content-security-policy');
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    if (!answer.headers.get('content-type').startsWith('text/html')) continue;
    for (const [, link] of body.matchAll(/(?:href|src)="([^"#]+)"/g)) {
      assert.match(link, /^\//, `${path} needs another host for ${link}`);
      seen.add(link);
    }
  }
  for (const path of PAGES) assert.ok(seen.has(path), path);
});

test('nothing is wider than the window, on a desk and in a hand', async () => {
  const person = await newPerson(browser);
  for (const path of PAGES) {
    const page = await person.open(server.url + path);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(over <= 0, `${path} at ${width} px is ${over} px too wide`);
    }
    await page.close();
  }
  assert.deepEqual(person.problems, []);
  await person.close();
});

test('a number that comes or goes moves nothing, and nothing moves by itself', async () => {
  for (const width of WIDTHS) {
    const viewport = { width, height: 800 };
    const [anna, ben] = [await newPerson(browser, { viewport }), await newPerson(browser)];
    const article = await anna.open(`${server.url}/articles/2`);
    const list = await anna.open(server.url);
    const other = await ben.open(`${server.url}/articles/2`);
    await ben.open(`${server.url}/articles/1`);
    const second = await anna.open(`${server.url}/articles/1`);
    await untilSeen(article, '2 people are viewing this');
    await untilSeen(list, '2 people reading now');
    await article.evaluate(() => (document.querySelector('[data-part=hint]').hidden = false));
    await article.waitForTimeout(100);

    for (const page of [article, list, other, second]) {
      assert.deepEqual((await history(page)).shifts, []);
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
      assert.equal(await page.locator('[aria-live], [role=status]').count(), 0);
    }
    const line = await article.evaluate(() => {
      const { scrollWidth, clientWidth } = document.querySelector('.live');
      return scrollWidth - clientWidth;
    });
    assert.ok(line <= 0, `the line with its hint is ${line} px too wide at ${width} px`);
    await Promise.all([anna.close(), ben.close()]);
  }
});

test('text stands out from its ground, in light and dark', async () => {
  // WCAG 2: relative luminance and contrast of colours as the browser computes them.
  const contrasts = () => {
    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const luminance = (color) => {
      const [r, g, b] = channels(color).map((c) =>
        c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      const color = getComputedStyle(element).backgroundColor;
      return channels(color)[3] === 0 ? ground(element.parentElement) : color;
    };
    return [...document.querySelectorAll('body *')]
      .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
      .map((e) => {
        const pair = [luminance(getComputedStyle(e).color), luminance(ground(e))];
        return [e.className || e.localName, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
      });
  };
  for (const colorScheme of ['light', 'dark']) {
    const person = await newPerson(browser, { colorScheme });
    for (const path of ['/', '/articles/1', '/who']) {
      const page = await person.open(server.url + path);
      const bad = (await page.evaluate(contrasts)).filter(([, contrast]) => contrast < 4.5);
      assert.deepEqual(bad, [], `${path} in ${colorScheme}`);
      await page.close();
    }
    await person.close();
  }
});

test('all of it can be reached by keyboard, and the focus is seen', async () => {
  const person = await newPerson(browser);
  for (const path of ['/', '/who', '/articles/2']) {
    const page = await person.open(server.url + path);
    const wanted = await page.locator('a, input, textarea').count();
    for (let i = 0; i < wanted; i++) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate(() => {
        const focused = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(focused);
        focused.dataset.reached = 'yes';
        return outlineStyle === 'none' ? '0px' : outlineWidth;
      });
      assert.equal(outline, '3px', `${path}, stop ${i + 1}`);
    }
    assert.equal(await page.locator('[data-reached]').count(), wanted, path);
    await page.close();
  }
  await person.close();
});
