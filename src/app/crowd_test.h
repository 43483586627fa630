/* SPDX-License-Identifier: MIT */
/*
 * crowd_test.h - a whole server with its threads, and clients that block on sockets of their own:
 * for the tests of server.c.
 *
 * Clients run in threads of the test, so they use assert() and not cmocka's.
 */
#ifndef APP_CROWD_TEST_H
#define APP_CROWD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/server.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "net/sockets_test.h"

struct crowd {
    struct config *config;
    struct server *server;
    uint16_t port; /* the first that it listens on */
};

/* The defaults and `settings`, pairs that end with NULL. */
static inline struct config *crowd_config(const char *const settings[])
{
    struct config *c = config_new();
    struct buf error, warnings;

    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    for (size_t i = 0; settings[i]; i++)
        if (!config_set_pair(c, bytes_str(settings[i]), &error))
            fail_msg("%.*s", (int)error.len, error.ptr);
    assert_true(config_load_text(c, "test",
                                 B("route \"/live/{id:int}\" { topic = \"post:{id}\" }\n"
                                   "topic \"*\" { client_events = true }\n"),
                                 &error));
    assert_true(config_finish(c, &error, &warnings));
    buf_release(&error);
    buf_release(&warnings);
    return c;
}

static inline struct crowd crowd_start(const char *const settings[])
{
    struct crowd c = {.config = crowd_config(settings)};
    struct buf text;

    alarm(110); /* a server that does not stop would hang */
    buf_init(&text, BUF_UNBOUNDED);
    c.server = server_start(c.config, &text);
    if (!c.server)
        fail_msg("%.*s", (int)text.len, text.ptr);
    server_addresses(c.server, &text);
    buf_put_char(&text, '\0');
    c.port = (uint16_t)strtoul(strchr(text.ptr, ':') + 1, NULL, 10);
    buf_release(&text);
    return c;
}

static inline void crowd_stop(struct crowd *c)
{
    server_stop(c->server);
    config_free(c->config);
    alarm(0);
}

/* A text frame with a mask that changes nothing; false if the connection is gone. */
static inline bool crowd_say(int fd, const char *text)
{
    size_t len = strlen(text);
    struct buf out;

    assert(len < 65536);
    buf_init(&out, BUF_UNBOUNDED);
    buf_put_char(&out, (char)0x81);
    if (len < 126) {
        buf_put_char(&out, (char)(0x80 | len));
    } else {
        buf_put_char(&out, (char)0xfe);
        buf_put_char(&out, (char)(len >> 8));
        buf_put_char(&out, (char)len);
    }
    buf_put(&out, bytes_of("\0\0\0\0", 4));
    buf_put(&out, bytes_str(text));
    bool good = socket_send(fd, buf_bytes(&out));
    buf_release(&out);
    return good;
}

/* Reads until `text` has come; false if the connection ends before. */
static inline bool crowd_wait(int fd, const char *text)
{
    struct buf got;
    bool found = false;

    buf_init(&got, BUF_UNBOUNDED);
    while (!found && socket_read(fd, &got) > 0)
        found = find_bytes(buf_bytes(&got), bytes_str(text)) != NULL;
    buf_release(&got);
    return found;
}

/* Asks for a WebSocket, and waits for the answer. -1 if the server does not listen any more. */
static inline int crowd_open(const struct crowd *c, const char *target, const char *protocol)
{
    int fd = socket_connect(c->port);
    struct buf out;

    if (fd < 0)
        return -1;
    buf_init(&out, BUF_UNBOUNDED);
    buf_printf(&out,
               "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               target);
    if (protocol)
        buf_printf(&out, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    buf_put(&out, B("\r\n"));
    bool good = socket_send(fd, buf_bytes(&out));
    buf_release(&out);
    assert(good);
    return fd;
}

/* A native client that has joined one topic. */
static inline int crowd_join(const struct crowd *c, const char *topic, size_t visitor)
{
    int fd = crowd_open(c, "/rollcall", "rollcall.v1");
    char text[128];

    assert(fd >= 0);
    snprintf(text, sizeof(text), "[\"hello\",{\"visitor\":\"visitor-%zu\"}]", visitor);
    bool good = crowd_say(fd, text);
    snprintf(text, sizeof(text), "[\"join\",1,\"%s\"]", topic);
    good = good && crowd_say(fd, text) && crowd_wait(fd, "[\"joined\",1,");
    assert(good);
    return fd;
}

/* The body of an answer to GET, zero-terminated, for the caller to free. */
static inline char *crowd_get(const struct crowd *c, const char *target)
{
    int fd = socket_connect(c->port);
    struct buf text;

    assert(fd >= 0);
    buf_init(&text, BUF_UNBOUNDED);
    buf_printf(&text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target);
    bool good = socket_send(fd, buf_bytes(&text));
    assert(good);
    buf_clear(&text);
    while (socket_read(fd, &text) > 0)
        ;
    close(fd);
    const char *end = find_bytes(buf_bytes(&text), B("\r\n\r\n"));
    assert(end);
    char *body = bytes_copy(bytes_skip(buf_bytes(&text), (size_t)(end + 4 - text.ptr)));
    buf_release(&text);
    return body;
}

#endif
