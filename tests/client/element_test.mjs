// SPDX-License-Identifier: MIT
//
// element_test.mjs - <live-count> in pages of another site, by one script tag from the server.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { renderLiveCount } from 'rollcall-client/server';
import { startBrowser } from '../lib/browser.mjs';
import { sleep, startServer, until } from '../lib/server.mjs';
import { html, startSite } from '../lib/site.mjs';
import { SECRET, token } from '../lib/token.mjs';
import { counts, forget, person, seen, sent, shows, wire } from '../lib/watched.mjs';

const NOW = ['--set', 'drain=0s', '--set', 'leave_grace=0s'];
const HELD = ['--set', 'drain=0s', '--set', 'leave_grace=2s'];

let browser, site, server, people;

before(async () => {
  browser = await startBrowser();
  site = await startSite();
});
after(async () => {
  await browser.close();
  await site.stop();
});
beforeEach(() => (people = []));
afterEach(async () => {
  const problems = people.flatMap((p) => p.problems);
  await Promise.all(people.map((p) => p.close()));
  await server.stop();
  assert.deepEqual(problems, []);
});

const serve = async (...args) => (server = await startServer({ args }));

/** The page of an element, and of two lines: `inside` is what the server rendered. */
function elementPage(attributes = '', inside = '', headers = {}) {
  return site.page(
    '/article',
    html(
      `<p id="count"><live-count topic="article:42" ${attributes}>${inside}</live-count></p>`,
      `<script src="${server.url}/rollcall.js" async></script>`,
    ),
    { headers },
  );
}

async function someone(options) {
  const made = await person(browser, options);
  people.push(made);
  return made;
}

async function twoReaders(url) {
  const pages = [await (await someone()).open(url), await (await someone()).open(url)];
  for (const page of pages) await shows(page, '2 people viewing');
  return pages;
}

test('who comes and goes is seen by the others within a second', async () => {
  await serve(...NOW);
  const url = elementPage();
  const first = await (await someone()).open(url);
  await counts(server, 'article:42', 1);
  assert.deepEqual(await seen(first), ['']);
  const other = await someone();
  const page = await other.context.newPage();
  await Promise.all([page.goto(url), first.waitForFunction(() => window.seen.at(-1) === '2 people viewing', null, { timeout: 10_000 })]);
  const came = Date.now();
  await counts(server, 'article:42', 2);
  assert.ok(Date.now() - came < 1000);

  const left = Date.now();
  await page.close();
  await counts(server, 'article:42', 1, 1, 1000);
  await until(() => first.evaluate(() => document.querySelector('live-count').count === 1), { timeout: 1000 });
  assert.ok(Date.now() - left < 1000);
});

test('less than two is not shown, and goes 1.5 s after the drop', async () => {
  await serve(...NOW);
  const [first, second] = await twoReaders(elementPage());
  await second.close();
  await until(() => first.evaluate(() => document.querySelector('live-count').count === 1));
  await sleep(1200);
  assert.deepEqual(await seen(first), ['', '2 people viewing']);
  await shows(first, '', 1000);

  assert.deepEqual(await seen(first), ['', '2 people viewing', '']);
});

test('min, hide-delay, of and the words are attributes', async () => {
  await serve(...NOW);
  const url = elementPage('min="1" hide-delay="0" of="viewers" one="{count} tab" other="{count} tabs"');
  const anna = await someone();
  const first = await anna.open(url);
  await shows(first, '1 tab');
  const second = await anna.open(url);
  await shows(first, '2 tabs');
  await second.close();
  await shows(first, '1 tab');

  assert.equal(await first.evaluate(() => document.querySelector('live-count').snapshot.count), 1);
});

test('two tabs are one person, and closing one of them changes nothing for others', async () => {
  await serve(...NOW);
  const url = elementPage();
  const anna = await someone();
  const tabs = [await anna.open(url), await anna.open(url)];
  await counts(server, 'article:42', 2, 1);
  for (const tab of tabs) assert.deepEqual(await seen(tab), ['']);
  const ben = await (await someone()).open(url);
  for (const page of [...tabs, ben]) await shows(page, '2 people viewing');
  await forget(ben);
  await tabs[1].close();
  await counts(server, 'article:42', 2, 2);
  await sleep(300);

  assert.deepEqual(await seen(ben), ['2 people viewing']);
  assert.equal(await ben.evaluate(() => document.querySelector('live-count').count), 2);
});

test('a refresh is never announced to others', async () => {
  await serve(...HELD);
  const [first, second] = await twoReaders(elementPage());
  await first.evaluate(() => {
    window.told = [];
    addEventListener('countchange', ({ detail }) => window.told.push([detail.count, detail.viewers]));
  });
  await forget(first);
  for (let i = 0; i < 3; i++) {
    await second.reload();
    await shows(second, '2 people viewing');
  }
  await counts(server, 'article:42', 2);
  await sleep(300);

  assert.deepEqual(await seen(first), ['2 people viewing']);
  assert.deepEqual(await first.evaluate(() => window.told), []);
  assert.equal((await wire(first)).opened, 1);
});

test('a restart of the server shows no 0 and no change for 3 s, then a hint, then the new number', async () => {
  await serve(...NOW);
  const { port } = server;
  const pages = await twoReaders(elementPage('hint'));
  for (const page of pages) await forget(page);
  await server.kill('SIGKILL');
  const from = Date.now();
  await sleep(2700 - (Date.now() - from));
  for (const page of pages) assert.deepEqual(await seen(page), ['2 people viewing']);
  for (const page of pages) await shows(page, '2 people viewing (reconnecting…)', 2000);
  assert.equal(await pages[0].getAttribute('live-count', 'status'), 'reconnecting');
  assert.equal(await pages[0].getAttribute('live-count', 'stale'), '');

  server = await startServer({ args: NOW, port });
  const third = await (await someone()).open(elementPage('hint'));
  for (const page of [...pages, third]) await shows(page, '3 people viewing', 15_000);
  const all = await Promise.all(pages.map(seen));
  const hint = '2 people viewing (reconnecting…)';
  for (const texts of all) {
    assert.deepEqual(texts.slice(0, 2), ['2 people viewing', hint]);
    assert.ok(texts.every((text) => /^[23] people viewing/.test(text)), JSON.stringify(texts));
  }
  assert.equal(await pages[0].getAttribute('live-count', 'stale'), null);
});

test('a short restart is not seen at all', async () => {
  await serve(...NOW);
  const { port } = server;
  const pages = await twoReaders(elementPage('hint'));
  for (const page of pages) await forget(page);
  await server.kill('SIGKILL');
  server = await startServer({ args: NOW, port });
  await counts(server, 'article:42', 2);
  for (const page of pages)
    await until(() => page.evaluate(() => document.querySelector('live-count').count === 2));

  for (const page of pages) assert.deepEqual(await seen(page), ['2 people viewing']);
});

test('what the server rendered stays until there is a fresh number', async () => {
  await serve(...NOW);
  const url = site.page(
    '/rendered',
    html(
      `<p id="count">${renderLiveCount({ topic: 'article:42', count: 7, at: Date.now() })}</p>`,
      `<script src="${server.url}/rollcall.js" async></script>`,
    ),
  );
  const other = await (await someone()).open(elementPage());
  await counts(server, 'article:42', 1);
  const page = await (await someone()).open(url);
  await shows(page, '2 people viewing');

  assert.deepEqual(await seen(page), ['7 people viewing', '2 people viewing']);
  await shows(other, '2 people viewing');
});

test('what a cache kept for more than a minute is not shown as the truth', async () => {
  await serve(...NOW);
  const url = elementPage(`count="7" at="${Date.now() - 61_000}"`, '7 people viewing');
  const page = await (await someone()).open(url);
  await counts(server, 'article:42', 1);
  await shows(page, '');

  assert.deepEqual(await seen(page), ['7 people viewing', '']);
});

test('an element that is moved neither leaves nor joins, and keeps its text', async () => {
  await serve(...NOW);
  const [first, second] = await twoReaders(elementPage());
  await forget(first);
  for (let i = 0; i < 5; i++) {
    await second.evaluate(() => document.body.prepend(document.querySelector('#count')));
    await second.evaluate(() => document.body.append(document.querySelector('#count')));
  }
  await sleep(1300);

  assert.equal(await sent(second, 'join'), 1);
  assert.equal(await sent(second, 'leave'), 0);
  assert.deepEqual(await seen(second), ['', '2 people viewing']);
  assert.deepEqual(await seen(first), ['2 people viewing']);
});

test('an element that is taken away leaves after a second, by closing', async () => {
  await serve(...NOW);
  const [first, second] = await twoReaders(elementPage());
  await second.evaluate(() => document.querySelector('live-count').remove());
  await counts(server, 'article:42', 1);

  assert.deepEqual((await wire(second)).closed, [1000]);
  await shows(first, '');
});

test('another topic never shows the number of the first', async () => {
  await serve(...NOW);
  const [page] = await twoReaders(elementPage());
  await page.evaluate(() => document.querySelector('live-count').setAttribute('topic', 'article:43'));
  await shows(page, '');
  await counts(server, 'article:43', 1);
  await counts(server, 'article:42', 1);
  await sleep(300);

  assert.deepEqual(await seen(page), ['', '2 people viewing', '']);
});

test('many elements are one connection, and one topic is joined once', async () => {
  await serve(...NOW);
  const url = site.page(
    '/list',
    html(
      ['a', 'b', 'b', 'c'].map((topic) => `<p><live-count observe min="0" topic="${topic}"></live-count></p>`).join(''),
      `<script src="${server.url}/rollcall.js"></script>`,
    ),
  );
  const page = await (await someone()).open(url);
  await until(async () => (await page.locator('p').allInnerTexts()).every((text) => text === '0 people viewing'));
  const { opened, sent: messages } = await wire(page);

  assert.equal(opened, 1);
  assert.deepEqual(messages.filter(([name]) => name === 'watch').map(([, , topic]) => topic), ['a', 'b', 'c']);
});

test('a page with a strict policy needs no exception but the server itself', async () => {
  await serve(...NOW);
  const policy = `default-src 'none'; script-src ${server.url}; connect-src ${server.ws}; img-src data:`;
  const url = elementPage('dot="pulse" announce="polite" keep-space hint', '', {
    'content-security-policy': policy,
  });
  const pages = [await (await someone()).open(url), await (await someone()).open(url)];
  for (const page of pages)
    await until(async () => (await seen(page)).at(-1)?.startsWith('● 2 people viewing'));
  const [page] = pages;

  // Problems of the console, violations of the policy among them, fail every test of this file.
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('live-count')).fontVariantNumeric), 'tabular-nums');
});

test('nothing is announced unless it is asked for', async () => {
  await serve(...NOW);
  const [plain] = await twoReaders(elementPage());
  assert.equal(await plain.locator('[aria-live], [role=status], [role=alert]').count(), 0);
  const loud = await (await someone()).open(elementPage('announce="polite"'));
  await until(() => loud.evaluate(() => document.querySelector('[role=status]')?.textContent === '3 people viewing'));
  const fourth = await (await someone()).open(elementPage());
  await shows(fourth, '4 people viewing');
  await until(() => loud.evaluate(() => document.querySelector('live-count').count === 4));

  assert.equal(await loud.evaluate(() => document.querySelector('[role=status]').textContent), '3 people viewing');
});

test('nothing moves, unless a pulse is asked for and motion is not unwanted', async () => {
  await serve(...NOW);
  const animations = (page) => page.evaluate(() => document.getAnimations().length);
  const open = async (attributes, reducedMotion) => {
    const page = await (await someone({ reducedMotion })).open(elementPage(`min="1" ${attributes}`));
    await until(async () => (await seen(page)).at(-1));
    return page;
  };

  assert.equal(await animations(await open('dot', 'no-preference')), 0);
  assert.equal(await animations(await open('dot="pulse"', 'reduce')), 0);
  const pulsing = await open('dot="pulse"', 'no-preference');
  assert.equal(await animations(pulsing), 1);
  await until(async () => (await animations(pulsing)) === 0);
});

test('a line is kept free where one is wanted, and nothing shifts', async () => {
  await serve(...NOW);
  const [page, other] = await twoReaders(elementPage('keep-space hide-delay="0"'));
  const height = () => page.evaluate(() => document.querySelector('#count').offsetHeight);
  const shown = await height();
  await other.close();
  await shows(page, '');

  assert.equal(await height(), shown);
  assert.equal(await page.getAttribute('live-count', 'aria-hidden'), 'true');
});

test('a token that is refused is one request and one warning', async () => {
  await serve(...NOW, '--jwt-secret', SECRET);
  const anna = await someone();
  const page = await anna.open(elementPage('token="forged"'));
  await until(() => page.evaluate(() => document.querySelector('live-count').status === 'closed'));
  await sleep(2500);

  assert.equal((await wire(page)).opened, 1);
  assert.equal(anna.problems.length, 1);
  assert.match(anna.problems.pop(), /^rollcall: /);
});

test('a token is asked for anew when it reconnects', async () => {
  await serve(...NOW, '--jwt-secret', SECRET);
  const { port } = server;
  let made = 0;
  site.page('/token', () => (made++, token({ sub: `anna-${made}`, topics: ['article:*'] })));
  const url = site.page(
    '/private',
    html(
      '<p id="count"></p>',
      `<script src="${server.url}/rollcall.js"></script><script>
        const client = rollcall.createClient({
          url: '${server.url}/rollcall',
          token: async () => (await fetch('/token')).text(),
        });
        client.subscribe('article:1', ({ count, stale }) => (window.now = [count, stale, client.key]));
      </script>`,
    ),
  );
  const page = await (await someone()).open(url);
  await page.waitForFunction(() => window.now?.[2] === 'anna-1' && !window.now[1]);
  await server.kill('SIGKILL');
  server = await startServer({ args: [...NOW, '--jwt-secret', SECRET], port });
  await page.waitForFunction(() => window.now?.[2]?.startsWith('anna-') && window.now[2] !== 'anna-1' && !window.now[1]);

  assert.ok(made >= 2);
  const hellos = (await wire(page)).sent.filter(([name]) => name === 'hello');
  assert.equal(new Set(hellos.map(([, { token }]) => token)).size, hellos.length);
});

test('a number that cannot be refreshed for maxStale is not shown any more', async () => {
  await serve(...NOW);
  // The client is made by the first who asks for it.
  const url = site.page(
    '/stale',
    html(
      '<p id="count"></p>',
      `<script src="${server.url}/rollcall.js"></script><script>
         rollcall.getClient('${server.url}/rollcall', { maxStale: 1500 });
         addEventListener('DOMContentLoaded', () => {
           document.querySelector('#count').innerHTML =
             '<live-count topic="a" min="1" hide-delay="0"></live-count>';
         });
       </script>`,
    ),
  );
  const page = await (await someone()).open(url);
  await shows(page, '1 person viewing');
  await server.kill('SIGKILL');
  await sleep(1200);
  assert.equal((await seen(page)).at(-1), '1 person viewing');
  await shows(page, '', 2000);
});
