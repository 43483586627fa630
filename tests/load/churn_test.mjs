// SPDX-License-Identifier: MIT
//
// For `make load`: the churn of tests/e2e against a program that was built with a sanitizer, which is slower by much.
import { test } from 'node:test';
import { churn } from '../lib/churn.mjs';
import { startServer } from '../lib/rollcall.mjs';

test('under random load a sanitizer finds nothing, every number is right, and nothing is left behind', t =>
  churn(t, startServer, {
    operations: Number(process.env.LOAD_OPS ?? 20_000),
    rounds: 2,
    patience: 3,
  }));
