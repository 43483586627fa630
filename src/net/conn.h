/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one client's socket: bytes in as they come, blobs out at the end of the turn.
 *
 * Stages 1 and 7 (docs/architecture.md): SOCKET -> BYTES, and BLOB -> SOCKET.
 *
 * conn_send() only queues; conns_write() sends what a turn queued with one system call per
 * connection. A connection without output holds no queue. When the socket takes less than it was
 * given the connection is blocked: whoever produces for it looks at conn_blocked() and
 * conn_queued() and decides what is worth keeping.
 *
 * It knows no protocol and sets no deadline.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/check.h"
#include "net/loop.h"

enum { OUTBOX_INLINE = 6 };

/* What waits for one socket. */
struct outbox {
    struct blob **blobs; /* `first`, or on the heap */
    uint32_t len, cap;
    uint32_t offset; /* bytes of the first blob that are sent */
    size_t bytes;    /* that wait */
    struct blob *first[OUTBOX_INLINE];
};

/* Embedded by its owner; private. */
struct conn {
    _Alignas(8) unsigned char poll[160]; /* a uv_poll_t, which only net/ knows */
    struct outbox *out;                  /* NULL when nothing waits */
    struct conn *next_dirty;
    int fd;
    uint8_t state;
    uint8_t watched; /* the events that libuv was asked for */
    bool dirty : 1;
    bool blocked : 1;
    bool paused : 1; /* not reading */
    bool linger : 1;
    bool ended : 1;
};

/* Takes over `fd`, a connected socket in non-blocking mode, and reads. `c` is zeroed. */
void conn_start(struct conn *c, struct loop *l, int fd);

/* Queues a reference of its own to `b`. Ignored once the connection is closing. */
void conn_send(struct conn *c, struct blob *b);
/* The socket did not take everything. */
static inline bool conn_blocked(const struct conn *c)
{
    return c->blocked;
}
/* Bytes that wait for the socket. */
size_t conn_queued(const struct conn *c);

/* Stops and starts reading; for requests that must wait and for peers that read no answers. */
void conn_pause(struct conn *c, bool paused);

/* Sends what is queued and closes. With `linger` our side ends first and the peer's bytes are
 * dropped until it ends too, so that an answer to input that we did not read is not lost with a
 * reset; set a deadline and conn_abort(). */
void conn_close(struct conn *c, bool linger);
/* Closes at the end of the turn, whatever is queued. */
void conn_abort(struct conn *c);
/* Closing or closed: nothing is read or queued any more. */
bool conn_closing(const struct conn *c);

/* Stage 7's end: writes what this turn queued, and closes what is done. */
void conns_write(struct loop *l);

#endif
