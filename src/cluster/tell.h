/* SPDX-License-Identifier: MIT */
/*
 * tell.h - writes this node's share of a topic: what changed, or all of it.
 */
#ifndef CLUSTER_TELL_H
#define CLUSTER_TELL_H

#include "cluster/cluster.h"
#include "cluster/interest.h"

/* What changed of the node's own presences. False if it could not be written; then all must be. */
bool tell_change(struct cluster *c, struct interest *i, const struct diff *d);
/* All own presences that audiences know of. False if the bus did not take it. */
bool tell_whole(struct cluster *c, struct interest *i);

#endif
