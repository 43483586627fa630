// SPDX-License-Identifier: MIT
//
// test.mjs - the tests that lie beside the modules, without a browser.
//
// usage: node scripts/test.mjs

import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}build/`;
const tests = readdirSync(`${root}src`).filter((name) => /_test\.tsx?$/.test(name));

rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: tests.map((name) => `${root}src/${name}`),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node18',
  external: ['react', 'react-dom'],
  sourcemap: 'inline',
});
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', ...readdirSync(out).map((f) => out + f)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
