// SPDX-License-Identifier: MIT
//
// redis.mjs - a Redis of one's own on a free port, which tests can stop, kill, empty and start again; and a proxy in
// front of it that can stop forwarding, as a network does that is parted.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep } from '../../lib/wait.mjs';

const run = promisify(execFile);

async function freePort() {
  const server = net.createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

class Redis {
  constructor(port, folder, args) {
    this.port = port;
    this.folder = folder;
    this.args = args;
    this.url = `redis://127.0.0.1:${port}`;
  }

  /** Starts it, empty, and waits until it answers. */
  async start() {
    const args = ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    const child = spawn('redis-server', [...args.map(String), ...this.args], { stdio: 'ignore' });
    const last = () => child.kill('SIGKILL');
    process.once('exit', last);
    this.child = child;
    this.ended = new Promise(resolve => child.once('exit', resolve));
    this.ended.then(() => process.off('exit', last));
    for (;;) {
      if (child.exitCode !== null) throw new Error('redis-server ended at once');
      if ((await this.cli('PING').catch(() => '')) === 'PONG') return this;
      await sleep(20);
    }
  }

  /** The answer of a command as redis-cli prints it where it is no terminal. */
  async cli(...args) {
    const secret = this.args.indexOf('--requirepass') + 1;
    const env = secret ? { ...process.env, REDISCLI_AUTH: this.args[secret] } : process.env;
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args.map(String)], { env });
    return stdout.trimEnd();
  }

  /** Every key there is, sorted. */
  async keys() {
    const text = await this.cli('KEYS', '*');
    return text ? text.split('\n').sort() : [];
  }

  signal(name) {
    this.child.kill(name);
  }

  /** As a crash: nothing was saved. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** A Redis that ends with the test; `args` are more of its command line. */
export async function startRedis(t, ...args) {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-redis-'));
  const redis = new Redis(await freePort(), folder, args);
  await redis.start();
  t.after(async () => {
    await redis.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  return redis;
}

/**
 * A way to `port` that can be cut: {url, cut(), heal(), renew()}. When it is healed, what was under way arrives; when it
 * is renewed, only new connections get through, and the old ones stay silent without an end.
 */
export async function startProxy(t, port) {
  const sockets = new Set();
  let whole = true;
  const set = (some = sockets) =>
    some.forEach(socket => (whole ? socket.resume() : socket.pause()));
  const server = net.createServer(near => {
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(from);
      from.on('data', data => to.write(data));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => (sockets.delete(from), to.destroy()));
    }
    set([near, far]);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    sockets.forEach(socket => socket.destroy());
  });
  return {
    url: `redis://127.0.0.1:${server.address().port}`,
    cut: () => ((whole = false), set()),
    heal: () => ((whole = true), set()),
    renew: () => (whole = true),
  };
}
