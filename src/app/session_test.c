/* SPDX-License-Identifier: MIT */
/*
 * session_test.c - claims about one connection, from its first byte to its last: requests, the
 * upgrade, messages, deadlines and ends. Time passes by moving the worker's clock.
 */
#include "app/session.h"

#include "app/node_test.h"

/* The client was silent for `quiet_ms`, and its timer comes. */
static void wait_silently(struct client *c, uint32_t quiet_ms)
{
    struct worker *w = c->session->worker;

    w->now_ms += quiet_ms - ((uint32_t)w->now_ms - c->session->heard_ms);
    session_timer(c->session);
    conns_write(w->loop);
}

static void requests_on_one_connection_are_answered_in_order(void **state)
{
    struct test_node *n = node_new(2, NULL);
    struct client *c = client_new(n, 0);
    (void)state;

    /* The second waits for a topic's home; the third must not overtake it. */
    client_bytes(c, B("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /api/v1/topics/post:1 HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"));
    node_turn(n);
    const char *got = client_rest(c);

    const char *first = strstr(got, "ok\n"), *second = strstr(got, "\"viewers\":0"),
               *third = strstr(got, " 404 ");
    assert_true(first && second && third && first < second && second < third);
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void what_is_behind_the_last_request_is_dropped(void **state)
{
    struct test_node *n = node_new(2, NULL);
    struct client *c = client_new(n, 0);
    (void)state;

    /* The request waits for a topic's home while more lies behind it. */
    client_bytes(c, B("GET /api/v1/topics/post:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    node_turn(n);
    const char *got = client_rest(c);

    assert_non_null(strstr(got, "\"viewers\":0"));
    assert_null(strstr(got, "ok\n"));
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_new(n, 0);
    const struct bytes request = B("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)state;

    for (size_t i = 0; i < request.len; i++) {
        assert_string_equal(client_rest(c), "");
        client_bytes(c, bytes_of(request.ptr + i, 1));
        node_turn(n);
    }

    assert_starts(client_rest(c), "HTTP/1.1 200 OK\r\n");
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void frames_behind_the_handshake_are_heard(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_new(n, 0);
    (void)state;

    client_bytes(c, B("GET /rollcall HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Protocol: rollcall.v1\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                      "\x81\x88\0\0\0\0[\"ping\"]"));
    node_turn(n);
    const char *got = client_rest(c);

    assert_starts(got, "HTTP/1.1 101 Switching Protocols\r\n");
    assert_non_null(strstr(got, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strstr(got, "[\"pong\"]"));
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_message_may_come_in_any_pieces(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    const struct bytes frame = B("\x01\x84\0\0\0\0[\"pi\x80\x84\0\0\0\0ng\"]");
    (void)state;

    for (size_t i = 0; i < frame.len; i++) {
        assert_string_equal(client_next(c), "");
        client_bytes(c, bytes_of(frame.ptr + i, 1));
        node_turn(n);
    }

    assert_string_equal(client_next(c), "[\"pong\"]");
    assert_null(c->session->decoder); /* between messages nothing is held */
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void sessions_beyond_the_limit_get_503(void **state)
{
    static const char *const settings[] = {"sessions_max=2", NULL};
    struct test_node *n = node_new(2, settings);
    struct client *a = client_new(n, 0), *b = client_new(n, 1), *c = client_new(n, 1);
    (void)state;

    node_turn(n);
    assert_starts(client_rest(c), "HTTP/1.1 503 ");
    assert_null(c->session);
    client_drop(a);
    struct client *d = client_new(n, 1);

    assert_non_null(d->session); /* there is room again */
    client_free(a);
    client_free(b);
    client_free(c);
    client_free(d);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_head_that_does_not_arrive_in_time_gets_408(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *half = client_new(n, 0), *silent = client_new(n, 0);
    (void)state;

    client_bytes(half, B("GET / HT"));
    node_turn(n);
    wait_silently(half, 10001);
    wait_silently(silent, 10001);
    node_turn(n);

    assert_starts(client_rest(half), "HTTP/1.1 408 ");
    assert_string_equal(client_rest(silent), ""); /* nothing was asked */
    assert_true(silent->ended);
    client_free(half);
    client_free(silent);
    node_free(n);
}

static void a_quiet_native_client_is_asked_and_then_dropped(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    client_say(c, "[\"join\",1,\"post:1\"]");
    assert_starts(client_next(c), "[\"joined\",");
    wait_silently(c, 30000);
    assert_string_equal(client_next(c), "[\"ping\"]");
    wait_silently(c, 59999);
    assert_string_equal(client_next(c), "");
    wait_silently(c, 60000);

    assert_string_equal(client_next(c), "close 1001 idle timeout");
    assert_int_equal(n->workers[0]->metrics.timeouts, 1);
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_pong_of_the_protocol_is_no_sign_of_a_native_client(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    wait_silently(c, 30000);
    assert_string_equal(client_next(c), "[\"ping\"]");
    client_frame(c, 0x80 | WS_OP_PONG, B(""));
    client_frame(c, 0x80 | WS_OP_PING, B("x"));
    node_turn(n);
    assert_string_equal(client_next(c), "pongx");
    wait_silently(c, 60001);

    assert_string_equal(client_next(c), "close 1001 idle timeout");
    client_free(c);
    node_free(n);
}

static void an_answer_to_the_question_is_a_sign(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    wait_silently(c, 30000);
    assert_string_equal(client_next(c), "[\"ping\"]");
    client_say(c, "[\"pong\"]");
    wait_silently(c, 29000);

    assert_string_equal(client_next(c), "");
    client_free(c);
    node_free(n);
}

static void a_quiet_rooms_client_is_pinged_by_the_protocol(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_open(n, 0, "/live/1", NULL);
    (void)state;

    client_next(c);
    client_next(c);
    wait_silently(c, 30000);
    assert_string_equal(client_next(c), "ping");
    client_frame(c, 0x80 | WS_OP_PONG, B(""));
    node_turn(n);
    wait_silently(c, 29000);
    assert_string_equal(client_next(c), "");
    wait_silently(c, 30000);
    assert_string_equal(client_next(c), "ping");

    client_free(c);
    node_free(n);
}

static void a_quiet_phoenix_client_is_asked_nothing(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_open(n, 0, "/socket/websocket?vsn=2.0.0", NULL);
    (void)state;

    wait_silently(c, 59999);
    assert_string_equal(client_next(c), "");
    wait_silently(c, 60000);

    assert_string_equal(client_next(c), "close 1001 idle timeout");
    client_free(c);
    node_free(n);
}

static void who_says_no_hello_is_closed(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_open(n, 0, "/rollcall", "rollcall.v1");
    (void)state;

    client_say(c, "[\"ping\"]");
    assert_string_equal(client_next(c), "[\"pong\"]");
    wait_silently(c, 10001);

    assert_starts(client_next(c), "[\"bye\",\"no_hello\",-1,");
    assert_starts(client_next(c), "close 1008 ");
    client_free(c);
    node_free(n);
}

static void who_does_not_answer_our_close_is_cut_off(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    session_end(c->session, END_STOPPING);
    node_turn(n);
    assert_starts(client_next(c), "[\"bye\",\"stopping\",");
    assert_starts(client_next(c), "close 1001 ");
    assert_false(c->ended);
    wait_silently(c, 2001);
    node_turn(n);
    client_next(c);

    assert_true(c->ended);
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_close_is_answered_and_ends_the_connection(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    client_close(c, WS_NORMAL);

    assert_string_equal(client_next(c), "close 1000 ");
    assert_string_equal(client_next(c), "");
    assert_true(c->ended);
    assert_int_equal(n->workers[0]->metrics.sessions, 0);
    client_free(c);
    node_free(n);
}

/* Its connection breaks between its join and the answer of the topic's home, which is another
 * worker. */
static void who_vanishes_before_the_answer_is_held_as_well(void **state)
{
    struct test_node *n = node_new(2, NULL);
    struct client *c = client_native(n, 0, "ann");
    char join[64], name[16];
    unsigned topic = 0;
    (void)state;
    do
        snprintf(name, sizeof(name), "room:%u", ++topic);
    while (worker_home(n->workers[0], hash_bytes(&n->node.seed, bytes_str(name))) != 1);
    snprintf(join, sizeof(join), "[\"join\",1,\"%s\"]", name);

    client_frame(c, 0x80 | WS_OP_TEXT, bytes_str(join));
    loop_wake(n->workers[0]->loop);
    worker_turn(n->workers[0]); /* the join is on its way */
    close(c->fd);
    c->fd = -1;
    for (int i = 0; i < 3; i++) {
        loop_wake(n->workers[0]->loop);
        worker_turn(n->workers[0]); /* and its session is over */
    }
    node_turn(n);

    assert_int_equal(n->workers[0]->metrics.subscriptions, 0);
    assert_int_equal(n->workers[0]->metrics.audiences, 0);
    assert_int_equal(n->workers[1]->metrics.presences, 1);
    assert_int_equal(n->workers[1]->metrics.absent, 1);
    client_free(c);
    node_free(n);
}

static void a_broken_frame_is_told_with_its_code(void **state)
{
    static const struct {
        struct bytes bytes;
        const char *close;
    } table[] = {
        {{"\x81\x04ping", 6}, "close 1002 "},
        {{"\xc1\x80\0\0\0\0", 6}, "close 1002 "},
        {{"\x81\x81\0\0\0\0\xff", 7}, "close 1007 "},
        {{"\x81\xff\0\0\0\0\0\x20\0\0\0\0\0\0", 14}, "close 1009 "},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct test_node *n = node_new(1, NULL);
        struct client *c = client_native(n, 0, NULL);
        client_bytes(c, table[i].bytes);
        node_turn(n);
        assert_starts(client_next(c), table[i].close);
        assert_int_equal(n->workers[0]->metrics.protocol_errors, 1);
        client_free(c);
        assert_nothing_is_left(n);
        node_free(n);
    }
}

/* How many are in post:1 when a visitor has gone in this way. */
static uint32_t viewers_after(uint16_t code, bool drop, const char *visitor)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_native(n, 0, visitor);

    client_say(c, "[\"join\",1,\"post:1\"]");
    assert_starts(client_next(c), "[\"joined\",");
    if (drop)
        client_drop(c);
    else
        client_close(c, code);
    uint32_t left = (uint32_t)n->workers[0]->metrics.presences;
    client_free(c);
    node_free(n);
    return left;
}

static void who_goes_away_is_held_and_who_leaves_is_not(void **state)
{
    (void)state;

    assert_int_equal(viewers_after(WS_NORMAL, false, "blue"), 0);
    assert_int_equal(viewers_after(0, false, "blue"), 0);
    assert_int_equal(viewers_after(3000, false, "blue"), 0);
    assert_int_equal(viewers_after(WS_GOING_AWAY, false, "blue"), 1);
    assert_int_equal(viewers_after(4001, false, "blue"), 1);
    assert_int_equal(viewers_after(0, true, "blue"), 1);
    assert_int_equal(viewers_after(WS_GOING_AWAY, false, NULL), 0); /* could not be known again */
    assert_int_equal(viewers_after(0, true, NULL), 0);
}

static void who_sends_too_much_is_closed(void **state)
{
    static const char *const settings[] = {"messages_burst=5", "messages_per_second=1", NULL};
    struct test_node *n = node_new(1, settings);
    struct client *c = client_open(n, 0, "/rollcall", "rollcall.v1");
    (void)state;

    for (int i = 0; i < 6; i++)
        client_say(c, "[\"ping\"]");

    for (int i = 0; i < 5; i++)
        assert_string_equal(client_next(c), "[\"pong\"]");
    assert_starts(client_next(c), "[\"bye\",\"too_fast\",");
    assert_starts(client_next(c), "close 1008 ");
    assert_int_equal(n->workers[0]->metrics.fast_closes, 1);
    client_free(c);
    node_free(n);
}

static void credit_comes_back_with_time(void **state)
{
    static const char *const settings[] = {"messages_burst=2", "messages_per_second=10", NULL};
    struct test_node *n = node_new(1, settings);
    struct client *c = client_open(n, 0, "/rollcall", "rollcall.v1");
    (void)state;

    for (int i = 0; i < 20; i++) {
        client_say(c, "[\"ping\"]");
        assert_string_equal(client_next(c), "[\"pong\"]");
        c->session->credit_ms -= 100; /* as if they had passed */
    }

    client_free(c);
    node_free(n);
}

static void what_waits_for_a_slow_reader_is_bounded(void **state)
{
    static const char *const settings[] = {"queue_bytes_max=64KiB", "messages_burst=1000000",
                                           "messages_per_second=1000000", NULL};
    struct test_node *n = node_new(1, settings);
    struct client *slow = client_native(n, 0, NULL), *fast = client_native(n, 0, NULL);
    struct buf message;
    (void)state;

    client_say(slow, "[\"join\",1,\"chat:1\"]");
    client_say(fast, "[\"join\",1,\"chat:1\"]");
    buf_init(&message, BUF_UNBOUNDED);
    buf_put(&message, B("[\"publish\",2,0,\"e\",\""));
    for (int i = 0; i < 30000; i++)
        buf_put_char(&message, 'x');
    buf_put(&message, B("\"]"));
    buf_put_char(&message, '\0');
    for (int i = 0; i < 40 && !n->workers[0]->metrics.slow_closes; i++) {
        client_say(fast, message.ptr);
        client_rest(fast);
        if (slow->session)
            assert_true(conn_queued(&slow->session->conn) <= 64 * 1024 + 200);
        session_timer(slow->session);
        node_turn(n);
    }
    buf_release(&message);

    assert_int_equal(n->workers[0]->metrics.slow_closes, 1);
    client_free(slow);
    client_free(fast);
    assert_nothing_is_left(n);
    node_free(n);
}

static void answers_that_nobody_reads_are_bounded(void **state)
{
    static const char *const settings[] = {"queue_bytes_max=64KiB", NULL};
    struct test_node *n = node_new(1, settings);
    struct client *c = client_new(n, 0);
    const struct bytes request = B("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    size_t queued = 0;
    (void)state;

    for (int i = 0; i < 300 && n->workers[0]->sessions.live; i++) {
        for (int k = 0; k < 100 && socket_send(c->fd, request); k++)
            ;
        loop_wake(n->workers[0]->loop);
        worker_turn(n->workers[0]);
        if (n->workers[0]->sessions.live && conn_queued(&c->session->conn) > queued)
            queued = conn_queued(&c->session->conn);
    }

    assert_true(queued < 64 * 1024 + 32 * 1024); /* and one answer */
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void a_client_that_vanishes_before_the_answer_is_not_counted(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    /* Topics of both homes: one of them is another worker's. */
    for (int i = 0; i < 8; i++) {
        struct client *c = client_native(n, 0, "blue");
        char join[64];
        snprintf(join, sizeof(join), "[\"join\",1,\"post:%d\"]", i);
        client_frame(c, 0x80 | WS_OP_TEXT, bytes_str(join));
        close(c->fd);
        c->fd = -1;
        loop_wake(n->workers[0]->loop);
        worker_turn(n->workers[0]);
        node_turn(n);
        client_free(c);
    }

    for (uint16_t i = 0; i < 2; i++)
        assert_int_equal(n->workers[i]->metrics.subscriptions, 0);
    node_free(n);
}

static void a_client_that_goes_while_its_request_waits_leaves_nothing(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    for (int i = 0; i < 8; i++) {
        struct client *c = client_new(n, 0);
        char request[96];
        snprintf(request, sizeof(request), "GET /api/v1/topics/post:%d HTTP/1.1\r\nHost: x\r\n\r\n",
                 i);
        client_bytes(c, bytes_str(request));
        loop_wake(n->workers[0]->loop);
        worker_turn(n->workers[0]);
        session_abort(c->session);
        client_free(c);
    }

    assert_nothing_is_left(n);
    node_free(n);
}

static void a_token_that_ends_ends_the_session(void **state)
{
    static const char *const settings[] = {"jwt_secret=0123456789abcdef0123456789abcdef",
                                           "jwt_leeway=0s", NULL};
    struct test_node *n = node_new(1, settings);
    struct claims claims = {.sub = B("ada"), .now_s = n->workers[0]->unix_s, .ttl_s = 100};
    struct buf target, error;
    (void)state;

    buf_init(&target, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    buf_put(&target, B("/live/1?token="));
    assert_true(auth_sign(n->node.auth, &claims, &target, &error));
    buf_put_char(&target, '\0');
    struct client *c = client_open(n, 0, target.ptr, NULL);
    buf_release(&target);
    assert_starts(client_next(c), "{\"type\":\"viewer_joined\"");
    assert_starts(client_next(c), "{\"type\":\"room_joined\"");
    /* It sends now and then, so it is never asked whether it is there. */
    c->session->heard_ms += 90000;
    wait_silently(c, 9000);
    assert_string_equal(client_next(c), "");
    wait_silently(c, 12000);

    assert_string_equal(client_next(c), "close 1008 Token expired");
    assert_int_equal(n->workers[0]->metrics.expired, 1);
    client_free(c);
    node_free(n);
}

/* The fake session of the dialects' tests and vectors says the same. */
static void the_codes_of_refusals_are_those_of_the_vectors(void **state)
{
    static const char *const codes[] = {
        [JOIN_OK] = "ok",
        [JOIN_FORBIDDEN] = "forbidden",
        [JOIN_BAD_TOPIC] = "bad_topic",
        [JOIN_TOO_MANY] = "too_many_topics_joined",
        [JOIN_TOPIC_FULL] = "topic_full",
        [JOIN_TOO_MANY_TOPICS] = "too_many_topics",
    };
    (void)state;

    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        assert_string_equal(join_result_code((enum join_result)i), codes[i]);
        assert_true(strlen(join_result_text((enum join_result)i)) <= WS_REASON_BYTES_MAX);
    }
}

static void one_session_has_so_many_topics_and_no_more(void **state)
{
    static const char *const settings[] = {"topics_per_session_max=2", NULL};
    struct test_node *n = node_new(2, settings);
    struct client *c = client_native(n, 0, NULL);
    (void)state;

    client_say(c, "[\"join\",1,\"post:1\"]");
    client_say(c, "[\"watch\",2,\"post:2\"]");
    client_say(c, "[\"join\",3,\"post:3\"]");

    assert_starts(client_next(c), "[\"joined\",1,");
    assert_starts(client_next(c), "[\"watching\",2,");
    assert_starts(client_next(c), "[\"error\",3,\"too_many_topics_joined\"");
    client_close(c, WS_NORMAL);
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_on_one_connection_are_answered_in_order),
        cmocka_unit_test(what_is_behind_the_last_request_is_dropped),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(frames_behind_the_handshake_are_heard),
        cmocka_unit_test(a_message_may_come_in_any_pieces),
        cmocka_unit_test(sessions_beyond_the_limit_get_503),
        cmocka_unit_test(a_head_that_does_not_arrive_in_time_gets_408),
        cmocka_unit_test(a_quiet_native_client_is_asked_and_then_dropped),
        cmocka_unit_test(a_pong_of_the_protocol_is_no_sign_of_a_native_client),
        cmocka_unit_test(an_answer_to_the_question_is_a_sign),
        cmocka_unit_test(a_quiet_rooms_client_is_pinged_by_the_protocol),
        cmocka_unit_test(a_quiet_phoenix_client_is_asked_nothing),
        cmocka_unit_test(who_says_no_hello_is_closed),
        cmocka_unit_test(who_does_not_answer_our_close_is_cut_off),
        cmocka_unit_test(a_close_is_answered_and_ends_the_connection),
        cmocka_unit_test(who_vanishes_before_the_answer_is_held_as_well),
        cmocka_unit_test(a_broken_frame_is_told_with_its_code),
        cmocka_unit_test(who_goes_away_is_held_and_who_leaves_is_not),
        cmocka_unit_test(who_sends_too_much_is_closed),
        cmocka_unit_test(credit_comes_back_with_time),
        cmocka_unit_test(what_waits_for_a_slow_reader_is_bounded),
        cmocka_unit_test(answers_that_nobody_reads_are_bounded),
        cmocka_unit_test(a_client_that_vanishes_before_the_answer_is_not_counted),
        cmocka_unit_test(a_client_that_goes_while_its_request_waits_leaves_nothing),
        cmocka_unit_test(a_token_that_ends_ends_the_session),
        cmocka_unit_test(the_codes_of_refusals_are_those_of_the_vectors),
        cmocka_unit_test(one_session_has_so_many_topics_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
