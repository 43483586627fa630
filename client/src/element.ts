// SPDX-License-Identifier: MIT
//
// element.ts - importing it defines <live-count>, if no other copy of this code has.

import { define, LiveCountElement } from './live-count.js';

define();

export { LiveCountElement };
