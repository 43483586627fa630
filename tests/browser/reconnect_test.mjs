// SPDX-License-Identifier: MIT
//
// reconnect_test.mjs - pages whose connection goes away: by the server, by leaving, by freezing.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import {
  forget,
  history,
  look,
  newPerson,
  startBrowser,
  untilCounts,
  untilSeen,
} from '../lib/browser.mjs';
import { sleep, startServer } from '../lib/server.mjs';

const TWO = '2 people are viewing this';
const LIST_TWO = '2 people reading now';
const HINT = `${TWO} (reconnecting…)`;
// What a browser says on its own of a server that is not there.
const AWAY = /ERR_CONNECTION_REFUSED|WebSocket connection to .* failed/;
const ARGS = ['--demo', '--set', 'drain=0s'];
const SHORT_GRACE = ['--set', 'leave_grace=500ms'];

let browser, server, article, people;

async function serve(...args) {
  server = await startServer({ args: [...ARGS, ...args] });
  article = `${server.url}/articles/1`;
}

/** Two people who see each other. */
async function readers(...args) {
  await serve(...args);
  people = [await newPerson(browser), await newPerson(browser)];
  // The waits between attempts, which are random, are their means.
  for (const p of people) await p.context.addInitScript(() => (Math.random = () => 0.5));
  const pages = [await people[0].open(article), await people[1].open(article)];
  for (const page of pages) await untilSeen(page, TWO);
  for (const page of pages) await forget(page);
  return pages;
}

before(async () => (browser = await startBrowser()));
after(() => browser.close());

beforeEach(() => {
  people = [];
});

afterEach(async () => {
  const problems = people.flatMap((p) => p.problems).filter((text) => !AWAY.test(text));
  await Promise.all(people.map((p) => p.close()));
  await server.stop();
  assert.deepEqual(problems, []);
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`a restart after ${signal} is not seen`, async () => {
    const pages = await readers();
    await server.kill(signal);
    server = await startServer({ args: ARGS, port: server.port });
    await untilCounts(server, 'post:1', 2, 2);
    await sleep(500);

    for (const page of pages) assert.deepEqual((await history(page)).seen, [TWO]);
  });
}

test('through a longer outage the number stays, with a hint after three seconds', async () => {
  const pages = await readers();
  const list = await people[0].open(server.url);
  await untilSeen(list, LIST_TWO);
  const { port } = server;
  await server.kill('SIGKILL');
  await sleep(2000);
  for (const page of pages) assert.equal(await look(page), TWO);
  for (const page of pages) await untilSeen(page, HINT, 3000);

  server = await startServer({ args: ARGS, port });
  await untilCounts(server, 'post:1', 2, 2);
  for (const page of pages) await untilSeen(page, TWO);

  for (const page of pages) assert.deepEqual((await history(page)).seen, [TWO, HINT, TWO]);
  assert.deepEqual((await history(list)).seen, [LIST_TWO]);
  assert.match(await (await fetch(article)).text(), /data-people="2"/);
});

test('after an outage a reader who is not back is let go', async () => {
  const [first, second] = await readers();
  const { port } = server;
  await server.kill('SIGKILL');
  await second.close();
  server = await startServer({ args: ARGS, port });
  await untilCounts(server, 'post:1', 1, 1);

  await untilSeen(first, '');
  assert.deepEqual((await history(first)).seen, [TWO, '']);
});

test('who goes to another page and comes back at once was never gone', async () => {
  const [first, second] = await readers();
  const { random } = await history(second);
  await second.goto(server.url);
  await second.goBack({ waitUntil: 'commit' });
  await untilSeen(second, TWO);
  await untilCounts(server, 'post:1', 2, 2);
  await sleep(2500); // longer than the grace

  await untilCounts(server, 'post:1', 2, 2);
  assert.equal((await history(second)).random, random, 'the page is the kept one');
  assert.deepEqual((await history(second)).seen, [TWO]);
  assert.deepEqual((await history(first)).seen, [TWO]);
  assert.deepEqual((await history(first)).people, [2]);
});

test('a page that is kept for the back button is not counted, and is again when it is back', async () => {
  const [first, second] = await readers(...SHORT_GRACE);
  const { random } = await history(second);
  await second.goto(server.url);
  await untilCounts(server, 'post:1', 1, 1);
  await untilSeen(first, '');

  await second.goBack({ waitUntil: 'commit' });
  await untilSeen(first, TWO);
  await untilSeen(second, TWO);
  assert.equal((await history(second)).random, random, 'the page is the kept one');
  assert.deepEqual((await history(second)).seen, [TWO]);
  assert.deepEqual((await history(first)).seen, [TWO, '', TWO]);
});

test('a frozen page is not counted', async () => {
  const [first, second] = await readers(...SHORT_GRACE);
  await second.evaluate(() => document.dispatchEvent(new Event('freeze')));
  await untilCounts(server, 'post:1', 1, 1);
  await untilSeen(first, '');

  await second.evaluate(() => document.dispatchEvent(new Event('resume')));
  await untilCounts(server, 'post:1', 2, 2);
  await untilSeen(first, TWO);
  assert.deepEqual((await history(second)).seen, [TWO]);
});

test('a browser that dies is noticed', async () => {
  const other = await startBrowser();
  await serve(...SHORT_GRACE);
  try {
    const [anna, ben] = [await newPerson(browser), await newPerson(other)];
    people.push(anna);
    const page = await anna.open(article);
    const tab = await ben.open(article);
    await untilSeen(page, TWO);
    tab.goto('chrome://crash').catch(() => {}); // the page's process dies without a goodbye
    await untilCounts(server, 'post:1', 1, 1);
    await untilSeen(page, '');
  } finally {
    await other.close();
  }
});
