// SPDX-License-Identifier: MIT
//
// count_test.mjs - what readers of the demo see while others come and go.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import {
  forget,
  history,
  look,
  newPerson,
  startBrowser,
  untilCounts,
  untilPeople,
  untilSeen,
} from '../lib/browser.mjs';
import { startServer } from '../lib/server.mjs';

const TWO = '2 people are viewing this';

let browser, server, article, people;

/** The server of a test, with settings `key=value`. */
async function serve(...settings) {
  const args = ['--demo', ...['drain=0s', ...settings].flatMap((s) => ['--set', s])];
  server = await startServer({ args });
  article = `${server.url}/articles/1`;
}

/** A person who is watched for mistakes until the end of the test. */
async function person(options) {
  const made = await newPerson(browser, options);
  people.push(made);
  return made;
}

before(async () => (browser = await startBrowser()));
after(() => browser.close());

beforeEach(() => {
  people = [];
});

afterEach(async () => {
  const problems = people.flatMap((p) => p.problems);
  await Promise.all(people.map((p) => p.close()));
  await server.stop();
  assert.deepEqual(problems, []);
});

test('two readers see each other, and one alone sees no number', async () => {
  await serve();
  const [anna, ben, cleo] = [await person(), await person(), await person()];
  const list = await cleo.open(server.url);
  const first = await anna.open(article);
  await untilCounts(server, 'post:1', 1, 1);
  await untilPeople(first, 1);
  assert.equal(await look(first), '');

  const second = await ben.open(article);
  await untilSeen(first, TWO);
  await untilSeen(second, TWO);
  await untilSeen(list, '2 people reading now');
  await untilCounts(server, 'post:1', 2, 2);

  await second.close();
  await untilSeen(first, '');
  await untilSeen(list, '');
  await untilCounts(server, 'post:1', 1, 1);
  const { seen, people: told } = await history(first);
  assert.deepEqual(seen, ['', TWO, '']);
  assert.deepEqual(told, [0, 1, 2, 1]);
  assert.deepEqual((await history(list)).people, [0, 1, 2, 1]);
});

test('the HTML has the number in it, and needs no script to show it', async () => {
  await serve();
  const [anna, ben] = [await person(), await person()];
  await anna.open(article);
  await untilCounts(server, 'post:1', 1, 1);
  const alone = await (await fetch(article)).text();
  const scriptless = await person({ javaScriptEnabled: false });
  const quiet = await scriptless.open(article);

  await ben.open(article);
  await untilCounts(server, 'post:1', 2, 2);
  const both = await (await fetch(article)).text();
  const plain = await scriptless.open(article);

  assert.match(alone, /data-people="1" data-viewers="1"/);
  assert.match(both, /data-people="2" data-viewers="2"/);
  assert.match(both, /<span data-part="people">2<\/span> people are viewing this/);
  assert.doesNotMatch(both, /\{\{/);
  assert.equal(await plain.locator('[data-topic]').isVisible(), true);
  assert.equal((await plain.locator('[data-topic]').innerText()).trim(), TWO);
  assert.equal(await quiet.locator('[data-topic]').isVisible(), false);
  await untilCounts(server, 'post:1', 2, 2);
});

test('two tabs are one person', async () => {
  await serve('leave_grace=500ms');
  const [anna, ben] = [await person(), await person()];
  const tabs = [await anna.open(article), await anna.open(article)];
  await untilCounts(server, 'post:1', 2, 1);
  for (const tab of tabs) await untilPeople(tab, 1);
  for (const tab of tabs) assert.equal(await look(tab), '');

  const other = await ben.open(article);
  for (const page of [...tabs, other]) await untilSeen(page, `${TWO}, in 3 tabs`);
  await untilCounts(server, 'post:1', 3, 2);

  await tabs[1].close();
  for (const page of [tabs[0], other]) await untilSeen(page, TWO);
});

test('the list shows every article on one connection, and is not counted', async () => {
  await serve();
  const [anna, ben, cleo] = [await person(), await person(), await person()];
  const list = await cleo.open(server.url);
  await anna.open(article);
  await ben.open(`${server.url}/articles/3`);
  await ben.open(article);

  await untilPeople(list, 2, '[data-topic="post:1"]');
  await untilPeople(list, 1, '[data-topic="post:3"]');
  await untilPeople(list, 0, '[data-topic="post:2"]');
  const shown = await list.locator('.live:visible').allInnerTexts();
  assert.deepEqual(shown, ['2 people reading now']);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^rollcall_websockets 4$/m);
  assert.match(metrics, /^rollcall_subscriptions 9$/m);
  await untilCounts(server, 'post:1', 2, 2);
});

test('a reload is not announced to the others', async () => {
  await serve();
  const [anna, ben] = [await person(), await person()];
  const first = await anna.open(article);
  const second = await ben.open(article);
  await untilSeen(first, TWO);
  await untilSeen(second, TWO);
  await forget(first);

  for (let i = 0; i < 3; i++) {
    await second.reload();
    await untilSeen(second, TWO);
    assert.deepEqual((await history(second)).seen, [TWO]);
  }
  await untilCounts(server, 'post:1', 2, 2);

  const { seen, people: told } = await history(first);
  assert.deepEqual({ seen, told }, { seen: [TWO], told: [2] });
});

test('a page that answers the server is not taken for dead', async () => {
  await serve('idle_timeout=1s');
  const anna = await person();
  const page = await anna.open(article);
  await untilCounts(server, 'post:1', 1, 1);
  await page.waitForTimeout(2500);

  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^rollcall_upgrades_total 1$/m);
  assert.match(metrics, /^rollcall_timeouts_total 0$/m);
  assert.deepEqual((await history(page)).people, [0, 1]);
});

test('names and who is typing are seen by the others', async () => {
  await serve('leave_grace=500ms');
  const [anna, ben] = [await person(), await person()];
  const first = await anna.open(`${server.url}/who`);
  await first.getByLabel('Your name').fill('Anna');
  await first.keyboard.press('Enter');
  const second = await ben.open(`${server.url}/who`);
  await second.getByLabel('Your name').fill('Ben <b>');
  await second.getByLabel('A note to nobody').focus();

  await first.locator('li', { hasText: 'Ben <b>' }).waitFor();
  await second.locator('li', { hasText: 'Anna' }).waitFor();
  await untilSeen(first, '2 people are here');
  await second.keyboard.type('hello');
  await first.locator('li', { hasText: 'Ben <b> is typing…' }).waitFor();
  await first.locator('li', { hasText: /^Ben <b>$/ }).waitFor();

  assert.deepEqual(await first.locator('.people li').allInnerTexts(), ['Anna (you)', 'Ben <b>']);
  await second.close();
  await first.getByText('Nobody else yet').waitFor();
});
