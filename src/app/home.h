/* SPDX-License-Identifier: MIT */
/*
 * home.h - a worker as the home of topics: takes their changes, announces them, encodes once for
 * the node.
 *
 * Stages 4 to 6 (docs/architecture.md): TOPIC CHANGE -> NET DIFF -> BLOB. Blobs leave as letters to
 * the workers that have an audience, this one among them; fanout.h is their end of the way.
 */
#ifndef APP_HOME_H
#define APP_HOME_H

#include "app/worker.h"

/* A letter to the home of a topic; takes it over. */
void home_receive(struct worker *w, struct letter *l);
/* Ends graces and windows that are over, and announces every topic that is due. */
void home_announce(struct worker *w);

/* Relays an event to every subscriber of this node. */
void home_relay(struct worker *w, struct topic *t, const struct event *e);

#endif
