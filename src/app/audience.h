/* SPDX-License-Identifier: MIT */
/*
 * audience.h - the subscribers of one topic on one worker, packed for the fan-out.
 *
 * Stage 7 (docs/architecture.md) walks `subs`; everything else here keeps it dense. A subscription
 * is in its audience's `subs` from the home's answer to its end. One worker owns an audience.
 */
#ifndef APP_AUDIENCE_H
#define APP_AUDIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/bytes.h"
#include "base/pool.h"

struct session;

/* Pooled: other workers name it by id. */
struct subscription {
    struct session *session;
    struct subscription *next; /* of the session */
    struct audience *audience;
    void *data; /* the dialect's */
    struct id presence;
    uint32_t index; /* in the audience, once joined */
    uint32_t
        seen; /* the topic's seq of a live number that it was told; 0: only announcements since */
    uint8_t format;
    bool joined : 1;
    bool broken : 1; /* ended before it was answered (no session), with its connection; `data` is
                        the person */
    bool counted : 1;
    bool paging : 1; /* a part of the list was asked for and has not come yet */
    bool behind : 1; /* missed an announcement; gets a fresh state when the socket drains */
};

struct audience {
    struct subscription **subs;
    uint32_t len, cap;
    uint32_t refs;   /* subscriptions, joining ones too */
    struct id topic; /* the home's, once one has joined */
    uint64_t number; /* likewise */
    uint64_t hash;
    struct bytes name; /* owned */
    uint16_t home;
    UT_hash_handle hh;
};

struct audiences {
    struct pool pool;
    struct audience *by_name;
};

void audiences_init(struct audiences *all);
void audiences_release(struct audiences *all);

/* The audience of this name, made if need be, with one more reference. `hash` is the name's with
 * the node's seed. */
struct audience *audience_ref(struct audiences *all, struct bytes name, uint64_t hash);
/* One reference less; the last one frees. */
void audience_unref(struct audiences *all, struct audience *a);

/* The subscription is told about the topic from now on; or not any more. */
void audience_add(struct audience *a, struct subscription *sub);
void audience_remove(struct audience *a, struct subscription *sub);

#endif
