/* SPDX-License-Identifier: MIT */
/*
 * bus.h - the seam to what the nodes share: leases, shares, and channels on which shares change.
 *
 * Every call returns at once; false means that there is no connection or too much is under way, and
 * nothing happens. Answers come through `struct bus_handler`, in the worker that asked. bus_redis.h
 * is the real one; the simulator has one with losses and delays.
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
    struct bytes topic;
    uint64_t version;
    bool whole;              /* replaces what was there */
    const struct bytes *set; /* ref, text, ref, text... */
    size_t set_len;          /* of `set`: twice the number of entries */
    const struct bytes *removed;
    size_t removed_len;
    struct bytes message; /* is published with it */
};

/* A share that was read. */
struct bus_share {
    struct life life;
    uint64_t version;
    const struct bytes *entries; /* ref, text, ref, text... */
    size_t entries_len;
};

enum bus_lease {
    BUS_LEASE_HELD,
    BUS_LEASE_LOST,   /* it was reaped, or the server has forgotten everything */
    BUS_LEASE_UNKNOWN /* no answer */
};

struct bus_handler {
    void (*on_up)(void *owner);
    void (*on_down)(void *owner, const char *why);
    void (*on_subscribed)(void *owner, struct bytes topic);
    void (*on_message)(void *owner, struct bytes topic, struct bytes message);
    /* The answer to write(). LOST: the share was not written. */
    void (*on_written)(void *owner, struct bytes topic, enum bus_lease lease);
    /* The answer to read(); `shares` is NULL if there was none. */
    void (*on_read)(void *owner, struct bytes topic, const struct bus_share *shares, size_t len);
    /* The answer to renew(). `epoch` is other than before if the server has forgotten everything;
     * `expired` are lives to reap. */
    void (*on_renewed)(void *owner, enum bus_lease lease, uint64_t epoch,
                       const struct life *expired, size_t len);
};

struct bus;

struct bus_ops {
    bool (*write)(struct bus *b, const struct bus_write *w);
    /* To every node that follows the topic, this one too; nothing is kept. */
    bool (*publish)(struct bus *b, struct bytes topic, struct bytes message);
    bool (*subscribe)(struct bus *b, struct bytes topic);
    bool (*unsubscribe)(struct bus *b, struct bytes topic);
    bool (*read)(struct bus *b, struct bytes topic);
    /* Holds the lease of `life` for another `lease_ms`; `fresh` takes it if it is not held. */
    bool (*renew)(struct bus *b, struct life life, uint32_t lease_ms, bool fresh);
    /* Removes every share of a life whose lease is over, or one's own (`leaving`), and tells the
     * topics' channels. */
    bool (*reap)(struct bus *b, struct life life, bool leaving);
    /* Makes the shares of a topic last for another day, should nobody ever reap them. */
    bool (*touch)(struct bus *b, struct life life, struct bytes topic);
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
