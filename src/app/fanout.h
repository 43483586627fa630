/* SPDX-License-Identifier: MIT */
/*
 * fanout.h - the way out: a blob for an audience goes to each of its subscribers.
 *
 * Stage 7 (docs/architecture.md): BLOB -> EVERY SUBSCRIBER. It only queues; conns_write() sends at
 * the end of the turn. Whoever's socket is full is marked behind instead and gets a fresh state
 * when it drains, so a slow reader costs nobody (promise 4). Events have no state to catch up with;
 * they queue up to queue_bytes_max.
 */
#ifndef APP_FANOUT_H
#define APP_FANOUT_H

#include "app/worker.h"

/* LETTER_ANNOUNCE: counts and diffs. */
void fanout_announce(struct worker *w, const struct letter_announce *in);
/* LETTER_EVENT: relayed events. */
void fanout_event(struct worker *w, const struct letter_announce *in);
/* LETTER_STATE: what a subscriber that was behind asked for. */
void fanout_state(struct worker *w, const struct letter *l);

#endif
