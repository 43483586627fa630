/* SPDX-License-Identifier: MIT */
/*
 * listener.h - a listening socket of one worker.
 *
 * Every worker has a socket of its own on each address (SO_REUSEPORT), so the kernel spreads the
 * connections and no worker waits for another. Options that connections inherit are set here once,
 * not per connection.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "net/loop.h"

struct listener;

struct listen_options {
    uint32_t send_buffer; /* SO_SNDBUF in bytes, 0: the kernel's default */
    uint32_t
        user_timeout; /* ms after which unacknowledged data breaks a connection, 0: the kernel's */
    int backlog;
};

/* An address that was resolved and bound; made once per address, then opened once per worker. */
struct listen_address {
    unsigned char storage[128]; /* a struct sockaddr */
    uint32_t len;
};

/* Resolves `host` and `port` and makes sure that nobody listens there, since SO_REUSEPORT alone
 * would let a second server of the same user take half of the visitors. Port 0 chooses one. False,
 * with a line in `error`, if it cannot be had. */
NODISCARD bool listen_address_claim(struct listen_address *a, const char *host, uint16_t port,
                                    struct buf *error);
/* `HOST:PORT` as a browser would write it, `[::1]:80` for IPv6. */
void listen_address_text(const struct listen_address *a, struct buf *out);

/* Accepts on `a` and calls `on_accept` with each connected, non-blocking socket, which the callee
 * takes. NULL, with a line in `error`, if the socket cannot be had. */
NODISCARD struct listener *listener_open(struct loop *l, const struct listen_address *a,
                                         const struct listen_options *options,
                                         void (*on_accept)(struct loop *l, int fd),
                                         struct buf *error);
/* No more connections; freed in a later loop_poll(). */
void listener_close(struct listener *li);
/* Closes a socket that on_accept does not want, after a short answer that may be lost. */
void socket_refuse(int fd, struct bytes answer);

#endif
