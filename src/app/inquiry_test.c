/* SPDX-License-Identifier: MIT */
/*
 * inquiry_test.c - claims about questions for numbers, which several homes answer in any order or
 * for nobody.
 */
#include "app/inquiry.h"

#include "app/http.h"
#include "app/node_test.h"

enum { TOPICS = 40 };

static const char *name_of(size_t i, char text[16])
{
    snprintf(text, 16, "topic %zu", i);
    return text;
}

/* Answers with the data and the sum of all numbers. */
static void respond(struct session *s, const struct inquiry *q)
{
    char text[64];
    uint32_t viewers = 0;

    for (uint32_t i = 0; i < q->len; i++)
        viewers += q->results[i].viewers * (i + 1);
    snprintf(text, sizeof(text), "%s %u of %u", q->data ? (const char *)q->data : "-", viewers,
             q->len);
    http_respond_text(s, 200, text);
}

static void ask(struct client *c, size_t len)
{
    struct bytes topics[TOPICS];
    char names[TOPICS][16];

    for (size_t i = 0; i < len; i++)
        topics[i] = bytes_str(name_of(i, names[i]));
    c->session->keep_alive = true;
    inquiry_start(c->session, topics, len, respond, bytes_copy(B("data")));
    memset(names, 'x', sizeof(names)); /* it must have copied them */
}

static void every_home_is_asked_and_the_answers_stand_in_order(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *c = client_new(n, 2), *member = client_native(n, 1, NULL);
    char join[64], name[16];
    (void)state;

    for (size_t i = 0; i < TOPICS; i += 10) {
        snprintf(join, sizeof(join), "[\"join\",%zu,\"%s\"]", i, name_of(i, name));
        client_say(member, join);
    }
    ask(c, TOPICS);
    node_turn(n);

    assert_non_null(strstr(client_rest(c), "data 64 of 40")); /* 1 + 11 + 21 + 31 */
    assert_int_equal(n->workers[2]->inquiries.live, 0);
    client_free(c);
    client_free(member);
    assert_nothing_is_left(n);
    node_free(n);
}

static void while_it_waits_nothing_is_read(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *c = client_new(n, 2);
    (void)state;

    ask(c, TOPICS);
    client_bytes(c, B("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(c->session->phase, SESSION_WAITING);
    node_turn(n);
    const char *got = client_rest(c);

    const char *first = strstr(got, "data 0 of 40"), *second = strstr(got, "ok\n");
    assert_true(first && second && first < second);
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void the_answers_may_find_nobody(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *c = client_new(n, 2);
    (void)state;

    ask(c, TOPICS);
    session_abort(c->session);
    client_free(c);

    assert_nothing_is_left(n);
    node_free(n);
}

static void another_client_in_the_same_place_is_not_answered(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *c = client_new(n, 2);
    struct worker *w = n->workers[2];
    (void)state;

    ask(c, TOPICS);
    session_abort(c->session);
    conns_write(w->loop);
    loop_poll(w->loop, 0); /* its memory is free before the homes have seen the question */
    struct client *next = client_new(n, 2);
    client_bytes(next, B("GET / HT"));
    node_turn(n);

    assert_string_equal(client_rest(next), "");
    client_free(c);
    client_free(next);
    assert_nothing_is_left(n);
    node_free(n);
}

static void those_that_wait_at_the_end_are_freed(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *c = client_new(n, 2);
    (void)state;

    ask(c, TOPICS);
    session_abort(c->session);
    loop_wake(n->workers[2]->loop);
    worker_turn(n->workers[2]); /* the questions are under way */
    loop_wake(n->workers[2]->loop);
    worker_turn(n->workers[2]);
    close(c->fd);
    c->fd = -1;
    heap_free(c);
    for (uint16_t i = 0; i < 4; i++)
        worker_free(n->workers[i]);
    n->node.workers_len = 0;
    node_free(n); /* the address sanitizer sees what is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_home_is_asked_and_the_answers_stand_in_order),
        cmocka_unit_test(while_it_waits_nothing_is_read),
        cmocka_unit_test(the_answers_may_find_nobody),
        cmocka_unit_test(another_client_in_the_same_place_is_not_answered),
        cmocka_unit_test(those_that_wait_at_the_end_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
