/* SPDX-License-Identifier: MIT */
/*
 * clustering.h - a worker's home as a part of the cluster; where no Redis is configured, nothing of
 * it exists.
 *
 * The first worker is the keeper of the node's lease. Topics are followed while somebody of this
 * node is in them or watches them; what their announcements change is told to the other nodes, and
 * what those tell becomes due like any other change.
 */
#ifndef APP_CLUSTERING_H
#define APP_CLUSTERING_H

#include "app/worker.h"
#include "base/buf.h"
#include "net/redis.h"

/* Where the configured server is; the texts are freed by redis_url_release(). False, with a line in
 * `error`, if `redis` or the password's file is wrong. */
NODISCARD bool clustering_address(const struct config *config, struct redis_address *out,
                                  struct buf *error);

/* Of the node: reads the address and what belongs to it. Does nothing without `redis`. False, with
 * a line in `error`, if it is wrong, or if Redis cannot be reached and `cluster_start` refuses
 * that. May take 5 seconds. */
NODISCARD bool clustering_init(struct node *n, struct buf *error);
void clustering_release(struct node *n);

/* Of a worker. */
void clustering_open(struct worker *w);
void clustering_close(struct worker *w);
/* Once a turn: connections, leases, what is still to be told or read. */
void clustering_tick(struct worker *w);
/* A worker of this node, perhaps this one, tells that its part is degraded or well again: the
 * sessions are told when the first begins and the last ends. */
void clustering_outage(struct worker *w, const struct letter_outage *in);
/* When it should be called next. */
uint64_t clustering_next_ms(const struct worker *w);
/* Its figures, into the worker's metrics. */
void clustering_count(struct worker *w);
/* After the announcements: lets go of topics that nobody of this node needs. */
void clustering_forget_idle(struct worker *w);
/* The node stops: its shares are removed. Runs turns for a moment. */
void clustering_leave(struct worker *w);

#endif
