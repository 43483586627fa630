// SPDX-License-Identifier: MIT
import { test } from 'node:test';
import { churn } from '../lib/churn.mjs';
import { startServer } from '../lib/rollcall.mjs';

test('after 20,000 random joins, leaves, refreshes, aborts and half-open clients every number is right', t =>
  churn(t, startServer, { operations: Number(process.env.LOAD_OPS ?? 20_000) }));
