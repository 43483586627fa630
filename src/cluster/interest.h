/* SPDX-License-Identifier: MIT */
/*
 * interest.h - a topic that a node follows: how far it has come, and what came meanwhile.
 */
#ifndef CLUSTER_INTEREST_H
#define CLUSTER_INTEREST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "core/topic.h"

enum interest_state {
    INTEREST_NONE,        /* is to be subscribed */
    INTEREST_SUBSCRIBING, /* the subscription is not confirmed yet */
    INTEREST_STALE,       /* subscribed; is to be read */
    INTEREST_READING,     /* asked; messages are kept until the answer */
    INTEREST_LIVE         /* messages are applied as they come */
};

struct kept_message {
    struct kept_message *next;
    uint32_t len;
    char text[];
};

struct interest {
    struct interest *prev, *next;
    struct topic *topic;
    struct kept_message *first, **end;
    uint64_t version;    /* of this node's own share */
    uint64_t asked_ms;   /* when the read or the subscription was asked for */
    uint64_t written_ms; /* when the own share was last written */
    uint32_t kept_bytes;
    uint8_t state;
    bool dirty;   /* the own share is to be written whole */
    bool written; /* the own share may be there */
};

struct interest *interest_new(struct topic *t);
void interest_free(struct interest *i);
/* False if too much is kept already; then everything kept is forgotten and the topic must be read
 * again. */
bool interest_keep(struct interest *i, struct bytes message);
void interest_drop_kept(struct interest *i);

#endif
