/* SPDX-License-Identifier: MIT */
/*
 * peers_test.h - connections of a loop and the peers that hold their other ends, in one thread: for
 * the tests of net/.
 */
#ifndef NET_PEERS_TEST_H
#define NET_PEERS_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/heap.h"
#include "net/conn.h"
#include "net/loop.h"

/* A connection and what its owner heard; freed by the test, not by on_closed. */
struct side {
    struct conn conn; /* the first member: the loop gives this back */
    struct buf got;
    int ends, drains, closes;
    bool broken;
    void (*on_data)(struct side *s); /* behind what `got` tells; or NULL */
    void (*on_drained)(struct side *s);
    void (*on_end)(struct side *s);
    int peer; /* the other end, non-blocking; -1 once it is closed */
};

static inline struct side *side_of(struct conn *c)
{
    return (struct side *)(void *)c;
}

static inline void side_data(struct conn *c, char *data, size_t len)
{
    struct side *s = side_of(c);

    assert_int_equal(s->ends, 0);
    assert_int_equal(s->closes, 0);
    buf_put(&s->got, bytes_of(data, len));
    if (s->on_data)
        s->on_data(s);
}

static inline void side_end(struct conn *c, bool broken)
{
    struct side *s = side_of(c);

    s->ends++;
    s->broken = broken;
    if (s->on_end)
        s->on_end(s);
}

static inline void side_drained(struct conn *c)
{
    struct side *s = side_of(c);

    s->drains++;
    if (s->on_drained)
        s->on_drained(s);
}

static inline void side_closed(struct conn *c)
{
    struct side *s = side_of(c);

    assert_int_equal(s->ends, 1); /* always before */
    s->closes++;
}

static const struct conn_handler side_handler = {
    .on_data = side_data,
    .on_end = side_end,
    .on_drained = side_drained,
    .on_closed = side_closed,
};

static inline struct side *side_start(struct loop *l, const int pair[2])
{
    struct side *s = heap_zalloc(1, sizeof(*s));

    buf_init(&s->got, BUF_UNBOUNDED);
    s->peer = pair[1];
    conn_start(&s->conn, l, pair[0]);
    return s;
}

/* Over a pair of local sockets: what is written on one end is there at once on the other. */
static inline struct side *side_local(struct loop *l)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    return side_start(l, pair);
}

/* Over TCP on the loopback, with a small send buffer. */
static inline struct side *side_tcp(struct loop *l)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *addr = (struct sockaddr *)(void *)&at;
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2], small = 8192;

    assert_int_equal(bind(listener, addr, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, addr, &len), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[1], addr, len), 0);
    pair[0] = accept(listener, NULL, NULL);
    assert_true(pair[0] >= 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(pair[i], F_SETFL, O_NONBLOCK), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    close(listener);
    return side_start(l, pair);
}

static inline void peer_close(struct side *s)
{
    close(s->peer);
    s->peer = -1;
}

/* Breaks the connection: TCP sends a reset. */
static inline void peer_reset(struct side *s)
{
    struct linger hard = {.l_onoff = 1};

    assert_int_equal(setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    peer_close(s);
}

static inline void peer_send(struct side *s, const char *text)
{
    assert_int_equal(send(s->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Appends what is there to `out`; returns the last result of recv(): 0 for an end, -1 otherwise,
 * with errno. */
static inline ssize_t peer_read(struct side *s, struct buf *out)
{
    char bytes[16384];
    ssize_t n;

    while ((n = recv(s->peer, bytes, sizeof(bytes), 0)) > 0)
        buf_put(out, bytes_of(bytes, (size_t)n));
    return n;
}

/* One turn without a wait. */
static inline void turn(struct loop *l)
{
    loop_poll(l, 0);
    conns_write(l);
}

/* Turns until `*count` is above 0, which must come. */
static inline void turn_until(struct loop *l, const int *count)
{
    while (!*count) {
        loop_poll(l, loop_now_ms(l) + 10);
        conns_write(l);
    }
}

/* Ends whatever is left and frees the side. */
static inline void side_free(struct loop *l, struct side *s)
{
    if (!s->closes) {
        conn_abort(&s->conn);
        conns_write(l);
        turn_until(l, &s->closes);
    }
    assert_int_equal(s->closes, 1);
    if (s->peer >= 0)
        close(s->peer);
    buf_release(&s->got);
    heap_free(s);
}

static inline void send_text(struct side *s, const char *text)
{
    struct blob *b = blob_new(bytes_str(text));

    conn_send(&s->conn, b);
    blob_unref(b);
}

/* `count` blobs of `len` bytes whose contents tell their place in the stream. */
static inline void send_stream(struct side *s, size_t *at, size_t count, size_t len)
{
    char *text = heap_alloc(len);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < len; k++)
            text[k] = (char)('a' + (*at)++ % 23);
        struct blob *b = blob_new(bytes_of(text, len));
        conn_send(&s->conn, b);
        blob_unref(b);
    }
    heap_free(text);
}

static inline void assert_stream(const struct buf *got, size_t len)
{
    assert_int_equal(got->len, len);
    for (size_t i = 0; i < len; i++)
        if (got->ptr[i] != (char)('a' + i % 23))
            fail_msg("byte %zu of %zu is out of order", i, len);
}

static inline int make_loop(void **state)
{
    alarm(60); /* what must come and does not would hang */
    *state = loop_new(&side_handler, NULL);
    return 0;
}

static inline int end_loop(void **state)
{
    loop_free(*state);
    alarm(0);
    return 0;
}

#endif
