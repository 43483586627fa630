// SPDX-License-Identifier: MIT
//
// blog.js - the numbers of the list and of the articles: all of a page's topics on one connection.
//
// An element with `data-topic` shows that topic; with `data-join` its reader is counted in it, too.

import { CountView, showCommand, showHint } from './count.js';
import { Live } from './live.js';

const live = new Live();

showHint(live, document.querySelector('[data-part=hint]'));
for (const element of document.querySelectorAll('[data-topic]')) {
  const view = new CountView(element);
  if (element.hasAttribute('data-join')) live.join(element.dataset.topic, view);
  else live.watch(element.dataset.topic, view);
}
showCommand(document.querySelector('[data-part=command]'));
