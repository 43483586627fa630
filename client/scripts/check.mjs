// SPDX-License-Identifier: MIT
//
// check.mjs - what stands in dist/ is a good package: what each use of it costs (min+gzip), that
// publint and arethetypeswrong find nothing, that Node can import and require it, and that it
// touches nothing when it does.
//
// usage: node scripts/check.mjs

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { readFileSync, readdirSync } from 'node:fs';
import { build } from 'esbuild';
import { minify } from 'terser';
import { minifyOptions } from './minify.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
let passed = 0;
let failed = 0;

function report(good, what) {
  console.log(`${good ? 'ok' : 'FAILED'}: ${what}`);
  if (good) passed++;
  else failed++;
}

// In bytes. React is its user's own.
const BUDGETS = [
  ['core', `export * from 'rollcall-client'`, 2048],
  [
    'core + React hooks',
    `export { LiveCountProvider, useLiveCount, useLiveCountStatus, usePresence } from 'rollcall-client/react'`,
    2867,
  ],
  ['core + <ViewerCount>', `export { ViewerCount } from 'rollcall-client/react'`, 3100],
  ['core + all of React', `export * from 'rollcall-client/react'`, 3600],
  ['element', `import 'rollcall-client/element'`, 3480],
];

async function checkSizes() {
  for (const [name, contents, budget] of BUDGETS) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2020',
      charset: 'utf8',
      legalComments: 'none',
      external: ['react'],
      write: false,
    });
    const { code } = await minify(outputFiles[0].text, minifyOptions());
    const size = gzipSync(code, { level: 9 }).length;
    report(size <= budget, `${name}: ${size} of ${budget} bytes`);
  }
}

async function checkPublint() {
  const { publint } = await import('publint');
  const { messages } = await publint({ pkgDir: root, strict: true, pack: false });
  for (const message of messages) console.log(message);
  report(messages.length === 0, 'publint');
}

function run(what, command, ...args) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    report(true, what);
  } catch (error) {
    console.log(error.stdout, error.stderr);
    report(false, what);
  }
}

/** What `attw --profile node16` says: types for each way to import each entry. */
async function checkTypes() {
  const { checkPackage, Package } = await import('@arethetypeswrong/core');
  const { name, version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const paths = ['package.json', ...readdirSync(`${root}dist`).map((file) => `dist/${file}`)];
  const files = Object.fromEntries(
    paths.map((path) => [`/node_modules/${name}/${path}`, readFileSync(root + path, 'utf8')]),
  );
  const { problems = [] } = await checkPackage(new Package(files, name, version));
  const bad = problems.filter(({ resolutionKind }) => resolutionKind !== 'node10');
  for (const problem of bad) console.log(problem);
  report(bad.length === 0, 'arethetypeswrong');
}

// A server has none of the browser's globals; importing must not miss them, nor leave anything.
const TOUCHES_NOTHING = `
  const before = Object.getOwnPropertyNames(globalThis).length;
  const names = ['rollcall-client', 'rollcall-client/react', 'rollcall-client/element', 'rollcall-client/server'];
  const done = (modules) => {
    if (modules.some((m) => Object.keys(m).length === 0)) throw new Error('no exports');
    const { createClient, getClient } = modules[0];
    if (createClient().get('a').count !== null || getClient() !== getClient()) throw new Error('core');
    const left = Object.getOwnPropertyNames(globalThis).length;
    if (left !== before) throw new Error('something is left');
  };`;

await checkSizes();
await checkPublint();
await checkTypes();
run(
  'import in Node',
  process.execPath,
  '--input-type=module',
  '--eval',
  `${TOUCHES_NOTHING} done(await Promise.all(names.map((name) => import(name))));`,
);
run(
  'require in Node',
  process.execPath,
  '--input-type=commonjs',
  '--eval',
  `${TOUCHES_NOTHING} done(names.map((name) => require(name)));`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
