/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one thread with one event loop: owns its sessions, its audiences, and the topics whose
 * home it is.
 *
 * Only the files of app/ that run inside a worker's turn look into the struct, and only on its own
 * thread.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/audience.h"
#include "app/auth.h"
#include "app/config.h"
#include "app/mailbox.h"
#include "app/metrics.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "core/hub.h"
#include "net/listener.h"
#include "net/loop.h"
#include "wire/http1.h"

struct cluster;
struct clustering;
struct worker;

enum { OUTAGE_TEXT_MAX = 80 };

/* What all workers share, read-only but for the atomics. */
struct node {
    const struct config *config;
    const struct auth *auth;
    struct session_limits limits;
    struct http_limits http_limits;
    struct hash_seed seed;
    uint32_t id; /* random per start */
    uint16_t workers_len;
    struct worker **workers;
    _Atomic uint32_t sessions;     /* open now */
    struct clustering *clustering; /* NULL: this node is alone */
};

struct worker {
    struct node *node;
    struct loop *loop;
    struct mailbox mailbox;
    struct batch *out;    /* letters of this turn, by worker; its own among them */
    struct batch answers; /* to those who came this turn and want the list */
    struct hub hub;
    struct cluster *cluster; /* NULL: this node is alone */
    uint64_t cluster_ms;     /* its next tick */
    bool degraded;           /* what this worker told the others of its own part */
    char degraded_why[OUTAGE_TEXT_MAX];
    uint16_t outages;     /* workers of this node that are degraded */
    struct outage outage; /* since the first of them was */
    char outage_why[OUTAGE_TEXT_MAX];
    struct wheel wheel; /* deadlines of sessions */
    struct pool sessions, subscriptions, inquiries;
    struct audiences audiences;
    struct listener **listeners;
    size_t listeners_len;
    struct http1 *spare; /* a request parser that nobody uses, or NULL */
    struct buf scratch;  /* for encoding; empty between uses */
    struct metrics metrics;
    struct published_metrics published;
    uint64_t now_ms;   /* loop_now_ms() of this turn */
    int64_t unix_s;    /* wall clock, likewise */
    uint64_t visitors; /* nameless sessions so far */
    uint16_t index;

    /* Stopping. */
    bool stopping;
    uint64_t stop_at_ms; /* whoever is left then is cut off */
    uint64_t next_close_ms;
    uint32_t close_batch;
    uint32_t close_slot;
};

/* A worker whose loop exists but does not run yet. */
NODISCARD struct worker *worker_new(struct node *node, uint16_t index);
/* Listens there from the first turn on. False, with a line in `error`, if it cannot. */
NODISCARD bool worker_listen(struct worker *w, const struct listen_address *a, struct buf *error);
void worker_free(struct worker *w);

/* One turn, which sleeps until there is something to do. */
void worker_turn(struct worker *w);
/* Runs turns until a LETTER_STOP was handled and every session is closed. */
void worker_run(struct worker *w);

/* Takes over the loop's time. The loop's callbacks do it first, since the worker may have slept
 * long. */
void worker_read_clock(struct worker *w);

/* Which worker is the home of a topic with this hash. */
static inline uint16_t worker_home(const struct worker *w, uint64_t hash)
{
    return (uint16_t)((hash >> 32) % w->node->workers_len);
}

/* Sends a letter at the end of the turn, or sooner to the worker itself. Takes it over. */
static inline void worker_post(struct worker *w, uint16_t to, struct letter *l)
{
    l->from = w->index;
    batch_add(&w->out[to], l);
}

#endif
