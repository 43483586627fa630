/* SPDX-License-Identifier: MIT */
#include "times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_BITS = 7 };

struct times *times_new(void)
{
    struct times *t = calloc(1, sizeof(*t));

    if (!t) {
        perror("times");
        exit(3);
    }
    return t;
}

void times_free(struct times *t)
{
    free(t);
}

void times_clear(struct times *t)
{
    memset(t, 0, sizeof(*t));
}

/* Below 128 ns a bucket is 1 ns wide, below 256 too, below 512 it is 2 ns, and so on. */
static uint32_t bucket_of(uint64_t ns)
{
    if (ns < TIMES_STEPS)
        return (uint32_t)ns;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(ns) - STEP_BITS;
    uint64_t bucket = (shift + 1) * (uint64_t)TIMES_STEPS + (ns >> shift) - TIMES_STEPS;
    return bucket < TIMES_BUCKETS ? (uint32_t)bucket : TIMES_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t time_of(uint32_t bucket)
{
    if (bucket < TIMES_STEPS)
        return bucket;
    uint32_t shift = bucket / TIMES_STEPS - 1;
    uint64_t low = (uint64_t)(bucket % TIMES_STEPS + TIMES_STEPS) << shift;
    return low + (((uint64_t)1 << shift) >> 1);
}

void times_add(struct times *t, uint64_t ns)
{
    t->counts[bucket_of(ns)]++;
    t->len++;
    if (ns > t->max_ns)
        t->max_ns = ns;
}

void times_merge(struct times *t, const struct times *from)
{
    for (uint32_t i = 0; i < TIMES_BUCKETS; i++)
        t->counts[i] += from->counts[i];
    t->len += from->len;
    if (from->max_ns > t->max_ns)
        t->max_ns = from->max_ns;
}

uint64_t times_at(const struct times *t, double part)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)t->len * part);

    if (wanted >= t->len)
        return t->max_ns;
    for (uint32_t i = 0; i < TIMES_BUCKETS; i++) {
        seen += t->counts[i];
        if (seen > wanted)
            return time_of(i) < t->max_ns ? time_of(i) : t->max_ns;
    }
    return t->max_ns;
}
