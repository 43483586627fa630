/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - many timers in constant time, embedded in what they belong to.
 *
 * A hashed wheel: a timer lies in slot (tick mod slots) and is looked at once a round. A timer
 * never fires early, and at most one tick late by the time that is given. Knows no clock: `now_ms`
 * is an argument and never goes back.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum { WHEEL_SLOTS = 1024 };

/* Zeroed: not set. Private, but embedded by its owner. */
struct wheel_timer {
    struct wheel_timer *prev, *next;
    uint64_t tick;
};

struct wheel {
    struct wheel_timer slots[WHEEL_SLOTS]; /* list heads */
    struct wheel_timer due;                /* the slot being looked at */
    uint64_t filled[WHEEL_SLOTS / 64];     /* a bit per slot that may hold timers */
    uint64_t cursor;                       /* the last tick looked at */
    uint32_t tick_ms;
    uint32_t live;
};

void wheel_init(struct wheel *w, uint32_t tick_ms, uint64_t now_ms);
/* Fires at `at_ms`, or at the next tick if that is past. A timer that was set is moved. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t at_ms);
/* Not set any more; harmless if it was not. */
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
/* A timer that is due, no longer set, or NULL. Call until NULL. */
struct wheel_timer *wheel_pop(struct wheel *w, uint64_t now_ms);
/* When wheel_pop() should be called next: never later than the first timer, perhaps earlier;
 * UINT64_MAX for none. */
uint64_t wheel_next_ms(struct wheel *w);

static inline bool wheel_is_set(const struct wheel_timer *t)
{
    return t->next != NULL;
}

#endif
