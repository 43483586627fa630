// SPDX-License-Identifier: MIT
//
// build.mjs - dist/ (ESM, CommonJS and types of each entry) and web/rollcall.js, the file that the
// server has at /rollcall.js.
//
// usage: node scripts/build.mjs           writes all of it
//        node scripts/build.mjs --check   writes dist/ only; fails if web/rollcall.js is not fresh
//
// Each entry is one file that shares the core with the others, so that two entries are one client.
// It is made small here, names that begin with `_` included, since an application's bundler leaves
// the names of properties alone.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';
import { minifyOptions } from './minify.mjs';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist/`;
const script = fileURLToPath(new URL('../../web/rollcall.js', import.meta.url));

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const LICENCE = `/*! rollcall-client ${version} | MIT */`;
const GENERATED = '/* Generated from client/ by `npm run build`: change that. */';

const ENTRIES = ['index', 'react', 'element', 'server'];
const FORMATS = { esm: 'js', cjs: 'cjs' };

/** Of other entries only the core is imported, from the file beside. */
const shareCore = (extension) => ({
  name: 'share-core',
  setup: (b) =>
    b.onResolve({ filter: /^\.\/client\.js$/ }, () => ({
      path: `./index.${extension}`,
      external: true,
    })),
});

const common = {
  bundle: true,
  charset: 'utf8',
  write: false,
  minify: true,
  target: 'es2020',
  mangleProps: /^_/,
  // The same short name for a property in each file, since they share objects.
  mangleCache: {},
};

async function bundle(entry, options) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [`${root}src/${entry}.ts`],
    ...options,
  });
  return outputFiles[0].text;
}

/** esbuild's output, smaller. */
async function shrink(code, { module = true, directive = '', note = '' } = {}) {
  const made = await minify(code, { ...minifyOptions(), module });
  return [directive, LICENCE, note, made.code, ''].filter((line, i) => line || i === 4).join('\n');
}

async function buildEntries() {
  for (const entry of ENTRIES)
    for (const [format, extension] of Object.entries(FORMATS)) {
      const code = await bundle(entry, {
        format,
        platform: entry === 'server' ? 'node' : 'neutral',
        external: ['react'],
        plugins: entry === 'index' ? [] : [shareCore(extension)],
      });
      const directive = entry === 'react' ? '"use client";' : '';
      const plain = code.replace('"use client";', '');
      writeFileSync(
        `${dist}${entry}.${extension}`,
        await shrink(plain, { module: format === 'esm', directive }),
      );
    }
}

/** Types for `import`, and the same for `require`. */
function buildTypes() {
  execFileSync(
    process.execPath,
    [
      require.resolve('typescript/bin/tsc'),
      ...['-p', `${root}tsconfig.json`, '--noEmit', 'false', '--declaration'],
      ...['--emitDeclarationOnly', '--stripInternal', '--outDir', dist],
    ],
    { stdio: 'inherit' },
  );
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.d.ts'))) {
    if (/_test\.|testing\.|^script\./.test(name)) {
      rmSync(dist + name);
      continue;
    }
    const text = readFileSync(dist + name, 'utf8').replace(/(from '\.\/[\w-]+)\.js'/g, "$1.cjs'");
    writeFileSync(dist + name.replace('.d.ts', '.d.cts'), text);
  }
}

async function buildScript() {
  const code = await bundle('script', { format: 'iife' });
  return shrink(code, { module: false, note: GENERATED });
}

const check = process.argv.includes('--check');
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
await buildEntries();
buildTypes();
const made = await buildScript();
writeFileSync(`${dist}rollcall.js`, made);
if (!check) writeFileSync(script, made);
else if (readFileSync(script, 'utf8') !== made) {
  console.error('web/rollcall.js is not what client/ makes of it; `npm run build -w client` writes it');
  process.exit(1);
}
