/* SPDX-License-Identifier: MIT */
/*
 * node_test.h - a node whose workers take their turns in one thread, and clients on socket pairs:
 * for the tests of app/.
 *
 * Nothing waits: a turn that would sleep is woken at once. Windows are 0 ms unless a test sets
 * announce_max.
 */
#ifndef APP_NODE_TEST_H
#define APP_NODE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/auth.h"
#include "app/config.h"
#include "app/session.h"
#include "app/worker.h"
#include "base/buf.h"
#include "base/heap.h"
#include "net/sockets_test.h"
#include "wire/ws.h"

struct test_node {
    struct node node;
    struct config *config;
    struct worker *workers[4];
};

/* A browser. */
struct client {
    struct test_node *node;
    struct session *session; /* as long as it lives */
    struct buf got;          /* bytes that were read and not looked at */
    struct buf text;         /* the last message taken, zero-terminated */
    int fd;                  /* -1 once it is closed */
    bool ended;              /* the server has ended its side */
};

/* A configuration of the defaults and `settings`, pairs that end with NULL. */
static inline struct config *config_of(const char *const settings[])
{
    struct config *c = config_new();
    struct buf error, warnings;

    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    for (size_t i = 0; settings && settings[i]; i++)
        if (!config_set_pair(c, bytes_str(settings[i]), &error))
            fail_msg("%.*s", (int)error.len, error.ptr);
    assert_true(config_load_text(c, "test",
                                 B("announce_max = 0s\n"
                                   "route \"/live/{id:int}\" { topic = \"post:{id}\" }\n"
                                   "topic \"chat:*\" { client_events = true }\n"),
                                 &error));
    assert_true(config_finish(c, &error, &warnings));
    buf_release(&error);
    buf_release(&warnings);
    return c;
}

static inline struct test_node *node_new(uint16_t workers, const char *const settings[])
{
    struct test_node *n = heap_zalloc(1, sizeof(*n));
    struct config *c = config_of(settings);
    struct buf error;

    assert_true(workers <= ARRAY_LEN(n->workers));
    buf_init(&error, BUF_UNBOUNDED);
    n->config = c;
    n->node.config = c;
    n->node.auth = auth_new(c, &error);
    n->node.limits = (struct session_limits){
        .meta_bytes_max = (uint32_t)c->meta_bytes_max,
        .topic_bytes_max = (uint32_t)c->topic_bytes_max,
        .topics_per_session_max = c->topics_per_session_max,
        .idle_timeout_ms = c->idle_timeout_ms,
    };
    n->node.http_limits = (struct http_limits){
        .head_bytes_max = (uint32_t)c->head_bytes_max,
        .uri_bytes_max = (uint32_t)c->uri_bytes_max,
        .headers_max = c->headers_max,
        .body_bytes_max = (uint32_t)c->body_bytes_max,
    };
    n->node.seed = (struct hash_seed){1, 2};
    n->node.id = 7;
    n->node.workers_len = workers;
    n->node.workers = n->workers;
    for (uint16_t i = 0; i < workers; i++)
        n->workers[i] = worker_new(&n->node, i);
    alarm(60); /* what must come and does not would hang */
    return n;
}

/* Every worker takes a turn, so often that a letter and its answer have gone all their ways. */
static inline void node_turn(struct test_node *n)
{
    for (int round = 0; round < 5; round++)
        for (uint16_t i = 0; i < n->node.workers_len; i++) {
            loop_wake(n->workers[i]->loop);
            worker_turn(n->workers[i]);
        }
}

/* What nobody may hold when every client has gone. */
static inline void assert_nothing_is_left(struct test_node *n)
{
    node_turn(n);
    assert_int_equal(atomic_load(&n->node.sessions), 0);
    for (uint16_t i = 0; i < n->node.workers_len; i++) {
        const struct metrics *m = &n->workers[i]->metrics;
        assert_int_equal(m->sessions, 0);
        assert_int_equal(m->websockets, 0);
        assert_int_equal(m->subscriptions, 0);
        assert_int_equal(m->audiences, 0);
        assert_int_equal(m->topics, 0);
        assert_int_equal(m->presences, 0);
        assert_int_equal(m->keys, 0);
        assert_int_equal(m->absent, 0);
        assert_int_equal(m->timers, 0);
        assert_int_equal(m->inquiries, 0);
        assert_int_equal(m->outboxes, 0);
        assert_int_equal(m->letters, 0);
    }
}

static inline void node_free(struct test_node *n)
{
    struct session *s;

    for (uint16_t i = 0; i < n->node.workers_len; i++) {
        uint32_t slot = 0;
        while ((s = pool_next(&n->workers[i]->sessions, &slot)))
            session_abort(s);
    }
    node_turn(n);
    for (uint16_t i = 0; i < n->node.workers_len; i++)
        worker_free(n->workers[i]);
    auth_free((struct auth *)(uintptr_t)n->node.auth);
    config_free(n->config);
    heap_free(n);
    alarm(0);
}

/* Clients. */

/* Connects to a worker. */
static inline struct client *client_new(struct test_node *n, uint16_t worker)
{
    struct client *c = heap_zalloc(1, sizeof(*c));
    struct worker *w = n->workers[worker];
    int pair[2];

    socket_pair(pair);
    c->node = n;
    c->fd = pair[1];
    buf_init(&c->got, BUF_UNBOUNDED);
    buf_init(&c->text, BUF_UNBOUNDED);
    uint32_t slot = 0;
    struct session *s, *newest = NULL;
    session_accept(w->loop, pair[0]);
    while ((s = pool_next(&w->sessions, &slot)))
        if (s->conn.fd == pair[0])
            newest = s;
    c->session = newest;
    return c;
}

/* It vanishes without a close frame. */
static inline void client_drop(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    node_turn(c->node);
}

static inline void client_free(struct client *c)
{
    if (c->fd >= 0)
        client_drop(c);
    buf_release(&c->got);
    buf_release(&c->text);
    heap_free(c);
}

static inline void client_bytes(struct client *c, struct bytes data)
{
    assert_true(socket_send(c->fd, data));
}

/* A masked frame. */
static inline void client_frame(struct client *c, unsigned first, struct bytes payload)
{
    struct buf out;

    assert_true(payload.len < 65536);
    buf_init(&out, BUF_UNBOUNDED);
    buf_put_char(&out, (char)first);
    if (payload.len < 126) {
        buf_put_char(&out, (char)(0x80 | payload.len));
    } else {
        buf_put_char(&out, (char)(0x80 | 126));
        buf_put_char(&out, (char)(payload.len >> 8));
        buf_put_char(&out, (char)payload.len);
    }
    buf_put(&out, bytes_of("\0\0\0\0", 4)); /* a mask that changes nothing */
    buf_put(&out, payload);
    client_bytes(c, buf_bytes(&out));
    buf_release(&out);
}

static inline void client_say(struct client *c, const char *text)
{
    client_frame(c, 0x80 | WS_OP_TEXT, bytes_str(text));
    node_turn(c->node);
}

static inline void client_close(struct client *c, uint16_t code)
{
    const char payload[] = {(char)(code >> 8), (char)code};

    client_frame(c, 0x80 | WS_OP_CLOSE, bytes_of(payload, code ? 2 : 0));
    node_turn(c->node);
}

/* Reads what is there. */
static inline void client_read(struct client *c)
{
    ssize_t n;

    while ((n = socket_read(c->fd, &c->got)) > 0)
        ;
    c->ended |= n == 0;
}

/* The next frame's payload, zero-terminated, until the next call; "close 1001 reason" and
 * "ping" for control frames; "" if there is none. */
static inline const char *client_next(struct client *c)
{
    client_read(c);
    const unsigned char *at = (const unsigned char *)c->got.ptr;
    size_t head = 2, len = c->got.len < 2 ? 0 : at[1];

    buf_clear(&c->text);
    if (c->got.len >= 4 && len == 126) {
        head = 4;
        len = (size_t)at[2] << 8 | at[3];
    } else if (len == 127) {
        head = 10;
        len = c->got.len < 10
                  ? SIZE_MAX - 10
                  : (size_t)at[6] << 24 | (size_t)at[7] << 16 | (size_t)at[8] << 8 | at[9];
    }
    if (c->got.len < 2 || c->got.len < head + len) {
        buf_put_char(&c->text, '\0');
        return c->text.ptr;
    }
    struct bytes payload = bytes_of(c->got.ptr + head, len);
    unsigned op = at[0] & 15;
    if (op == WS_OP_CLOSE && len >= 2) {
        buf_printf(&c->text, "close %d ", at[head] << 8 | at[head + 1]);
        payload = bytes_skip(payload, 2);
    } else if (op == WS_OP_CLOSE || op == WS_OP_PING || op == WS_OP_PONG) {
        const char *names[] = {"close", "ping", "pong"};
        buf_put(&c->text, bytes_str(names[op - WS_OP_CLOSE]));
    }
    buf_put(&c->text, payload);
    buf_put_char(&c->text, '\0');
    buf_drop(&c->got, head + len);
    return c->text.ptr;
}

/* Everything that is left, as HTTP; zero-terminated. */
static inline const char *client_rest(struct client *c)
{
    client_read(c);
    buf_clear(&c->text);
    buf_put(&c->text, buf_bytes(&c->got));
    buf_put_char(&c->text, '\0');
    buf_clear(&c->got);
    return c->text.ptr;
}

static inline void assert_starts(const char *text, const char *prefix)
{
    assert_non_null(text);
    if (!bytes_starts(bytes_str(text), bytes_str(prefix)))
        fail_msg("\"%s\" does not begin with \"%s\"", text ? text : "", prefix);
}

/* Asks for a WebSocket at `target`; `protocol` may be NULL. The answer's head is taken. */
static inline struct client *client_open(struct test_node *n, uint16_t worker, const char *target,
                                         const char *protocol)
{
    struct client *c = client_new(n, worker);
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    buf_printf(&out,
               "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               target);
    if (protocol)
        buf_printf(&out, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    buf_put(&out, B("\r\n"));
    client_bytes(c, buf_bytes(&out));
    buf_release(&out);
    node_turn(n);
    client_read(c);
    const char *end = find_bytes(buf_bytes(&c->got), B("\r\n\r\n"));
    assert_non_null(end);
    assert_true(bytes_starts(buf_bytes(&c->got), B("HTTP/1.1 101 ")));
    buf_drop(&c->got, (size_t)(end + 4 - c->got.ptr));
    return c;
}

/* A native client that has said hello. */
static inline struct client *client_native(struct test_node *n, uint16_t worker,
                                           const char *visitor)
{
    struct client *c = client_open(n, worker, "/rollcall", "rollcall.v1");
    char hello[128];

    snprintf(hello, sizeof(hello), "[\"hello\",{\"visitor\":\"%s\"}]", visitor ? visitor : "");
    client_say(c, visitor ? hello : "[\"hello\"]");
    assert_starts(client_next(c), "[\"welcome\",");
    return c;
}

#endif
