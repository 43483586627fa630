/* SPDX-License-Identifier: MIT */
/*
 * fanout_test.c - claims about the way out: who is told, who was told already, and what a reader
 * that does not drain costs.
 */
#include "app/fanout.h"

#include "app/node_test.h"

/* Fills the socket of a client that does not read. */
static void fill(struct client *c)
{
    char text[4096] = {0};
    struct blob *b = ws_frame_blob(WS_OP_TEXT, bytes_of(text, sizeof(text)));

    while (!conn_blocked(&c->session->conn)) {
        conn_send(&c->session->conn, b);
        conns_write(c->session->worker->loop);
    }
    blob_unref(b);
}

/* Reads everything until the server has nothing more to say; the last message is in c->text. */
static void drain(struct client *c)
{
    size_t before;

    do {
        before = c->got.len;
        client_read(c);
        node_turn(c->node);
    } while (c->got.len != before);
}

static const char *last_message(struct client *c)
{
    static const char *const none = "";
    struct buf last;

    buf_init(&last, BUF_UNBOUNDED);
    while (client_next(c)[0] || c->text.len > 1) {
        buf_clear(&last);
        buf_put(&last, buf_bytes(&c->text));
    }
    buf_clear(&c->text);
    buf_put(&c->text, buf_bytes(&last));
    buf_release(&last);
    return c->text.len ? c->text.ptr : none;
}

static void the_joiner_is_not_told_its_own_number_again(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *a = client_open(n, 0, "/live/1", NULL);
    struct client *b = client_open(n, 0, "/live/1", NULL);
    (void)state;

    assert_starts(client_next(a), "{\"type\":\"viewer_joined\",\"viewers\":1,");
    assert_starts(client_next(a), "{\"type\":\"room_joined\",\"id\":1,\"viewers\":1,");
    assert_starts(client_next(a), "{\"type\":\"viewer_joined\",\"viewers\":2,");
    assert_string_equal(client_next(a), "");
    assert_starts(client_next(b), "{\"type\":\"viewer_joined\",\"viewers\":2,");
    assert_starts(client_next(b), "{\"type\":\"room_joined\",\"id\":1,\"viewers\":2,");
    assert_string_equal(client_next(b), "");
    client_free(a);
    client_free(b);
    assert_nothing_is_left(n);
    node_free(n);
}

/* In one window a joins, b watches and is told 1, and a leaves: only b has to hear of it. */
static void only_who_was_told_a_number_that_was_taken_back_is_told(void **state)
{
    static const char *const settings[] = {"announce_max=1m", "announce_rate=1", NULL};
    struct test_node *n = node_new(1, settings);
    struct worker *w = n->workers[0];
    struct client *a = client_native(n, 0, NULL), *b = client_native(n, 0, NULL);
    struct client *c = client_native(n, 0, NULL), *d = client_native(n, 0, NULL);
    (void)state;
    client_say(c, "[\"watch\",1,\"post:1\"]");
    client_say(d, "[\"join\",1,\"post:1\"]"); /* announced at once; then the topic rests */
    last_message(c);
    last_message(d);

    client_say(a, "[\"join\",1,\"post:1\"]");
    client_say(b, "[\"watch\",1,\"post:1\"]");
    assert_string_equal(client_next(b), "[\"watching\",1,0,2,2]");
    client_say(a, "[\"leave\",2,0]");
    assert_string_equal(client_next(c), "");
    w->now_ms += 60000;
    hub_expire(&w->hub, w->now_ms);
    node_turn(n);

    assert_string_equal(client_next(b), "[\"count\",0,1,1]");
    assert_string_equal(client_next(c), "");
    assert_string_equal(client_next(d), "");
    client_free(a);
    client_free(b);
    client_free(c);
    client_free(d);
    node_free(n);
}

static void subscribers_on_every_worker_are_told(void **state)
{
    struct test_node *n = node_new(4, NULL);
    struct client *all[8];
    (void)state;

    for (uint16_t i = 0; i < 8; i++) {
        all[i] = client_native(n, i % 4, NULL);
        client_say(all[i], "[\"join\",1,\"post:1\"]");
    }
    for (uint16_t i = 0; i < 8; i++) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), ",8,8%s", i == 7 ? "," : "]");
        assert_non_null(strstr(last_message(all[i]), wanted));
    }

    for (uint16_t i = 0; i < 8; i++)
        client_free(all[i]);
    assert_nothing_is_left(n);
    node_free(n);
}

static void who_does_not_drain_holds_nothing_and_gets_the_newest_number(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *slow = client_native(n, 0, NULL), *others[5];
    (void)state;
    client_say(slow, "[\"watch\",1,\"post:1\"]");
    fill(slow);
    size_t queued = conn_queued(&slow->session->conn);

    for (int i = 0; i < 5; i++) {
        others[i] = client_native(n, 0, NULL);
        client_say(others[i], "[\"join\",1,\"post:1\"]");
    }
    assert_int_equal(conn_queued(&slow->session->conn), queued);
    assert_int_equal(n->workers[0]->metrics.behind, 1);
    drain(slow);

    assert_string_equal(last_message(slow), "[\"count\",0,5,5]");
    for (int i = 0; i < 5; i++)
        client_free(others[i]);
    client_free(slow);
    assert_nothing_is_left(n);
    node_free(n);
}

static void who_was_behind_on_a_list_gets_a_fresh_state_and_then_diffs(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *slow = client_native(n, 0, NULL), *other = client_native(n, 0, "blue");
    (void)state;
    client_say(slow, "[\"watch\",1,\"post:1\",{\"mode\":\"list\"}]");
    fill(slow);

    client_say(other, "[\"join\",1,\"post:1\",{\"meta\":{\"n\":1}}]");
    client_say(other, "[\"update\",2,0,{\"n\":2}]");
    drain(slow);
    const char *newest = last_message(slow);
    assert_starts(newest, "[\"state\",0,1,1,[[");
    assert_non_null(strstr(newest, ",{\"n\":2}]]]"));
    client_say(other, "[\"update\",3,0,{\"n\":3}]");

    assert_starts(client_next(slow), "[\"diff\",0,1,1,[],[],[[");
    assert_non_null(strstr(slow->text.ptr, ",{\"n\":3}]]]"));
    assert_string_equal(client_next(slow), "");
    client_free(slow);
    client_free(other);
    node_free(n);
}

static void a_reader_that_recovered_is_told_as_before(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *slow = client_native(n, 0, NULL), *other = client_native(n, 0, NULL);
    (void)state;
    client_say(slow, "[\"watch\",1,\"post:1\"]");
    fill(slow);
    client_say(other, "[\"join\",1,\"post:1\"]");
    drain(slow);
    last_message(slow);

    client_say(other, "[\"leave\",2,0]");

    assert_string_equal(client_next(slow), "[\"count\",0,0,0]");
    assert_string_equal(client_next(slow), "");
    client_free(slow);
    client_free(other);
    assert_nothing_is_left(n);
    node_free(n);
}

static void events_reach_every_format_and_their_sender(void **state)
{
    struct test_node *n = node_new(2, NULL);
    struct client *native = client_native(n, 0, NULL);
    struct client *phoenix = client_open(n, 1, "/socket/websocket?vsn=2.0.0", NULL);
    (void)state;
    client_say(native, "[\"join\",1,\"chat:1\"]");
    client_say(phoenix, "[\"1\",\"1\",\"chat:1\",\"phx_join\",{\"presence\":\"count\"}]");
    last_message(native);
    last_message(phoenix);

    client_say(phoenix, "[\"1\",\"2\",\"chat:1\",\"clap\",{\"n\":1}]");

    assert_starts(client_next(native), "[\"event\",");
    assert_non_null(strstr(native->text.ptr, ",\"clap\",{\"n\":1}]"));
    const char *first = client_next(phoenix);
    bool reply_first = strstr(first, "phx_reply") != NULL;
    assert_true(reply_first || strcmp(first, "[null,null,\"chat:1\",\"clap\",{\"n\":1}]") == 0);
    assert_non_null(strstr(client_next(phoenix), reply_first ? "\"clap\"" : "phx_reply"));
    client_free(native);
    client_free(phoenix);
    assert_nothing_is_left(n);
    node_free(n);
}

static void letters_for_audiences_that_are_gone_find_nobody(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct letter_announce stale = {.audience = {12345, 6}};
    struct letter *l = letter_new(LETTER_STATE, 0);
    (void)state;
    stale.blobs[FORMAT_ROOMS] = ws_frame_blob(WS_OP_TEXT, B("x"));
    l->state.subscription = (struct id){77, 1};
    l->state.blob = blob_ref(stale.blobs[FORMAT_ROOMS]);

    fanout_announce(n->workers[0], &stale);
    fanout_event(n->workers[0], &stale);
    fanout_state(n->workers[0], l);

    assert_int_equal(n->workers[0]->metrics.frames, 0);
    letter_free(l);
    blob_unref(stale.blobs[FORMAT_ROOMS]);
    node_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_joiner_is_not_told_its_own_number_again),
        cmocka_unit_test(only_who_was_told_a_number_that_was_taken_back_is_told),
        cmocka_unit_test(subscribers_on_every_worker_are_told),
        cmocka_unit_test(who_does_not_drain_holds_nothing_and_gets_the_newest_number),
        cmocka_unit_test(who_was_behind_on_a_list_gets_a_fresh_state_and_then_diffs),
        cmocka_unit_test(a_reader_that_recovered_is_told_as_before),
        cmocka_unit_test(events_reach_every_format_and_their_sender),
        cmocka_unit_test(letters_for_audiences_that_are_gone_find_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
