/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - messages between workers: to a topic's home, and back to the workers that have its
 * audiences.
 *
 * Stage 4's way to the home and stage 7's way back (docs/architecture.md). What a worker posts in a
 * turn leaves at its end as one batch per worker, pushed with one atomic exchange and at most one
 * wake-up; letters of one sender arrive in the order in which they were posted. A worker's letters
 * to itself take the same way without the atomics.
 *
 * No locks. A letter belongs to its sender until it is posted, then to the mailbox, then to the
 * receiver, who frees it with letter_free().
 */
#ifndef APP_MAILBOX_H
#define APP_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/pool.h"
#include "core/hub.h"
#include "dialect/dialect.h"
#include "net/loop.h"

enum letter_kind {
    /* To a topic's home. */
    LETTER_JOIN,
    LETTER_LEAVE,
    LETTER_UPDATE,
    LETTER_PUBLISH,
    LETTER_STATE_WANTED,
    LETTER_COUNTS_WANTED,
    LETTER_PAGE_WANTED,
    /* To a worker. */
    LETTER_JOINED,
    LETTER_ANNOUNCE,
    LETTER_EVENT,
    LETTER_STATE,
    LETTER_COUNTS,
    LETTER_PAGE,
    LETTER_OUTAGE,
    LETTER_STOP,
    LETTER_KINDS
};

/* The home's answer to a join. */
struct letter_joined {
    struct hub_joined joined;
    enum hub_result result;
    struct id subscription, audience; /* as in the join */
    uint64_t number;
    struct blob *state; /* one reference, or NULL */
    uint64_t until_ms;  /* the home waits for other nodes' numbers no longer */
    uint32_t node;
    uint8_t format;
};

/* What an audience is told; each blob is one reference or NULL. */
struct letter_announce {
    struct id audience;
    uint32_t seq;   /* of the topic, for subscribers who know the live number */
    bool late_only; /* only they need to be told: the number is what it was */
    struct blob *blobs[FORMATS_LEN];
};

/* A question for a topic's numbers, and its answer. */
struct letter_counts {
    struct id inquiry;
    uint32_t index; /* of the topic within it */
    uint32_t viewers, people;
    struct bytes topic;
    uint64_t hash;
    const struct topic_settings *settings; /* of a topic of this name */
    struct id visited;                     /* the topic that its home holds until the answer */
    uint64_t until_ms;                     /* the home waits for other nodes' numbers no longer */
};

/* A worker's part of the cluster is degraded, or is well again. */
struct letter_outage {
    int64_t since_ms; /* Unix time; 0: it is over */
    bool known;       /* only the reason is another */
    struct bytes why;
};

struct letter {
    struct letter *next;
    struct letter *next_batch; /* of the first letter of a batch */
    enum letter_kind kind;
    uint16_t from; /* the worker that sent it */
    union {
        struct hub_join join; /* its bytes point into `text` */
        struct hub_leave leave;
        struct {
            struct id presence;
            struct bytes meta;
        } update;
        struct {
            struct id topic;
            struct event event;
        } publish;
        struct {
            struct id topic, subscription;
            uint8_t format;
        } state_wanted;
        struct letter_joined joined;
        struct letter_announce announce; /* LETTER_EVENT too */
        struct {
            struct id subscription;
            struct blob *blob; /* one reference */
            uint32_t seq;      /* of the live number that it tells; 0 for a list */
        } state;
        struct letter_counts counts; /* LETTER_COUNTS_WANTED too */
        struct letter_outage outage;
        struct {
            struct id topic, subscription;
            struct page page;
            uint8_t format;
            struct blob *blob; /* one reference; only in LETTER_PAGE, NULL if the topic is gone */
        } page;                /* LETTER_PAGE_WANTED too */
    };
    char text[];
};

struct batch {
    struct letter *first, *last;
};

/* Where the letters for one worker arrive. */
struct mailbox {
    _Atomic(struct letter *) batches; /* newest first */
    struct loop *loop;                /* to wake */
};

/* A zeroed letter with room for `text_len` bytes in `text`. */
NODISCARD struct letter *letter_new(enum letter_kind kind, size_t text_len);
/* Also gives back the blobs it holds. */
void letter_free(struct letter *l);
/* Copies `data` to `*at`, which moves behind it, and returns the copy: for filling `text`. */
struct bytes letter_put(char **at, struct bytes data);

void batch_add(struct batch *b, struct letter *l);

/* Delivers a batch from any thread and empties it; wakes the receiver if it had nothing. */
void mailbox_deliver(struct mailbox *m, struct batch *b);
/* Everything that has arrived, oldest batch first, as one list linked by `next`; only for the
 * mailbox's worker. */
struct letter *mailbox_take(struct mailbox *m);

#endif
