/* SPDX-License-Identifier: MIT */
/*
 * lease.h - the keeper's part of a cluster: takes the node's lease, renews it, takes another when
 * it was lost, and reaps those of nodes that are gone.
 *
 * A new life is shown to the node's workers only when its lease is confirmed; else their writes
 * could arrive before it and be taken for a loss.
 */
#ifndef CLUSTER_LEASE_H
#define CLUSTER_LEASE_H

#include "cluster/cluster.h"

/* The lease that own shares were written under is lost and there is no other yet. */
bool lease_lost(const struct cluster *c);
/* Renews or takes it, when it is time. */
void lease_tick(struct cluster *c);
void lease_renewed(struct cluster *c, const struct bus_renewal *r);
/* A write under this life was refused. */
void lease_refused(struct cluster *c, struct life life);

#endif
