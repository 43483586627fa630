// SPDX-License-Identifier: MIT
// The page of the native protocol and its test vectors tell the same story: every example in the page has the name and
// the shape of a message in the vectors, and every message in the vectors is named in the page.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const page = new URL('../../docs/protocol/native.md', import.meta.url);
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/native.json', import.meta.url), 'utf8'),
);

const typeOf = value => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

// "join(string, number, string, object)"
const shape = message => `${message[0]}(${message.map(typeOf).join(', ')})`;

const isMessage = message => Array.isArray(message) && typeof message[0] === 'string';

function messagesOfVectors() {
  const client = [];
  const server = [];
  for (const { given, when = [], client: asked, server: said } of vectors) {
    client.push(asked);
    for (const [what, message] of [...given, ...when]) if (what === 'client') client.push(message);
    server.push(...said);
  }
  return { '>': client.filter(isMessage), '<': server.filter(isMessage) };
}

// Lines such as `> ["ping"]` in fences of json.
function examplesOfPage(text) {
  const examples = [];
  let inside = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('```')) inside = !inside && line.startsWith('```json');
    const found = inside && /^([<>]) (\[.*)$/.exec(line);
    if (found) examples.push({ line: index + 1, from: found[1], message: JSON.parse(found[2]) });
  }
  return examples;
}

test('every case of the vectors has a name of its own', () => {
  const names = vectors.map(vector => vector.name);

  assert.equal(new Set(names).size, names.length);
});

test(
  'every example in the page has the shape of a message in the vectors',
  { skip: !existsSync(page) },
  () => {
    const known = messagesOfVectors();
    const examples = examplesOfPage(readFileSync(page, 'utf8'));

    assert.ok(examples.length > 0, 'the page has no examples');
    for (const { line, from, message } of examples) {
      const shapes = new Set(known[from].map(shape));
      assert.ok(
        shapes.has(shape(message)),
        `native.md:${line}: ${from} ${shape(message)} is not in the vectors`,
      );
    }
  },
);

test('every message in the vectors has an example in the page', { skip: !existsSync(page) }, () => {
  const known = messagesOfVectors();
  const examples = examplesOfPage(readFileSync(page, 'utf8'));

  // A client may send what nobody knows; the page need not show it.
  const unknown = new Set(['dance']);
  for (const from of ['>', '<']) {
    const shown = new Set(
      examples.filter(example => example.from === from).map(({ message }) => message[0]),
    );
    const missing = new Set(
      known[from].map(([name]) => name).filter(name => !shown.has(name) && !unknown.has(name)),
    );
    assert.deepEqual([...missing], [], `messages ${from} without an example`);
  }
});
