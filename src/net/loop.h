/* SPDX-License-Identifier: MIT */
/*
 * loop.h - one worker's event loop, over libuv.
 *
 * loop_poll() is the only place where a worker sleeps. What it calls marks and queues; writing and
 * freeing happen later in the turn (conns_write(), and the closed callback of the next poll).
 *
 * One thread owns a loop; only loop_wake() may be called from others.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

struct conn;
struct loop;

/* What the owner of the connections wants to hear; `owner` is that of loop_new(). */
struct conn_handler {
    /* Bytes came; they are the loop's and may be changed until the call returns. */
    void (*on_data)(struct conn *c, char *data, size_t len);
    /* The peer ended its side, or the connection broke (`broken`). Called once, before on_closed.
     */
    void (*on_end)(struct conn *c, bool broken);
    /* The socket took everything, after a time in which it did not. */
    void (*on_drained)(struct conn *c);
    /* The connection is over and its memory may go. Called once, in loop_poll(). */
    void (*on_closed)(struct conn *c);
};

/* Counts of a loop since its start; read by its owner. */
struct loop_counts {
    uint64_t bytes_in, bytes_out; /* payload of the sockets */
    uint64_t writes;              /* system calls that sent something */
    uint64_t blocked;             /* times that a socket took less than it was given */
    uint64_t outboxes;            /* connections with output that waits, now */
};

NODISCARD struct loop *loop_new(const struct conn_handler *handler, void *owner);
/* All connections and listeners must be closed. */
void loop_free(struct loop *l);
void *loop_owner(const struct loop *l);
const struct loop_counts *loop_counts(struct loop *l);

/* Waits for events, at most until `until_ms` on loop_now_ms()'s clock (0: do not wait, UINT64_MAX:
 * for ever), and calls the handler for each. Reads the clock. */
void loop_poll(struct loop *l, uint64_t until_ms);
/* Monotonic milliseconds, read once a turn. */
uint64_t loop_now_ms(const struct loop *l);
/* Ends a wait of loop_poll() soon. Safe from any thread and cheap when repeated. */
void loop_wake(struct loop *l);

#endif
