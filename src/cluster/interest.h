/* SPDX-License-Identifier: MIT */
/*
 * interest.h - a topic that a node follows: how far it has come, and what came meanwhile.
 */
#ifndef CLUSTER_INTEREST_H
#define CLUSTER_INTEREST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"
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
    uint64_t version;         /* of this node's own share */
    uint64_t ticket;          /* of the subscription or the read that is waited for */
    uint64_t asked_ms;        /* when it was asked for */
    uint64_t asked_version;   /* `version` when the read was asked for */
    uint64_t check_ticket;    /* of the last check */
    uint64_t checked_version; /* `version` when it was asked for */
    uint32_t size;            /* presences of the own share, as last written */
    uint32_t unanswered;      /* writes */
    uint32_t kept_bytes;
    uint8_t state;
    bool dirty;   /* the own share is to be written whole */
    bool there;   /* presences of the own share may be on the server */
    bool leaving; /* is let go of once they are not */
    bool untold;  /* was read, and not announced since */
};

struct interest *interest_new(struct topic *t);
void interest_free(struct interest *i);
/* Keeps a copy. False if too much is kept already; then everything kept is forgotten and the topic
 * must be read again. */
NODISCARD bool interest_keep(struct interest *i, struct bytes message);
/* What is kept, oldest first, is the caller's; free it with kept_free(). */
struct kept_message *interest_take_kept(struct interest *i);
void kept_free(struct kept_message *m);
void interest_drop_kept(struct interest *i);

#endif
