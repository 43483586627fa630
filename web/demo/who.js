// SPDX-License-Identifier: MIT
//
// who.js - a page that shows who is here by name, and who is typing.
//
// Joins in mode "list" with a meta `{name, typing}` and keeps a map of presences, which the state
// begins and diffs change. Several presences of one key are one person. What others write into
// their metas is only ever shown as text.

import { CountView, showCommand, showHint } from './count.js';
import { Live } from './live.js';

const TYPING_MS = 2000;
const NAME_MAX = 30;

const element = document.querySelector('[data-topic]');
const people = document.querySelector('[data-part=list]');
const alone = document.querySelector('[data-part=alone]');
const nameField = document.querySelector('#name');
const noteField = document.querySelector('#note');

/** One entry per person: `{key, name, typing, tabs}`, oneself first, then by name. */
function persons(presences, self) {
  const byKey = new Map();
  for (const [, key, meta] of presences.values()) {
    const person = byKey.get(key) ?? { key, name: '', typing: false, tabs: 0 };
    if (typeof meta?.name === 'string') person.name = meta.name.slice(0, NAME_MAX);
    person.typing ||= meta?.typing === true;
    person.tabs++;
    byKey.set(key, person);
  }
  return [...byKey.values()].sort(
    (a, b) => (b.key === self) - (a.key === self) || a.name.localeCompare(b.name),
  );
}

function span(className, text) {
  const made = document.createElement('span');
  made.className = className;
  made.textContent = text;
  return made;
}

function item(person, self) {
  const made = document.createElement('li');
  const notes = [];
  if (person.key === self) notes.push('you');
  if (person.tabs > 1) notes.push(`${person.tabs} tabs`);
  made.append(span('name', person.name || 'someone'));
  if (notes.length) made.append(' ', span('note', `(${notes.join(', ')})`));
  if (person.typing) made.append(' ', span('typing', 'is typing…'));
  return made;
}

class ListView extends CountView {
  #presences = new Map();

  state(presences) {
    this.#presences = new Map(presences.map((p) => [p[0], p]));
    this.#draw();
  }

  diff(joined, left, updated) {
    for (const ref of left) this.#presences.delete(ref);
    for (const p of [...joined, ...updated]) this.#presences.set(p[0], p);
    this.#draw();
  }

  // The state is that of the last announcement; as long as it lacks ourselves the diff that
  // completes it is on its way, and drawing it would be a blink.
  #draw() {
    const all = persons(this.#presences, live.key);
    if (!all.some((person) => person.key === live.key)) return;
    people.replaceChildren(...all.map((person) => item(person, live.key)));
    alone.hidden = all.length !== 1;
  }
}

function suggestName() {
  const first = ['Quiet', 'Early', 'Curious', 'Gentle', 'Brisk', 'Amber', 'Northern', 'Patient'];
  const second = ['Heron', 'Otter', 'Lynx', 'Sparrow', 'Maple', 'Harbour', 'Comet', 'Fern'];
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  return `${pick(first)} ${pick(second)}`;
}

function loadName() {
  try {
    const name = localStorage.getItem('rollcall-name') || suggestName();
    localStorage.setItem('rollcall-name', name);
    return name;
  } catch {
    return suggestName();
  }
}

function storeName(name) {
  try {
    localStorage.setItem('rollcall-name', name);
  } catch {
    // It lasts as long as the page, then.
  }
}

const meta = { name: loadName(), typing: false };
const live = new Live();
let typingTimer = 0;

showHint(live, document.querySelector('[data-part=hint]'));
const update = live.join(element.dataset.topic, new ListView(element), {
  mode: 'list',
  meta: { ...meta },
});

function setTyping(typing) {
  clearTimeout(typingTimer);
  if (typing) typingTimer = setTimeout(() => setTyping(false), TYPING_MS);
  if (meta.typing === typing) return;
  meta.typing = typing;
  update({ ...meta });
}

nameField.value = meta.name;
nameField.addEventListener('change', () => {
  meta.name = nameField.value.trim().slice(0, NAME_MAX) || suggestName();
  nameField.value = meta.name;
  storeName(meta.name);
  update({ ...meta });
});
noteField.addEventListener('input', () => setTyping(noteField.value !== ''));
noteField.addEventListener('blur', () => setTyping(false));
document.querySelector('form').addEventListener('submit', (event) => event.preventDefault());
showCommand(document.querySelector('[data-part=command]'));
