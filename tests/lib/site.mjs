// SPDX-License-Identifier: MIT
//
// site.mjs - a web site of one's own, which is not Rollcall: pages that use the client package, as
// its users' sites do. It listens on another port than the server, so another origin.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A file of tests/client/pages/ as a script for the browser, React in its development version. */
export async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [`${root}tests/client/pages/${name}`],
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** A page of HTML around `body`; `head` may have scripts. */
export const html = (body, head = '') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>` +
  `<link rel="icon" href="data:,">${head}</head><body>${body}</body></html>`;

/**
 * Starts a site that ends with the test `t`, or `before` and `after` of a file.
 *
 * `page(path, body, {type, headers})` puts something there; `body` may be a function of the request.
 * `requests` is the paths that were asked for.
 */
export async function startSite() {
  const pages = new Map();
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    const found = pages.get(path);
    requests.push(request.url);
    if (!found) return response.writeHead(404).end();
    const body = typeof found.body === 'function' ? await found.body(request) : found.body;
    response.writeHead(200, { 'content-type': found.type, ...found.headers }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    page(path, body, { type = 'text/html; charset=utf-8', headers = {} } = {}) {
      pages.set(path, { body, type, headers });
      return this.url + path;
    },
    script(path, body) {
      return this.page(path, body, { type: 'text/javascript; charset=utf-8' });
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
