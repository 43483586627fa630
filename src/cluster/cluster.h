/* SPDX-License-Identifier: MIT */
/*
 * cluster.h - one home's part in the cluster: tells the others its shares, and keeps theirs beside
 * its own.
 *
 * A topic that somebody of this node is in or watches is followed: its channel is subscribed, then
 * its shares are read, then what came in between is applied by (life, version). A gap in versions
 * means read again. What this node itself contributes is written once per announcement, and whole
 * again after anything that may have lost it: a new lease, a new connection, a write without an
 * answer. A topic is let go of only when the server has confirmed that nothing of this node is in
 * it. Redis is never the truth about this node's own presences.
 *
 * Each followed topic is checked every CHECK_EVERY_MS, versions and sizes only; whatever differs is
 * read or written again, so that what no message told is noticed too.
 *
 * No I/O of its own and no clock: a bus and `now_ms` are arguments, so many nodes can run in one
 * process from a seed. One worker owns a cluster, beside its hub.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "cluster/bus.h"
#include "core/hub.h"

enum { CHECK_EVERY_MS = 10000 };

/* What the workers of a node share about its membership. The keeper, one of them, renews the lease.
 */
struct membership {
    uint32_t node; /* random per process */
    uint32_t lease_ms;
    _Atomic uint32_t life;      /* number of the lease that is held; 0: none yet */
    _Atomic uint32_t lost;      /* number of the last lease that was refused */
    _Atomic uint64_t epoch;     /* of the server; other than before: it forgot everything */
    _Atomic uint64_t forgot_ms; /* when that was noticed; 0: never */
    _Atomic bool leaving;       /* the node stops: nothing is written any more */
};

struct cluster_counts {
    uint64_t writes, whole_writes, messages, reads, gaps, repairs;
};

struct cluster {
    struct membership *member;
    struct hub *hub;
    struct bus *bus;
    /* An event that another node relayed; `payload` is JSON text. */
    void (*on_event)(void *owner, struct topic *t, struct bytes name, struct bytes payload);
    void *owner;
    struct interest *interests;
    struct draft *draft; /* of tell.c */
    struct cluster_counts counts;
    uint32_t interests_len;
    uint32_t to_do;      /* interests that want a subscription, a read, a whole write, an end */
    uint32_t life;       /* that own shares were last written under */
    uint32_t connection; /* how often the bus came up */
    uint64_t versions;   /* the highest version of any own share that was let go of */
    uint64_t tickets;
    uint64_t now_ms;
    uint64_t degraded_since_ms; /* 0: the bus is up and the lease is held */
    uint64_t rest_ms;           /* until then nothing is asked: an answer was an error */
    uint64_t reread_ms;
    struct interest *check; /* the next to be checked */
    uint64_t checked_ms, check_credit;
    bool keeper;
    bool up;
    uint64_t renew_ms; /* the keeper's next renewal */
    uint32_t lives;    /* the keeper's: numbers that it has asked leases for */
    bool renewing;
    char why[80]; /* degraded */
};

extern const struct bus_handler cluster_bus_handler; /* its owner is the cluster */

/* `bus` is attached later, before the first tick. */
void cluster_init(struct cluster *c, struct membership *m, struct hub *hub, bool keeper);
/* Forgets all topics; the hub must be released afterwards. */
void cluster_release(struct cluster *c);

/* A topic begins to matter to this node. */
void cluster_follow(struct cluster *c, struct topic *t);
/* It does not any more (hub_idle()): unsubscribes and drops the other nodes' shares, now or as soon
 * as the server has confirmed that nothing of this node is left there. */
void cluster_forget(struct cluster *c, struct topic *t);
/* Before hub_announced(): tells the others what changed of this node's own. */
void cluster_tell(struct cluster *c, struct topic *t, const struct diff *d);

/* Relays an event to the other nodes; those that cannot be reached do not get it. */
void cluster_publish(struct cluster *c, const struct topic *t, struct bytes name,
                     struct bytes payload);

/* What has to be done from time to time; at least ten times a second. */
void cluster_tick(struct cluster *c, uint64_t now_ms);
/* All of this node's shares are to be removed now, and nothing is written any more; done when the
 * bus has nothing waiting. */
void cluster_leave(struct cluster *c);

/* Other nodes' shares are asked for, and will be known in a moment. */
bool cluster_settling(const struct cluster *c, const struct topic *t);

#endif
