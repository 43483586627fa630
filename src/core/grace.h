/* SPDX-License-Identifier: MIT */
/*
 * grace.h - those who went away and may come back as if nothing had happened.
 *
 * Two kinds of absent presences: held ones, whose connection broke, are counted until their grace
 * is over; left ones are not counted, but a return before the next announcement cancels the leave.
 * Both are found by topic and person. A person is what a token or a visitor id names; whoever has
 * neither cannot be known again and is never absent.
 *
 * No clock: the wheel of the tables says when a grace is over.
 */
#ifndef CORE_GRACE_H
#define CORE_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/bytes.h"
#include "base/wheel.h"
#include "core/topic.h"

struct absent {
    struct wheel_timer timer; /* not set for one that left */
    /* Those of one topic and person are a ring, held ones before left ones; only its first is in
     * the table, which would degrade with equal names. */
    struct absent *prev, *next;
    UT_hash_handle hh;
    struct presence *presence;
    bool first;
    uint32_t len; /* of what is hashed: topic, then person */
    uint32_t topic, topic_generation;
    char person[];
};

/* The presence, which is here or is leaving, has no session any more. With `until_ms` above 0 it is
 * held until then. `person` is copied: 1 to 1024 bytes. */
void grace_add(struct presence *p, struct bytes person, uint64_t until_ms);
/* An absent presence of this person in this topic, no longer absent, or NULL. Held ones are given
 * before those that left, which are not `here`. */
struct presence *grace_take(struct topic *t, struct bytes person);
/* Forgets that `p` may come back; `p` is not changed otherwise. Harmless if it is not absent. */
void grace_drop(struct presence *p);

#endif
