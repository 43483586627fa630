// SPDX-License-Identifier: MIT
//
// cdp.mjs - Chromium without Playwright, for what only a plain browser does: pages that are hidden
// behind another tab, and frozen. (Playwright keeps all of its pages visible.)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { FLAGS } from './browser.mjs';
import { until } from './server.mjs';

/** A running browser: `tab(url)` opens a page in front of the others (`{background: true}`: behind), `close()` ends it. */
export async function startPlainBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'rollcall-chromium-'));
  const child = spawn(
    process.env.CHROMIUM ?? '/usr/bin/chromium',
    [...FLAGS, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const [, address] = await until(() => /DevTools listening on (ws:\S+)/.exec(said), {
    timeout: 30_000,
    describe: () => said,
  });
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map();
  let last = 0;
  socket.on('message', (data) => {
    const { id, result, error } = JSON.parse(data);
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  });
  const send = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    });

  return {
    async tab(url, options = {}) {
      const { targetId } = await send('Target.createTarget', { url, ...options });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      return {
        /** Puts it in front, which hides the others. */
        show: () => send('Target.activateTarget', { targetId }),
        state: (state) => send('Page.setWebLifecycleState', { state }, sessionId),
        async evaluate(expression) {
          const { result } = await send(
            'Runtime.evaluate',
            { expression, returnByValue: true, awaitPromise: true },
            sessionId,
          );
          return result.value;
        },
      };
    },
    async close() {
      const exited = once(child, 'exit');
      await send('Browser.close').catch(() => {});
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
