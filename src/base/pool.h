/* SPDX-License-Identifier: MIT */
/*
 * pool.h - many objects of one size, found by an id that goes stale when the object goes.
 *
 * Across turns and workers objects are named by id, not by pointer: pool_get() of a stale id is
 * NULL, never another object. An object does not move while it lives. One owner; no locks.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/* All zero is no object. */
struct id {
    uint32_t slot, generation;
};

struct pool {
    char **chunks;
    uint32_t chunks_len;
    uint32_t item_size; /* with the header that precedes each object */
    uint32_t used;      /* slots ever handed out */
    uint32_t live;
    uint32_t free_slot; /* the newest freed, or POOL_NONE */
};

static inline bool id_equal(struct id a, struct id b)
{
    return a.slot == b.slot && a.generation == b.generation;
}

static inline bool id_is_none(struct id a)
{
    return a.generation == 0;
}

void pool_init(struct pool *p, size_t object_size);
/* Frees the memory of all objects, also of those that live. */
void pool_release(struct pool *p);

/* A zeroed object. */
NODISCARD void *pool_take(struct pool *p);
/* The object goes; its id is stale from now on. */
void pool_put(struct pool *p, void *object);
/* The object named `id`, or NULL if it is gone. */
void *pool_get(const struct pool *p, struct id id);
/* The id of a living object. */
struct id pool_id(const void *object);

/* Visits the living objects: start with *slot = 0; NULL at the end. An object may be put back while
 * it is visited. */
void *pool_next(const struct pool *p, uint32_t *slot);

#endif
