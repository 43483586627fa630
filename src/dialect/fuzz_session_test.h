/* SPDX-License-Identifier: MIT */
/*
 * fuzz_session_test.h - what the fuzzers of the dialects share: an input is a story of lines.
 *
 * The first line is the request, `QUERY TAB PROTOCOLS` with `TAB 1` behind if tokens are needed.
 * Every other line begins with what happens:
 *
 *   >text  the client sends it        =hex   the client sends these bytes as a binary message
 *   2text  a second client sends it   +      the home answers the joins that wait
 *   !      topics announce            @KEY   somebody else comes into topic "t"
 *   -      the last of those goes     *      the last of those has another meta
 *   ?      the server asks            xN     the server ends the session, N: enum ending
 *   ~      the connection breaks and the first client comes again
 *
 * The fake session asserts what must hold: every output is UTF-8 and JSON without a name twice,
 * and after its close a session sends nothing and asks for nothing.
 */
#ifndef DIALECT_FUZZ_SESSION_TEST_H
#define DIALECT_FUZZ_SESSION_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dialect/fake_session_test.h"
#include "wire/utf8.h"

enum { FUZZ_PEOPLE_MAX = 8, FUZZ_LINES_MAX = 200 };

struct fuzz {
    struct fake *node;
    const struct dialect *dialect;
    struct fake_request request;
    struct session *first, *second; /* NULL: the request is none */
    struct hub_joined people[FUZZ_PEOPLE_MAX];
    size_t people_len, updates;
};

static inline void fuzz_binary(struct fuzz *z, struct bytes hex)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        unsigned value = 0;
        for (size_t k = 0; k < 2; k++) {
            unsigned c = (unsigned char)hex.ptr[i + k];
            value = value << 4 | ((c >= 'a' ? c - 'a' + 10 : c) & 15);
        }
        buf_put_char(&out, (char)value);
    }
    fake_message(z->first, buf_bytes(&out), true);
    buf_release(&out);
}

static inline void fuzz_text(struct session *s, struct bytes text)
{
    if (utf8_valid(text)) /* the frame decoder lets nothing else through */
        fake_message(s, text, false);
}

static inline void fuzz_person(struct fuzz *z, char what, struct bytes key)
{
    char meta[32];

    if (what == '@') {
        if (z->people_len < FUZZ_PEOPLE_MAX && key.len <= 64 && utf8_valid(key) &&
            bytes_find(key, '\0') == key.len) /* no key has a zero byte */
            z->people[z->people_len++] = fake_enter(z->node, "t", key, B("{\"a\":1}"));
        return;
    }
    if (z->people_len == 0)
        return;
    snprintf(meta, sizeof(meta), "{\"a\":%zu}", ++z->updates);
    if (what == '-')
        fake_exit(z->node, &z->people[--z->people_len]);
    else
        hub_update(&z->node->hub, z->people[z->people_len - 1].presence, bytes_str(meta));
}

static inline void fuzz_line(struct fuzz *z, struct bytes line)
{
    struct bytes rest = bytes_skip(line, 1);

    switch (line.ptr[0]) {
    case '>':
        fuzz_text(z->first, rest);
        break;
    case '2':
        fuzz_text(z->second, rest);
        break;
    case '=':
        fuzz_binary(z, rest);
        break;
    case '+':
        fake_answer(z->node);
        break;
    case '!':
        fake_announce(z->node);
        break;
    case '@':
    case '-':
    case '*':
        fuzz_person(z, line.ptr[0], rest);
        break;
    case '?':
        if (z->dialect->on_ask && z->first->open && !z->first->closed)
            z->dialect->on_ask(z->first);
        break;
    case 'x':
        fake_stop(z->first, rest.len ? (enum ending)(rest.ptr[0] & 3) : END_NO_HELLO);
        break;
    case '~':
        fake_end(z->first);
        z->first = fake_open(z->node, z->dialect, &z->request);
        break;
    default:
        break;
    }
}

/* The next line of `*rest`, which is cut. */
static inline struct bytes fuzz_cut(struct bytes *rest, char end)
{
    size_t len = bytes_find(*rest, end);
    struct bytes line = bytes_of(rest->ptr, len);

    *rest = bytes_skip(*rest, len < rest->len ? len + 1 : len);
    return line;
}

static inline void fuzz_story(struct fuzz *z, struct bytes in)
{
    struct bytes request = fuzz_cut(&in, '\n');
    char *query = bytes_copy(fuzz_cut(&request, '\t'));
    char *protocols = bytes_copy(fuzz_cut(&request, '\t'));

    z->node->token_needed = request.len > 0;
    z->request.query = query[0] ? query : NULL;
    z->request.protocols = protocols[0] ? protocols : NULL;
    z->first = fake_open(z->node, z->dialect, &z->request);
    z->second = z->first ? fake_open(z->node, z->dialect, &z->request) : NULL;
    for (int i = 0; z->first && in.len && i < FUZZ_LINES_MAX; i++) {
        struct bytes line = fuzz_cut(&in, '\n');
        if (line.len)
            fuzz_line(z, line);
    }
    if (z->first)
        fake_turn(z->first, NULL);
    heap_free(query);
    heap_free(protocols);
}

/* One input, from the first request to the last byte given back. */
static inline void fuzz_run(const struct dialect *d, const uint8_t *data, size_t size)
{
    struct fuzz z = {.node = fake_new(), .dialect = d};
    struct fake *f = z.node;

    f->limits = (struct session_limits){.meta_bytes_max = 64,
                                        .topic_bytes_max = 16,
                                        .topics_per_session_max = 4,
                                        .idle_timeout_ms = 60000};
    f->settings.presences_max = 6;
    f->settings.client_events = size % 2;
    f->trusted = bytes_copy(B("{\"role\":\"editor\"}"));
    z.request.topic = "t";
    fuzz_story(&z, bytes_of((const char *)data, size));
    while (z.people_len)
        fake_exit(f, &z.people[--z.people_len]);
    while (f->sessions)
        fake_end(f->sessions);
    f->now_ms += f->settings.leave_grace_ms + 1;
    fake_announce(f);
    fake_announce(f);
    assert(f->hub.topics_len == 0 && f->hub.tables.presences.live == 0);
    fake_free(f);
}

#endif
