// SPDX-License-Identifier: MIT
//
// script.ts - the file for a <script> tag, which a server has at /rollcall.js: the element, talking
// to the server that the script came from, and `rollcall.getClient` for pages without a bundler.

import { createClient, getClient } from './client.js';
import { define, LiveCountElement } from './live-count.js';

const script = document.currentScript as HTMLScriptElement | null;
if (script?.src) LiveCountElement.src = new URL('rollcall', script.src).href;
define();

Object.assign(globalThis, { rollcall: { createClient, getClient, LiveCountElement } });
