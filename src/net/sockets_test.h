/* SPDX-License-Identifier: MIT */
/*
 * sockets_test.h - the clients' ends of connections, for tests of other layers, which see no
 * sockets otherwise.
 */
#ifndef NET_SOCKETS_TEST_H
#define NET_SOCKETS_TEST_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

enum { SOCKET_PATIENCE_MS = 30000 };

/* Two ends of one connection, neither of which blocks. */
static inline void socket_pair(int pair[2])
{
    int bad = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);

    assert(!bad);
}

/* How long a read or a write may block. */
static inline void socket_patience(int fd, long ms)
{
    struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* Connects to a port of this machine; reads block, but not for ever. -1 if nobody listens there. */
static inline int socket_connect(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert(fd >= 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket_patience(fd, SOCKET_PATIENCE_MS);
    if (connect(fd, (const struct sockaddr *)(const void *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Where `text` begins in `data`, or NULL. */
static inline const char *find_bytes(struct bytes data, struct bytes text)
{
    for (size_t i = 0; i + text.len <= data.len; i++)
        if (memcmp(data.ptr + i, text.ptr, text.len) == 0)
            return data.ptr + i;
    return NULL;
}

/* False if the connection is gone or takes less than all of it. */
static inline bool socket_send(int fd, struct bytes data)
{
    return send(fd, data.ptr, data.len, MSG_NOSIGNAL) == (ssize_t)data.len;
}

/* Appends what one read brings: more than 0 bytes, 0 at the end, below 0 if there is nothing now or
 * the connection broke. */
static inline ssize_t socket_read(int fd, struct buf *out)
{
    char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

    if (n > 0)
        buf_put(out, bytes_of(bytes, (size_t)n));
    return n;
}

/* Ends our side. */
static inline void socket_finish(int fd)
{
    shutdown(fd, SHUT_WR);
}

/* Breaks the connection with a reset. */
static inline void socket_break(int fd)
{
    struct linger hard = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
}

#endif
