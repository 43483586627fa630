/* SPDX-License-Identifier: MIT */
/*
 * bus.h - the seam to what the nodes share: leases, shares, and channels on which shares change.
 *
 * Every call returns at once; false means that there is no connection or too much is under way, and
 * nothing happens. Answers come through `struct bus_handler`, in the worker that asked, in the
 * order of the questions; what a lost connection leaves unanswered is answered with "unknown". What
 * was asked over a lost connection may still be done, later than what is asked over the next one:
 * this is why a write says which connection it belongs to. bus_redis.h is the real one; the
 * simulator has one with losses and delays.
 */
#ifndef CLUSTER_BUS_H
#define CLUSTER_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

/* One life of a node: its id, random per process, and how often it had to take a new lease. */
struct life {
    uint32_t node, number;
};

/* A change of a share. Entries are `ref` -> text (share_text.h). */
struct bus_write {
    struct life life;
    uint32_t home;       /* which of the node's */
    uint32_t connection; /* counted by the home; writes of earlier ones are refused from now on */
    struct bytes topic;
    uint64_t version;
    bool whole;              /* replaces what was there */
    const struct bytes *set; /* ref, text, ref, text... */
    size_t set_len;          /* of `set`: twice the number of entries */
    const struct bytes *removed;
    size_t removed_len;
    struct bytes message; /* is published with it */
};

/* A share as it is kept. */
struct bus_share {
    struct life life;
    uint64_t version;
    size_t size;                 /* presences */
    const struct bytes *entries; /* ref, text, ref, text...; of a read, not of a check */
    size_t entries_len;
};

/* All shares of a topic. */
struct bus_reading {
    uint64_t epoch; /* 0: there is none, the server has just forgotten everything */
    const struct bus_share *shares;
    size_t len;
};

enum bus_lease {
    BUS_LEASE_HELD,
    BUS_LEASE_LOST,   /* it was reaped, or the server has forgotten everything */
    BUS_LEASE_UNKNOWN /* no answer */
};

struct bus_renewal {
    struct life life;
    enum bus_lease lease;
    uint64_t epoch; /* other than before if the server has forgotten everything; 0: none yet */
    const struct life *expired; /* lives to reap */
    size_t expired_len;
};

struct bus_handler {
    void (*on_up)(void *owner);
    void (*on_down)(void *owner, const char *why);
    /* The subscription of this ticket stands: what is published from now on comes. */
    void (*on_subscribed)(void *owner, struct bytes topic, uint64_t ticket);
    void (*on_message)(void *owner, struct bytes topic, struct bytes message);
    /* The answer to write(). LOST: the share was not written. */
    void (*on_written)(void *owner, struct bytes topic, struct life life, enum bus_lease lease);
    /* The answers to read() and check(); NULL if there was none. */
    void (*on_read)(void *owner, struct bytes topic, uint64_t ticket, const struct bus_reading *r);
    void (*on_checked)(void *owner, struct bytes topic, uint64_t ticket,
                       const struct bus_reading *r);
    /* The answer to renew(). */
    void (*on_renewed)(void *owner, const struct bus_renewal *r);
};

struct bus;

/* What is asked about a topic; the ticket comes back with the answer. */
struct bus_question {
    struct life life; /* the asker's; for check() */
    struct bytes topic;
    uint64_t ticket;
};

struct bus_ops {
    bool (*write)(struct bus *b, const struct bus_write *w);
    /* To every node that follows the topic, this one too; nothing is kept. */
    bool (*publish)(struct bus *b, struct bytes topic, struct bytes message);
    /* The ticket that on_subscribed() will bring, or 0 if nothing happens. */
    uint64_t (*subscribe)(struct bus *b, struct bytes topic);
    bool (*unsubscribe)(struct bus *b, struct bytes topic);
    bool (*read)(struct bus *b, const struct bus_question *q);
    /* Versions and sizes only; also makes the asker's share last for another day, should nobody
     * ever reap it. */
    bool (*check)(struct bus *b, const struct bus_question *q);
    /* Holds the lease of `life` for another `lease_ms`; `fresh` takes it if it is not held. */
    bool (*renew)(struct bus *b, struct life life, uint32_t lease_ms, bool fresh);
    /* Removes every share of a life whose lease is over, or one's own (`leaving`), and tells the
     * topics' channels. */
    bool (*reap)(struct bus *b, struct life life, bool leaving);
    void (*tick)(struct bus *b, uint64_t now_ms);
    /* Requests that are not answered yet. */
    uint32_t (*waiting)(const struct bus *b);
    void (*close)(struct bus *b);
};

/* The first member of every implementation. */
struct bus {
    const struct bus_ops *ops;
};

#endif
