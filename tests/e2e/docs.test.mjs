// SPDX-License-Identifier: MIT
//
// The documentation is true: links lead somewhere, tables are those of the program, commands run, and the examples of
// the native protocol are what the server says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { startServer } from '../lib/rollcall.mjs';
import { program } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const SECRET = 'a-secret-that-only-this-test-knows';
const FOREIGN = /(^|\/)(node_modules|build[^/]*|\.git)(\/|$)/;

const read = path => readFileSync(join(root, path), 'utf8');

const pages = readdirSync(root, { recursive: true })
  .filter(path => path.endsWith('.md') && !FOREIGN.test(path))
  .filter(path => /^(docs|src|tests)\/|^[^/]+$/.test(path));

/** The fences of a page: [{info, lines, line, comment}]; `comment` is the HTML comment in the line above. */
function fences(text) {
  const found = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const open = /^( *)```(.*)$/.exec(lines[i]);
    if (!open) continue;
    const fence = { info: open[2], lines: [], line: i + 2, comment: lines[i - 1] ?? '' };
    while (lines[++i].trim() !== '```') fence.lines.push(lines[i].slice(open[1].length));
    found.push(fence);
  }
  return found;
}

/** A page without its fences and their content. */
const prose = text => text.replace(/^( *)```[^]*?^ *```$/gm, '');

/** The anchors of a page, as the usual renderers make them of headings. */
const anchors = text =>
  [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-'),
  );

const rows = (path, pattern) => [...read(path).matchAll(pattern)];
const configKeys = rows('src/app/config.def', /^CONFIG_(?:TOPIC_)?KEY\((\w+),/gm).map(m => m[1]);

test('every link between pages leads to a page and a heading that are there', () => {
  const broken = [];
  for (const page of pages) {
    for (const [, target] of prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [path, anchor] = target.split('#');
      const file = path ? resolve(root, dirname(page), path) : join(root, page);
      if (!existsSync(file)) broken.push(`${page}: ${target}`);
      else if (anchor && !anchors(readFileSync(file, 'utf8')).includes(anchor))
        broken.push(`${page}: ${target} has no such heading`);
    }
  }
  assert.ok(pages.length > 20);
  assert.deepEqual(broken, []);
});

test('every page of docs can be reached from its index', () => {
  const seen = new Set();
  const visit = page => {
    if (seen.has(page)) return;
    seen.add(page);
    for (const [, target] of prose(read(page)).matchAll(/\]\(([^)#\s]+\.md)/g))
      visit(relative(root, resolve(root, dirname(page), target)));
  };
  visit('docs/README.md');
  assert.deepEqual(
    pages.filter(page => page.startsWith('docs/') && !seen.has(page)),
    [],
  );
});

test('every file that a page names is there', () => {
  const missing = [];
  for (const page of pages) {
    for (const [, path] of read(page).matchAll(
      /`((?:src|tests|scripts|packaging|web|docs|fuzz|bench)\/[\w./-]+)`/g,
    )) {
      const made = /NAME|artifacts/.test(path);
      if (!made && !existsSync(join(root, path))) missing.push(`${page}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every test that the promises name is there', () => {
  const names = [...read('docs/concepts.md').matchAll(/`([a-z0-9]+(?:_[a-z0-9]+){3,})`/g)];
  const sources = readdirSync(join(root, 'src'), { recursive: true })
    .filter(path => path.endsWith('_test.c'))
    .map(path => read(join('src', path)))
    .join('\n');

  assert.ok(names.length >= 3);
  for (const [, name] of names) assert.ok(sources.includes(`static void ${name}(`), name);
});

test('every key of the configuration is in its page, and no page names one that is not', () => {
  const page = read('docs/configuration.md');
  const unknown = [];

  for (const key of configKeys) assert.ok(page.includes(`\n| \`${key}\` |`), key);
  for (const name of pages) {
    for (const [, word] of read(name).matchAll(
      /`(\w+_(?:max|timeout|grace|rate|file|path|algorithm|events|burst|leeway|issuer|audience))`/g,
    ))
      if (!configKeys.includes(word)) unknown.push(`${name}: ${word}`);
  }
  assert.deepEqual(unknown, []);
});

test('every metric is in the table of operations.md, with its kind and meaning', () => {
  const page = read('docs/operations.md');
  const metrics = rows('src/app/metrics.def', /^METRIC\((\w+), (\w+),\s*"([^"]*)"\)/gm);
  const shown = page.match(/^\| `rollcall_\w+` \| (gauge|counter) \|/gm) ?? [];

  assert.ok(metrics.length > 30);
  for (const [, name, kind, help] of metrics) {
    const row = `| \`rollcall_${name}${kind === 'counter' ? '_total' : ''}\` | ${kind} | ${help} |`;
    assert.ok(page.includes(row), `operations.md needs the line\n${row}`);
  }
  assert.equal(shown.length, metrics.length, 'operations.md has metrics that are no more');
});

test('the defaults of the limits in operations.md are those of the program', () => {
  const table = read('docs/operations.md').split('## Limits')[1];
  const defaults = new Map(
    rows('src/app/config.def', /^CONFIG_(?:TOPIC_)?KEY\((\w+), \w+, \w+, "([^"]*)"/gm).map(m => [
      m[1],
      m[2],
    ]),
  );
  const plain = text => text.replace(/[ ,]/g, '').replace(/atopic$/, '');

  for (const [, names, values] of table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|/gm)) {
    const shown = values.split(', ').map(plain);
    [...names.matchAll(/`(\w+)`/g)].forEach(([, name], i) =>
      assert.equal(shown[i], plain(defaults.get(name)), name),
    );
  }
});

test('what is shown as JSON is JSON', () => {
  for (const page of pages)
    for (const { info, lines, line } of fences(read(page))) {
      if (!info.startsWith('json')) continue;
      for (const [i, text] of lines.entries())
        assert.doesNotThrow(() => JSON.parse(text.replace(/^[<>] /, '')), `${page}:${line + i}`);
    }
});

/** Runs a block of shell as a reader would, in a folder of its own, against `server`. */
async function runBlock(t, lines, server) {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-docs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const script = lines
    .join('\n')
    .replaceAll('build/rollcall', program)
    .replaceAll('127.0.0.1:8080', server.origin);
  return exec('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...process.env, ROLLCALL_JWT_SECRET: SECRET },
  });
}

test('the commands of getting-started.md run, and print what it says', async t => {
  const server = await startServer(t);
  const blocks = fences(read('docs/getting-started.md'));
  let ran = 0;

  for (const [i, { info, lines, line }] of blocks.entries()) {
    if (info !== 'sh # test') continue;
    const { stdout } = await runBlock(t, lines, server);
    const next = blocks[i + 1];
    const shows = next && next.line - line < lines.length + 4 && /^(text|json)$/.test(next.info);
    if (shows) assert.equal(stdout.trimEnd(), next.lines.join('\n'), `getting-started.md:${line}`);
    assert.notEqual(stdout, '');
    ran++;
  }
  assert.ok(ran >= 4);
});

const RUNNERS = {
  sh: ['bash'],
  js: ['node', 'token.mjs'],
  python: ['python3', 'token.py'],
  php: ['php', 'token.php'],
  go: ['go', 'run', 'token.go'],
};

for (const { info, lines, line } of fences(read('docs/tokens.md'))) {
  const [language, what] = info.split(' ');
  if (what !== 'token') continue;
  test(`the token of tokens.md:${line}, ${language}, is believed`, async t => {
    const [command, ...args] = RUNNERS[language];
    const has = await exec('sh', ['-c', `command -v ${command}`]).catch(() => null);
    if (!has) return t.skip(`there is no ${command}`);
    const server = await startServer(t, { set: { jwt_secret: SECRET } });
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-docs-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    if (args.length) writeFileSync(join(folder, args.at(-1)), lines.join('\n'));
    const { stdout } = await (language === 'sh'
      ? runBlock(t, lines, server)
      : exec(command, args, {
          cwd: folder,
          env: { ...process.env, ROLLCALL_JWT_SECRET: SECRET, GOFLAGS: '-mod=mod', GOPROXY: 'off' },
        }));

    const socket = new WebSocket(`ws://${server.origin}/rollcall`, 'rollcall.v1');
    t.after(() => socket.terminate());
    socket.on('open', () => {
      socket.send(JSON.stringify(['hello', { token: stdout.trim() }]));
      socket.send('["join", 1, "post:1"]');
      socket.send('["join", 2, "team:1"]');
    });
    const said = [];
    await within(
      new Promise(done =>
        socket.on('message', data => {
          said.push(JSON.parse(data));
          if (said.length === 3) done();
        }),
      ),
      'three answers',
    );
    assert.equal(said[0][1].key, '7');
    assert.equal(said.find(m => m[1] === 1)[0], 'joined');
    assert.equal(said.find(m => m[1] === 2)[2], 'forbidden');
  });
}

/** One actor of the story: what it was told and nobody looked at yet, in order. */
class Actor {
  constructor(server) {
    this.heard = [];
    this.waiting = null;
    this.socket = new WebSocket(`ws://${server.origin}/rollcall`, 'rollcall.v1');
    this.socket.on('message', data => {
      this.heard.push(JSON.parse(data));
      this.waiting?.();
    });
    this.open = new Promise((done, fail) => this.socket.on('open', done).on('error', fail));
  }

  async say(text) {
    await this.open;
    this.socket.send(text);
  }

  async next(what) {
    while (!this.heard.length)
      await within(new Promise(done => (this.waiting = done)), `an answer to ${what}`);
    return this.heard.shift();
  }

  /** Says a message and waits for the answer that carries its ref. */
  async call(message) {
    await this.say(JSON.stringify(message));
    for (;;) {
      const answer = await this.next(JSON.stringify(message));
      if (message[0] === 'hello' || answer[1] === message[1]) return answer;
    }
  }
}

/** What differs from run to run: the node's part of refs, and ids that the server made. */
const comparable = message => {
  const { key, visitor, ...facts } = message[0] === 'welcome' ? message[1] : {};
  if (visitor) return ['welcome', facts];
  return JSON.parse(JSON.stringify(message).replace(/"[\w-]{6}(AA[\w-]{6})"/g, '"ref $1"'));
};

test('the story of protocol/native.md is what happens', async t => {
  const server = await startServer(t, { workers: 1, set: { client_events: true } });
  const actors = [];
  t.after(() => actors.forEach(actor => actor.socket.terminate()));
  const enter = () => actors[actors.push(new Actor(server)) - 1];
  const bob = enter();
  await bob.call(['hello', { visitor: 'bob' }]);
  const ann = enter();
  let played = 0;

  for (const { info, lines, line, comment } of fences(read('docs/protocol/native.md'))) {
    const play = /^<!-- play(.*) -->$/.exec(comment);
    if (info !== 'json' || !play) continue;
    const aside = play[1].includes('new connection');
    const actor = aside ? enter() : ann;
    const others = (play[1].split('bob: ')[1] ?? '').match(/\[.*?\](?= \[|$)/g) ?? [];
    if (play[1].includes('stops')) server.signal('SIGTERM');

    for (const [i, text] of lines.entries()) {
      const where = `native.md:${line + i}`;
      if (text.startsWith('> ')) {
        await actor.say(text.slice(2));
        continue;
      }
      if (others.length) await bob.call(JSON.parse(others.shift()));
      const said = await actor.next(where);
      assert.deepEqual(comparable(said), comparable(JSON.parse(text.slice(2))), where);
    }
    assert.deepEqual(actor.heard, [], `native.md:${line}: more was said than is shown`);
    played++;
  }
  assert.ok(played > 10);
  actors.forEach(actor => actor.socket.terminate());
  await server.exited; // the story ends with its stop
});
