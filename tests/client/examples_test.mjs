// SPDX-License-Identifier: MIT
//
// examples_test.mjs - each example starts by its one command, and two people see each other there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startBrowser } from '../lib/browser.mjs';
import { startServer, until } from '../lib/server.mjs';
import { counts, person } from '../lib/watched.mjs';

const start = fileURLToPath(new URL('../../examples/start', import.meta.url));

let browser, server, people, example;

before(async () => (browser = await startBrowser()));
after(() => browser.close());
beforeEach(async () => {
  people = [];
  server = await startServer({ args: ['--set', 'drain=0s', '--set', 'leave_grace=0s'] });
});
afterEach(async () => {
  const problems = people.flatMap((p) => p.problems);
  await Promise.all(people.map((p) => p.close()));
  example?.kill('SIGTERM');
  if (example) await once(example, 'exit');
  example = null;
  await server.stop();
  assert.deepEqual(problems, []);
});

async function freePort() {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  taken.close();
  return port;
}

/** Starts an example against the test's server; gives its address. */
async function run(name) {
  const port = await freePort();
  example = spawn(start, [name], {
    env: { ...process.env, ROLLCALL_URL: server.url, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [example.stdout, example.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  const url = `http://127.0.0.1:${port}/`;
  await until(() => fetch(url).then(({ ok }) => ok, () => false), { timeout: 30_000, describe: () => said });
  return url;
}

async function open(url) {
  const made = await person(browser);
  people.push(made);
  return made.open(url);
}

const has = (page, text) =>
  until(async () => (await page.locator('body').innerText()).includes(text), {
    describe: async () => `"${text}" in ${await page.locator('body').innerText()}`,
  });

test('html: two lines in a plain page', async () => {
  const url = await run('html');
  const pages = [await open(url), await open(url)];
  for (const page of pages) await has(page, '● 2 people viewing');
  await counts(server, 'post:1', 2);
});

test('react: the components, and the hooks of a tutorial', async () => {
  const url = await run('react');
  const pages = [await open(url), await open(url)];
  for (const page of pages) {
    // Of each of them there are two sessions: by rollcall-client and by the rooms protocol.
    await has(page, 'You and 1 more, in 4 tabs.');
    await until(async () => (await page.locator('#rooms').innerText()) === '4 people viewing');
    await until(async () => (await page.locator('li').count()) === 2);
  }
  await pages[1].getByLabel('Your name').fill('Ben');
  await has(pages[0], 'Ben is typing…');
  await counts(server, 'post:1', 4, 2);
});

test('phoenix: the stock client', async () => {
  const url = await run('phoenix');
  const pages = [await open(url), await open(url)];
  for (const page of pages) await has(page, '2 viewing');
});

test('fastapi: the first number is in the HTML', async () => {
  const url = await run('fastapi');
  const pages = [await open(url), await open(url)];
  for (const page of pages) await has(page, '2 people viewing');
  const source = await (await fetch(url)).text();

  assert.match(source, /<live-count topic="post:1" count="2" at="\d+">2 people viewing<\/live-count>/);
});
