/* SPDX-License-Identifier: MIT */
/*
 * share.h - what one other node contributes to a topic, as far as it has told us.
 *
 * The presences of a share lie in the topic beside the local ones, so viewers, people, diffs and
 * states need no second kind of arithmetic; the share finds them by their ref. What is done here
 * only marks, like everything in topic.h; the caller makes the topic due with hub_changed().
 *
 * No I/O, no clock, no wire format. The topic's home worker owns it.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"
#include "core/topic.h"

struct share {
    struct share *next; /* of the topic */
    struct topic *topic;
    uint64_t version; /* of the last change that was applied */
    uint32_t node;    /* whose it is; part of its presences' refs */
    uint32_t life;    /* which of the node's leases it belongs to */
    /* private: */
    struct presence **slots; /* by ref, open addressing */
    uint32_t cap, len;
};

/* One presence of a share, as a message describes it. */
struct share_entry {
    uint64_t ref;
    uint16_t rev;
    struct bytes key;
    struct bytes meta; /* JSON object text */
};

/* The share of this node in the topic, or NULL. */
struct share *share_find(struct topic *t, uint32_t node);
/* A new one, empty; the topic has none of this node. */
struct share *share_add(struct topic *t, uint32_t node, uint32_t life);
/* All its presences leave, and the share is gone. */
void share_drop(struct share *s);

/* The presence is here, anew or with another meta. */
void share_put(struct share *s, const struct share_entry *e);
/* The presence is gone; harmless if it is not known. */
void share_remove(struct share *s, uint64_t ref);

/* For a whole share that was read again: begin, put what it holds, and end; whatever was not put
 * leaves. */
void share_begin_whole(struct share *s);
void share_end_whole(struct share *s);

/* How many presences it has. */
static inline uint32_t share_viewers(const struct share *s)
{
    return s->len;
}

#endif
