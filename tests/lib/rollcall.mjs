// SPDX-License-Identifier: MIT
//
// rollcall.mjs - a server that belongs to one test: configured by text, looked into by HTTP, stopped with the test,
// and held to an orderly end.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as base from './server.mjs';
import { becomes } from './wait.mjs';

class Rollcall {
  constructor(started, folder) {
    this.started = started;
    this.folder = folder;
    this.clients = new Set(); // what has terminate(), to be gone before the server stops
    this.pid = started.pid;
    this.port = started.port;
    this.origin = `127.0.0.1:${started.port}`;
  }

  get stderr() {
    return this.started.stderr;
  }

  get(path, options) {
    return fetch(`http://${this.origin}${path}`, options);
  }

  /** {viewers, people} of a topic, as a backend sees them. */
  async counts(topic) {
    // A connection each: one that is kept may be closed by the server just when it is used again.
    const path = `/api/v1/topics/${encodeURIComponent(topic)}`;
    const answer = await this.get(path, { headers: { connection: 'close' } });
    const { viewers, people } = await answer.json();
    return { viewers, people };
  }

  /** The metrics without their prefix: {sessions: 1, ...}. The question itself is a session. */
  async metrics() {
    const answer = await this.get('/metrics', { headers: { connection: 'close' } });
    const lines = (await answer.text()).matchAll(/^rollcall_(\w+?)(?:_total)? (\d+)$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
  }

  /** Waits until this many presences may come back. */
  absent(wanted) {
    return becomes(async () => (await this.metrics()).absent, wanted);
  }

  signal(name) {
    process.kill(this.pid, name);
  }

  /** How it ended: {code, signal}. */
  get exited() {
    return this.started.exited;
  }

  /** Ends it at once, as a crash would. */
  async kill() {
    this.stopped = true;
    await this.started.kill();
    this.#clear();
  }

  /** Ends it in order: it must exit with 0 and have nothing to complain of. */
  async stop() {
    if (this.stopped) return;
    this.stopped = true;
    for (const client of this.clients) client.terminate();
    try {
      await this.started.stop();
      const { code } = await this.exited;
      assert.equal(code, 0, this.stderr);
      assert.doesNotMatch(this.stderr, /Sanitizer|runtime error|\berror:/);
    } finally {
      this.#clear();
    }
  }

  #clear() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * A server that stops with the test `t`. `config`: the text of a configuration file; `set`: keys for --set;
 * `flags`: more of the command line; `workers`, `port`, `env` as they say.
 */
export async function startServer(t, options = {}) {
  const { config = '', set = {}, flags = [], workers = 2, port = 0, env = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  const file = join(folder, 'rollcall.conf');
  writeFileSync(file, config);
  const args = ['--config', file, '--workers', String(workers)];
  for (const [key, value] of Object.entries(set)) args.push('--set', `${key}=${value}`);
  const started = await base.startServer({ args: [...args, ...flags], env, port });
  const server = new Rollcall(started, folder);
  t.after(() => server.stop());
  return server;
}
