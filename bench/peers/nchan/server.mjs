// SPDX-License-Identifier: MIT
//
// nchan holds the connections; this small app behind it checks tokens, counts, and publishes each change to the room's
// channel, by the hooks that nchan's documentation gives for that.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { createServer as createListener } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import jwt from 'jsonwebtoken';

const secret = process.env.BENCH_SECRET;
const rooms = new Map();
// One connection, so that numbers are published in their order.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let nginxPort;

function publish(room, type) {
  const message = JSON.stringify({ type, viewers: rooms.get(room) });
  const options = { agent, port: nginxPort, path: `/publish/${room}`, method: 'POST' };
  const post = request(options, answer => answer.resume());
  post.on('error', error => console.error(error.message));
  post.end(message);
}

const actions = {
  '/authorize': (_, token, answer) => {
    try {
      jwt.verify(token, secret, { algorithms: ['HS256'] });
      answer.writeHead(204);
    } catch {
      answer.writeHead(403);
    }
  },
  '/joined': room => {
    rooms.set(room, (rooms.get(room) ?? 0) + 1);
    publish(room, 'viewer_joined');
  },
  '/left': room => {
    rooms.set(room, rooms.get(room) - 1);
    if (rooms.get(room)) publish(room, 'viewer_left');
    else rooms.delete(room);
  },
};

const app = createServer((question, answer) => {
  const url = new URL(question.url, 'http://app');
  actions[url.pathname]?.(url.searchParams.get('room'), url.searchParams.get('token'), answer);
  answer.end();
});
app.keepAliveTimeout = 0;

const listening = server =>
  new Promise(resolve => server.listen({ port: 0, host: '127.0.0.1' }, () => resolve(server.address().port)));

async function freePort() {
  const server = createListener();
  const port = await listening(server);
  await new Promise(resolve => server.close(resolve));
  return port;
}

// The worker, which answers, starts after the master listens.
async function answers(port) {
  for (let tries = 0; tries < 100; tries++) {
    const ok = await fetch(`http://127.0.0.1:${port}/publish/0`).then(() => true, () => false);
    if (ok) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error('nginx does not answer');
}

const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-nchan-'));
const appPort = await listening(app);
nginxPort = await freePort();
const template = readFileSync(fileURLToPath(new URL('nginx.conf.in', import.meta.url)), 'utf8');
const values = { FOLDER: folder, PORT: nginxPort, APP_PORT: appPort };
writeFileSync(join(folder, 'nginx.conf'), template.replace(/@(\w+)@/g, (_, name) => values[name]));
const nginx = spawn('nginx', ['-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'inherit', 'inherit'] });
nginx.on('exit', code => process.exit(code ?? 1));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGTERM', () => nginx.kill('SIGTERM'));
await answers(nginxPort);
console.log(`listening on http://127.0.0.1:${nginxPort}/`);
