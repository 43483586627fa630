// SPDX-License-Identifier: MIT
//
// react_test.mjs - the hooks and components in a React app under StrictMode, React's development
// version, which complains of what is wrong.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createElement, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { LiveCountProvider, ViewerCount } from 'rollcall-client/react';
import { startBrowser } from '../lib/browser.mjs';
import { sleep, startServer, until } from '../lib/server.mjs';
import { bundle, html, startSite } from '../lib/site.mjs';
import { counts, forget, person, seen, sent, shows, wire } from '../lib/watched.mjs';

const ARGS = ['--set', 'drain=0s', '--set', 'leave_grace=0s'];

let browser, site, server, people;

before(async () => {
  browser = await startBrowser();
  site = await startSite();
  site.script('/react.js', await bundle('react.jsx'));
});
after(async () => {
  await browser.close();
  await site.stop();
});
beforeEach(async () => {
  people = [];
  server = await startServer({ args: ARGS });
});
afterEach(async () => {
  const problems = people.flatMap((p) => p.problems);
  await Promise.all(people.map((p) => p.close()));
  await server.stop();
  assert.deepEqual(problems, []);
});

async function open(app, { data = '', inside = '', options, headers } = {}) {
  const made = await person(browser, options);
  people.push(made);
  const path = `/${app}-${people.length}`;
  const body = `<div id="count" data-server="${server.url}/rollcall" data-app="${app}" ${data}>${inside}</div>
    <script src="/react.js"></script>`;
  return made.open(site.page(path, html(body), { headers }));
}

test('two components under StrictMode are one connection and one join', async () => {
  const page = await open('Two');
  await shows(page, '1 person viewing, 1, 0, connected');
  await sleep(1200);
  const { opened, closed, sent: messages } = await wire(page);

  assert.equal(opened, 1);
  assert.deepEqual(closed, []);
  assert.deepEqual(messages.map(([name]) => name), ['hello', 'join']);
  await counts(server, 'article:1', 1);
});

test('nothing is rendered again when nothing has changed', async () => {
  const page = await open('Two');
  await shows(page, '1 person viewing, 1, 0, connected');
  await sleep(100);
  const before = await page.evaluate(() => window.renders);
  await page.evaluate(() => window.client.update('article:1', { n: 1 }));
  await sleep(300);

  assert.equal(await page.evaluate(() => window.renders), before);
});

test('another topic never shows the number of the first', async () => {
  const page = await open('Two');
  await open('Two');
  await shows(page, '2 people viewing, 2, 1, connected');
  await page.evaluate(() => window.act.setTopic('article:2'));
  await shows(page, '1 person viewing, 2, 1, connected');
  await counts(server, 'article:2', 1);
  const texts = await seen(page);

  assert.deepEqual(texts.slice(texts.indexOf('2 people viewing, 2, 1, connected') + 1), [
    ', 2, 1, connected',
    '1 person viewing, 2, 1, connected',
  ]);
});

test('another route with the same topic does not leave, and none leaves after a second', async () => {
  const page = await open('Route');
  const other = await open('Route');
  await shows(other, '2 people viewing');
  await shows(page, '2 people viewing');
  await forget(other);
  for (const path of ['a', 'b', 'c']) {
    await page.evaluate((to) => window.act(to), path);
    await shows(page, '2 people viewing');
  }
  await sleep(1200);
  assert.equal(await sent(page, 'join'), 1);
  assert.equal(await sent(page, 'leave'), 0);
  assert.deepEqual(await seen(other), ['2 people viewing']);
  await page.evaluate(() => window.act('nowhere'));
  await shows(other, '1 person viewing');

  assert.deepEqual((await wire(page)).closed, [1000]);
  await counts(server, 'article:1', 1);
});

test('the reliable one keeps its number, and says it when it reconnects for long', async () => {
  const page = await open('Reliable');
  await open('Reliable');
  await shows(page, '2 people viewing');
  await forget(page);
  const { port } = server;
  await server.kill('SIGKILL');
  await shows(page, '2 people viewing (reconnecting…)');
  assert.equal(await page.locator('p.quiet').count(), 1);
  server = await startServer({ args: ARGS, port });
  await until(async () => (await seen(page)).at(-1) === '2 people viewing', { timeout: 15_000 });

  assert.deepEqual(await seen(page), [
    '2 people viewing',
    '2 people viewing (reconnecting…)',
    '2 people viewing',
  ]);
});

test("the server's HTML is hydrated without a word, and then is live", async () => {
  const at = Date.now();
  const element = createElement(ViewerCount, { as: 'p', topic: 'article:1', initialCount: 7, initialAt: at });
  const inside = renderToString(
    createElement(StrictMode, null, createElement(LiveCountProvider, { url: 'ws://nowhere/' }, element)),
  );
  assert.equal(inside, '<p>7 people viewing</p>');
  await open('Route');
  const page = await open('Hydrated', { data: `data-at="${at}"`, inside });
  await shows(page, '2 people viewing');

  assert.deepEqual(await seen(page), ['7 people viewing', '2 people viewing']);
  assert.deepEqual(await page.evaluate(() => window.recovered), []);
  assert.equal((await wire(page)).opened, 1);
});

test('an old number from a cache is hydrated without a word, and then is gone', async () => {
  const at = Date.now() - 61_000;
  const page = await open('Hydrated', { data: `data-at="${at}"`, inside: '<p>7 people viewing</p>' });
  await shows(page, '');
  await counts(server, 'article:1', 1);

  assert.deepEqual(await seen(page), ['7 people viewing', '']);
  assert.deepEqual(await page.evaluate(() => window.recovered), []);
});

test('who is here, by name, and who is typing', async () => {
  const anna = await open('Who', { data: 'data-name="Anna"' });
  const ben = await open('Who', { data: 'data-name="Ben"' });
  await shows(anna, '2 connected: Anna (you), Ben');
  await shows(ben, '2 connected: Anna, Ben (you)');
  await ben.evaluate(() => window.act(true));
  await shows(anna, '2 connected: Anna (you), Ben is typing');
  await ben.evaluate(() => window.act(false));
  await shows(anna, '2 connected: Anna (you), Ben');
  await ben.close();
  await shows(anna, '1 connected: Anna (you)');

  assert.equal(await sent(anna, 'join'), 1);
});

test('a list is right again after a restart', async () => {
  const anna = await open('Who', { data: 'data-name="Anna"' });
  const ben = await open('Who', { data: 'data-name="Ben"' });
  await shows(anna, '2 connected: Anna (you), Ben');
  const { port } = server;
  await server.kill('SIGKILL');
  server = await startServer({ args: ARGS, port });
  await ben.evaluate(() => window.act(true));

  await shows(anna, '2 connected: Anna (you), Ben is typing', 15_000);
});

test('own words are a function of what is known', async () => {
  const page = await open('Own');
  await shows(page, '1 tabs');

  assert.equal(await page.locator('#count span b').count(), 1);
});

test('screen readers are told if it is wanted', async () => {
  const page = await open('Announced');
  const said = () => page.evaluate(() => document.querySelector('[role=status]').textContent);
  await until(async () => (await said()) === '1 person viewing');
  const plain = await open('Route');
  await shows(plain, '2 people viewing');

  assert.equal(await plain.locator('[aria-live], [role=status], [role=alert]').count(), 0);
});

test('200 mounts and unmounts leave no socket, no listener and no growing heap', async () => {
  const page = await open('Many');
  const cdp = await page.context().newCDPSession(page);
  const heap = async () => {
    await page.evaluate(() => (window.seen.length = window.wire.sent.length = 0)); // ours, not theirs
    await cdp.send('HeapProfiler.collectGarbage');
    return (await cdp.send('Runtime.getHeapUsage')).usedSize;
  };
  const listeners = async () => {
    const { result } = await cdp.send('Runtime.evaluate', { expression: 'window' });
    const all = await cdp.send('DOMDebugger.getEventListeners', { objectId: result.objectId });
    return all.listeners.filter(({ type }) => /page|freeze|resume|line|visib/.test(type)).length;
  };
  const rounds = (n) =>
    page.evaluate(async (times) => {
      const frame = () => new Promise((resolve) => setTimeout(resolve, 8));
      for (let i = 0; i < times; i++) {
        window.act(6);
        await frame();
        window.act(0);
        await frame();
      }
    }, n);
  await rounds(250); // until React and the compiler have what they keep
  await sleep(1300);
  const before = await heap();
  await rounds(200);
  assert.equal(await listeners(), 7);
  await sleep(1300);
  await counts(server, 'article:0', 0);
  const grown = (await heap()) - before;

  assert.equal(await listeners(), 0);
  assert.equal(await page.evaluate(() => window.client.status), 'idle');
  const { opened, closed } = await wire(page);
  assert.equal(closed.length, opened);
  // A closure that is kept for each of 1,200 mounts would be more.
  assert.ok(grown < 200_000, `the heap grew by ${grown} bytes in 200 rounds`);
});
