/* SPDX-License-Identifier: MIT */
/*
 * vectors_test.h - runs the cases of tests/vectors/NAME.json against a dialect; README.md there
 * says how they are written.
 */
#ifndef DIALECT_VECTORS_TEST_H
#define DIALECT_VECTORS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dialect/fake_session_test.h"

enum { VECTOR_PEOPLE_MAX = 16 };

/* One case while it runs. */
struct vector {
    struct fake *node;
    const struct dialect *dialect;
    struct session *session; /* NULL before it is opened */
    struct {
        const char *topic, *key;
        struct hub_joined in;
    } people[VECTOR_PEOPLE_MAX]; /* who is in a topic without a session */
    size_t people_len;
};

static inline void vector_open(struct vector *v, const json_t *request)
{
    struct fake_request r = {
        .query = json_string_value(json_object_get(request, "query")),
        .protocols = json_string_value(json_object_get(request, "protocols")),
        .topic = json_string_value(json_object_get(request, "topic")),
        .parameters = json_string_value(json_object_get(request, "parameters")),
    };

    if (!request && v->dialect == &native_dialect)
        r.protocols = "rollcall.v1";
    if (!request && v->dialect == &phoenix_dialect)
        r.query = "vsn=2.0.0";
    v->session = fake_open(v->node, v->dialect, &r);
    assert(v->session);
}

/* Text as it is, other JSON as its text, `{"binary":"00ff"}` as those bytes. */
static inline void vector_send(struct vector *v, const json_t *message)
{
    const char *hex = json_string_value(json_object_get(message, "binary"));
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    for (; hex && *hex; hex += 2) {
        const char two[3] = {hex[0], hex[1], '\0'};
        buf_put_char(&out, (char)strtol(two, NULL, 16));
    }
    char *text = json_dumps(message, JSON_COMPACT);
    if (json_is_string(message))
        buf_put(&out, bytes_str(json_string_value(message)));
    else if (!json_object_get(message, "binary"))
        buf_put(&out, bytes_str(text));
    fake_message(v->session, buf_bytes(&out), json_object_get(message, "binary") != NULL);
    free(text);
    buf_release(&out);
}

static inline void vector_set(struct vector *v, const json_t *values)
{
    struct fake *f = v->node;
    const struct {
        const char *name;
        uint32_t *at;
    } numbers[] = {
        {"presences_max", &f->settings.presences_max},
        {"list_max", &f->settings.list_max},
        {"meta_bytes_max", &f->limits.meta_bytes_max},
        {"topic_bytes_max", &f->limits.topic_bytes_max},
        {"topics_per_session_max", &f->limits.topics_per_session_max},
        {"topics_max", &f->hub.topics_max},
    };
    const char *presence = json_string_value(json_object_get(values, "presence"));
    json_t *meta = json_object_get(values, "token_meta");

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_t *number = json_object_get(values, numbers[i].name);
        if (number)
            *numbers[i].at = (uint32_t)json_integer_value(number);
    }
    if (presence)
        f->settings.presence = strcmp(presence, "count") == 0 ? PRESENCE_COUNT : PRESENCE_LIST;
    if (json_object_get(values, "key"))
        f->settings.key = bytes_str(json_string_value(json_object_get(values, "key")));
    f->settings.client_events |= json_is_true(json_object_get(values, "client_events"));
    f->token_needed |= json_is_true(json_object_get(values, "token_needed"));
    if (meta) {
        char *text = json_dumps(meta, JSON_COMPACT);
        f->trusted = bytes_copy(bytes_str(text));
        free(text);
    }
}

/* ["enter"|"exit"|"change", topic, key, meta] */
static inline void vector_person(struct vector *v, const char *what, const json_t *step)
{
    const char *topic = json_string_value(json_array_get(step, 1));
    const char *key = json_string_value(json_array_get(step, 2));
    char *meta = json_dumps(json_array_get(step, 3), JSON_COMPACT);
    size_t i = 0;

    while (i < v->people_len &&
           (strcmp(v->people[i].topic, topic) != 0 || strcmp(v->people[i].key, key) != 0))
        i++;
    if (strcmp(what, "enter") == 0) {
        assert(v->people_len < VECTOR_PEOPLE_MAX);
        v->people[v->people_len].topic = topic;
        v->people[v->people_len].key = key;
        v->people[v->people_len++].in = fake_enter(v->node, topic, bytes_str(key), bytes_str(meta));
    } else if (strcmp(what, "exit") == 0) {
        assert(i < v->people_len);
        fake_exit(v->node, &v->people[i].in);
    } else {
        assert(i < v->people_len && strcmp(what, "change") == 0);
        hub_update(&v->node->hub, v->people[i].in.presence, bytes_str(meta));
    }
    free(meta);
}

static inline void vector_end(struct vector *v, const char *why)
{
    static const char *const names[] = {
        [END_STOPPING] = "stopping", [END_EXPIRED] = "expired",   [END_SLOW] = "slow",
        [END_TOO_FAST] = "too_fast", [END_NO_HELLO] = "no_hello",
    };

    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(why, names[i]) == 0)
            fake_stop(v->session, (enum ending)i);
}

static inline void vector_step(struct vector *v, const json_t *step)
{
    const char *what = json_string_value(json_array_get(step, 0));

    assert(what);
    if (strcmp(what, "set") == 0) {
        vector_set(v, json_array_get(step, 1));
    } else if (strcmp(what, "open") == 0) {
        vector_open(v, json_array_get(step, 1));
    } else if (strcmp(what, "client") == 0) {
        if (!v->session)
            vector_open(v, NULL);
        vector_send(v, json_array_get(step, 1));
        fake_turn(v->session, NULL);
    } else if (strcmp(what, "ask") == 0) {
        v->dialect->on_ask(v->session);
    } else if (strcmp(what, "cluster") == 0) {
        v->node->outage = (struct outage){json_integer_value(json_array_get(step, 1)),
                                          json_string_value(json_array_get(step, 2))};
        if (v->session && v->dialect->on_outage)
            v->dialect->on_outage(v->session);
    } else if (strcmp(what, "end") == 0) {
        vector_end(v, json_string_value(json_array_get(step, 1)));
    } else {
        vector_person(v, what, step);
        if (v->session)
            fake_answer(v->node);
        fake_announce(v->node);
    }
}

static inline void vector_steps(struct vector *v, const json_t *steps)
{
    size_t i;
    json_t *step;

    json_array_foreach(steps, i, step) vector_step(v, step);
}

static inline void vector_act(struct vector *v, const json_t *test)
{
    json_t *client = json_object_get(test, "client");
    json_t *request = json_object_get(client, "open");

    vector_steps(v, json_object_get(test, "given"));
    if (request) {
        vector_open(v, request);
    } else {
        if (!v->session)
            vector_open(v, NULL);
        fake_turn(v->session, NULL);
        fake_forget_lines(v->session);
        if (!json_is_null(client))
            vector_send(v, client);
    }
    vector_steps(v, json_object_get(test, "when"));
    fake_turn(v->session, NULL);
}

/* `exact`: the text must be that of the vector, byte for byte; else the same JSON. */
static inline bool vector_same(const char *line, const json_t *wanted, bool exact)
{
    json_t *got = json_loads(line, 0, NULL);
    char *text = json_dumps(wanted, JSON_COMPACT);
    bool same = exact ? strcmp(line, text) == 0 : json_equal(got, wanted) != 0;

    free(text);
    json_decref(got);
    return same;
}

static inline bool vector_check(const struct vector *v, const json_t *test, bool exact)
{
    const struct session *s = v->session;
    json_t *wanted = json_object_get(test, "server");
    bool good = s->lines_len == json_array_size(wanted);

    for (size_t i = 0; good && i < s->lines_len; i++)
        good = vector_same(s->lines[i].ptr, json_array_get(wanted, i), exact);
    if (good)
        return true;
    char *text = json_dumps(wanted, JSON_COMPACT);
    fprintf(stderr, "%s:\n  wanted %s\n", json_string_value(json_object_get(test, "name")), text);
    for (size_t i = 0; i < s->lines_len; i++)
        fprintf(stderr, "  got    %s\n", s->lines[i].ptr);
    free(text);
    return false;
}

/* How many cases of the file do not hold; each is told on standard error. */
static inline size_t vectors_run(const char *path, const struct dialect *d, bool exact)
{
    json_error_t error;
    json_t *tests = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *test;
    size_t i, failed = 0;

    if (!tests)
        fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
    assert(json_array_size(tests) > 0);
    json_array_foreach(tests, i, test)
    {
        struct vector v = {.node = fake_new(), .dialect = d};
        vector_act(&v, test);
        failed += !vector_check(&v, test, exact);
        fake_free(v.node);
    }
    json_decref(tests);
    return failed;
}

#endif
