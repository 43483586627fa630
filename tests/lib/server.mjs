// SPDX-License-Identifier: MIT
//
// server.mjs - a Rollcall of one's own: started on a free port of the loopback, ended by its pid.
//
// The program is build/rollcall, or the one that the variable ROLLCALL names. Its standard error is
// kept and shown when a wait fails; nothing is shared between tests.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = process.env.ROLLCALL ?? `${root}build/rollcall`;

const START_MS = 20_000; // a sanitized program on a busy machine
const STOP_MS = 20_000;

/** A promise of `ms` later. */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until `probe()` gives something true, and returns that; asks every `every` ms. Fails after
 * `timeout` ms with what `describe()` says.
 */
export async function until(probe, { timeout = 10_000, every = 20, describe = () => '' } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) {
      throw new Error(`not within ${timeout} ms: ${probe} ${await describe()}`);
    }
    await sleep(every);
  }
}

/**
 * Starts `rollcall serve` and waits for the port that it prints.
 *
 * `args` come behind `serve --listen 127.0.0.1:PORT`; `port` 0 lets it choose one; `env` is added
 * to the environment.
 */
export async function startServer({ args = [], env = {}, port = 0 } = {}) {
  const child = spawn(program, ['serve', '--listen', `127.0.0.1:${port}`, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
  });
  const server = { pid: child.pid, child, exited, stdout: '', stderr: '' };
  // Left behind by a test that ended early, it would outlive the runner.
  const last = () => child.kill('SIGKILL');
  process.once('exit', last);
  exited.then(() => process.off('exit', last));
  child.stdout.setEncoding('utf8').on('data', (text) => (server.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (server.stderr += text));

  const line = /listening on (http:\/\/127\.0\.0\.1:(\d+))\//;
  const found = await Promise.race([
    until(() => line.exec(server.stdout) ?? child.exitCode !== null, {
      timeout: START_MS,
      describe: () => `\n${server.stdout}${server.stderr}`,
    }),
    exited,
  ]);
  if (!Array.isArray(found)) {
    throw new Error(`${program} ended at once: ${JSON.stringify(found)}\n${server.stderr}`);
  }
  server.url = found[1];
  server.ws = found[1].replace('http', 'ws');
  server.port = Number(found[2]);

  /** `{topic, viewers, people}` of a topic now, as a backend would ask. */
  server.counts = async (topic) => {
    const answer = await fetch(`${server.url}/api/v1/topics/${encodeURIComponent(topic)}`);
    return answer.json();
  };
  /** Sends a signal and waits for the end: `{code, signal}`. */
  server.kill = async (signal = 'SIGKILL') => {
    child.kill(signal);
    return exited;
  };
  /** A clean stop; fails if the program does not end in time or not with 0. */
  server.stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const { code, signal } = await exited;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`rollcall ended with ${code ?? signal}\n${server.stderr}`);
  };
  return server;
}

/** Runs the program to its end: `{code, stdout, stderr}`. */
export async function run(args, { env = {} } = {}) {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (result.stderr += text));
  [result.code] = await once(child, 'close');
  return result;
}
