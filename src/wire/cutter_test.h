/* SPDX-License-Identifier: MIT */
/*
 * cutter_test.h - input for a parser's tests, whole, byte by byte, or cut at random places from a
 * seed.
 *
 * Each piece lies in memory of exactly its length, so that the address sanitizer sees whoever reads
 * on.
 */
#ifndef WIRE_CUTTER_TEST_H
#define WIRE_CUTTER_TEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/heap.h"

enum { CUTTER_WHOLE, CUTTER_BYTES, CUTTER_RANDOM, CUTTER_WAYS = CUTTER_RANDOM + 12 };

struct cutter {
    struct bytes rest;
    int way; /* from CUTTER_RANDOM on: the seed */
    uint64_t state;
    char *piece;
    size_t piece_len;
};

static inline void cutter_init(struct cutter *c, struct bytes in, int way)
{
    *c = (struct cutter){.rest = in, .way = way, .state = (uint64_t)way * 0x9e3779b97f4a7c15u + 1};
}

static inline void cutter_release(struct cutter *c)
{
    heap_free(c->piece);
    c->piece = NULL;
}

/* The next piece is at c->piece; false at the end. */
static inline bool cutter_next(struct cutter *c)
{
    cutter_release(c);
    if (c->rest.len == 0)
        return false;
    size_t n = c->way == CUTTER_WHOLE ? c->rest.len : 1;
    if (c->way >= CUTTER_RANDOM) {
        c->state ^= c->state << 13;
        c->state ^= c->state >> 7;
        c->state ^= c->state << 17;
        /* Mostly short pieces, sometimes long ones. */
        n = 1 + (size_t)(c->state >> 8) % (c->state & 7 ? 9 : c->rest.len);
    }
    c->piece_len = n < c->rest.len ? n : c->rest.len;
    c->piece = heap_alloc(c->piece_len);
    memcpy(c->piece, c->rest.ptr, c->piece_len);
    c->rest = bytes_skip(c->rest, c->piece_len);
    return true;
}

#endif
