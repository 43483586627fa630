// SPDX-License-Identifier: MIT
//
// lifecycle_test.mjs - pages that are left, kept for the back button, frozen, hidden, offline.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { startPlainBrowser } from '../lib/cdp.mjs';
import { native, watchNative } from '../lib/client.mjs';
import { sleep, startServer, until } from '../lib/server.mjs';
import { html, startSite } from '../lib/site.mjs';
import { counts, forget, person, seen, shows, wire } from '../lib/watched.mjs';

let browser, site, server;

before(async () => {
  browser = await startBrowser();
  site = await startSite();
});
after(async () => {
  await browser.close();
  await site.stop();
});
afterEach(() => server.stop());

const serve = async (grace) =>
  (server = await startServer({ args: ['--set', 'drain=0s', '--set', `leave_grace=${grace}`] }));

/** A page with the element; `options` for its client. */
const elementPage = (options = '{}') =>
  site.page(
    '/article',
    html(
      '<p id="count"><live-count topic="article:42" min="1" hide-delay="0"></live-count></p>',
      `<script>window.options = ${options}</script>
       <script src="${server.url}/rollcall.js"></script>
       <script>rollcall.getClient('${server.url}/rollcall', options)</script>`,
    ),
  );

/** When the server last told of so many viewers of the topic, for one who only watches. */
async function watcher(topic) {
  const client = await native({ origin: server.url.replace('http://', ''), clients: new Set() });
  const told = [];
  await watchNative(client, topic);
  client.ws.on('message', (data) => {
    const message = JSON.parse(data);
    if (message[0] === 'count') told.push({ viewers: message[2], at: Date.now() });
    if (message[0] === 'ping') client.send(['pong']);
  });
  return { told, close: () => client.terminate() };
}

test('a page in the back/forward cache has left within 100 ms, and is back with its number', async () => {
  await serve('0s');
  const [anna, ben] = [await person(browser), await person(browser)];
  const url = elementPage();
  const elsewhere = site.page('/elsewhere', html('<p>Elsewhere.</p>'));
  const first = await anna.open(url);
  const second = await ben.open(url);
  await shows(first, '2 people viewing');
  await shows(second, '2 people viewing');
  const random = await second.evaluate(() => window.random);
  const watching = await watcher('article:42');

  // The new page is there, the old one is put away: from here it counts.
  await second.goto(elsewhere, { waitUntil: 'commit' });
  const left = Date.now();
  await until(() => watching.told.some(({ viewers }) => viewers === 1), { every: 1 });
  const took = watching.told.find(({ viewers }) => viewers === 1).at - left;
  assert.ok(took < 100, `it took ${took} ms`);
  await shows(first, '1 person viewing');
  await sleep(200);

  const back = Date.now();
  await second.goBack({ waitUntil: 'commit' });
  assert.equal(await second.evaluate(() => window.random), random, 'the page is the kept one');
  await counts(server, 'article:42', 2);
  assert.ok(Date.now() - back < 1000);
  await shows(first, '2 people viewing');
  assert.deepEqual((await seen(second)).slice(-1), ['2 people viewing']);
  assert.ok(!(await seen(second)).slice(1).includes(''), 'the number was there all the time');
  assert.deepEqual((await wire(second)).closed, [4001]);
  watching.close();
  await Promise.all([anna.close(), ben.close()]);
});

test('who leaves and is back at once was never gone for the others', async () => {
  await serve('2s');
  const [anna, ben] = [await person(browser), await person(browser)];
  const url = elementPage();
  const elsewhere = site.page('/elsewhere', html('<p>Elsewhere.</p>'));
  const first = await anna.open(url);
  const second = await ben.open(url);
  await shows(first, '2 people viewing');
  await shows(second, '2 people viewing');
  await forget(first);
  await second.goto(elsewhere);
  await second.goBack({ waitUntil: 'commit' });
  await counts(server, 'article:42', 2);
  await sleep(2300);

  assert.deepEqual(await seen(first), ['2 people viewing']);
  await counts(server, 'article:42', 2);
  await Promise.all([anna.close(), ben.close()]);
});

test('offline the number stays, and it is fresh again when the network is back', async () => {
  await serve('0s');
  const anna = await person(browser);
  const page = await anna.open(elementPage());
  await shows(page, '1 person viewing');
  await anna.context.setOffline(true);
  await counts(server, 'article:42', 0);
  assert.equal(await page.getAttribute('live-count', 'status'), 'offline');
  await sleep(300);
  await anna.context.setOffline(false);
  await counts(server, 'article:42', 1);
  await until(async () => (await page.getAttribute('live-count', 'status')) === 'connected');

  assert.deepEqual(await seen(page), ['', '1 person viewing']);
  await anna.close();
});

const text = `document.querySelector('#count').innerText.trim()`;
const status = `document.querySelector('live-count').getAttribute('status')`;

test('a hidden page leaves after its grace, keeps its number, and is back when it is seen', async () => {
  await serve('0s');
  const plain = await startPlainBrowser();
  try {
    const tab = await plain.tab(elementPage('{ hiddenGrace: 800 }'));
    await until(async () => (await tab.evaluate(text)) === '1 person viewing');
    const other = await plain.tab('about:blank');
    await other.show();
    await until(() => tab.evaluate('document.hidden'));
    const hidden = Date.now();
    await sleep(500);
    await counts(server, 'article:42', 1);
    await counts(server, 'article:42', 0);
    assert.ok(Date.now() - hidden > 750);
    assert.equal(await tab.evaluate(text), '1 person viewing');
    assert.equal(await tab.evaluate(status), 'idle');

    await tab.show();
    await counts(server, 'article:42', 1);
    await until(async () => (await tab.evaluate(status)) === 'connected');
    assert.equal(await tab.evaluate(text), '1 person viewing');
  } finally {
    await plain.close();
  }
});

test('a frozen page has left, and is back when it is thawed and seen', async () => {
  await serve('0s');
  const plain = await startPlainBrowser();
  try {
    const tab = await plain.tab(elementPage());
    await until(async () => (await tab.evaluate(text)) === '1 person viewing');
    const other = await plain.tab('about:blank');
    await other.show();
    await until(() => tab.evaluate('document.hidden'));
    await counts(server, 'article:42', 1);
    await tab.state('frozen');
    await counts(server, 'article:42', 0);
    await tab.state('active');
    await sleep(500);
    await counts(server, 'article:42', 0);
    await tab.show();
    await counts(server, 'article:42', 1);

    assert.equal(await tab.evaluate(text), '1 person viewing');
  } finally {
    await plain.close();
  }
});

test('a page that is opened in the background is not counted before it is seen', async () => {
  await serve('0s');
  const plain = await startPlainBrowser();
  try {
    const front = await plain.tab('about:blank');
    const tab = await plain.tab(elementPage(), { background: true });
    await front.show();
    await until(() => tab.evaluate(`document.readyState === 'complete' && document.hidden`));
    await sleep(500);
    await counts(server, 'article:42', 0);
    await tab.show();
    await counts(server, 'article:42', 1);
  } finally {
    await plain.close();
  }
});
