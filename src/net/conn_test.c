/* SPDX-License-Identifier: MIT */
/*
 * conn_test.c - claims about bytes in and blobs out; those about ends are in conn_close_test.c.
 */
#include "net/conn.h"

#include "net/peers_test.h"

static void bytes_arrive_as_they_come(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    peer_send(s, "one");
    turn(l);
    peer_send(s, "two");
    turn(l);
    turn(l);

    assert_true(bytes_equal(buf_bytes(&s->got), B("onetwo")));
    assert_int_equal(loop_counts(l)->bytes_in, 6);
    side_free(l, s);
}

static void nothing_is_written_before_the_end_of_the_turn(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    send_text(s, "hello");
    assert_int_equal(peer_read(s, &got), -1);
    assert_int_equal(got.len, 0);
    assert_int_equal(conn_queued(&s->conn), 5);
    assert_int_equal(loop_counts(l)->outboxes, 1);
    conns_write(l);
    peer_read(s, &got);

    assert_true(bytes_equal(buf_bytes(&got), B("hello")));
    assert_int_equal(conn_queued(&s->conn), 0);
    assert_int_equal(loop_counts(l)->outboxes, 0);
    buf_release(&got);
    side_free(l, s);
}

static void what_a_turn_queued_leaves_in_one_write(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    send_stream(s, &at, 100, 7);
    conns_write(l);
    peer_read(s, &got);

    assert_stream(&got, 700);
    assert_int_equal(loop_counts(l)->writes, 1);
    assert_int_equal(loop_counts(l)->bytes_out, 700);
    buf_release(&got);
    side_free(l, s);
}

static void blobs_too_large_to_copy_leave_in_order(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    send_stream(s, &at, 1, 3);
    send_stream(s, &at, 3, 30000);
    send_stream(s, &at, 1, 5);
    conns_write(l);
    peer_read(s, &got);

    assert_stream(&got, at);
    assert_int_equal(loop_counts(l)->writes, 1);
    buf_release(&got);
    side_free(l, s);
}

/* More parts than one call takes, and more bytes than are copied together. */
static void many_small_blobs_do_not_pass_for_a_full_socket(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    send_stream(s, &at, 2000, 10);
    conns_write(l);
    peer_read(s, &got);

    assert_stream(&got, at);
    assert_false(conn_blocked(&s->conn));
    assert_int_equal(loop_counts(l)->blocked, 0);
    buf_release(&got);
    side_free(l, s);
}

static void an_empty_blob_is_nothing(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    send_text(s, "");
    conns_write(l);
    send_text(s, "a");
    send_text(s, "");
    send_text(s, "b");
    conns_write(l);
    peer_read(s, &got);

    assert_true(bytes_equal(buf_bytes(&got), B("ab")));
    buf_release(&got);
    side_free(l, s);
}

/* Fills the socket, then lets the peer read in steps while more is queued. */
static void drains_in_order(struct loop *l, struct side *s, size_t blob_len)
{
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 50, blob_len);
        conns_write(l);
    }
    send_stream(s, &at, 50, blob_len); /* behind what waits */
    assert_true(conn_queued(&s->conn) >= 50 * blob_len);
    assert_int_equal(s->drains, 0);
    while (!s->drains) {
        peer_read(s, &got);
        loop_poll(l, loop_now_ms(l) + 1);
        conns_write(l);
    }
    while (got.len < at)
        peer_read(s, &got);

    assert_stream(&got, at);
    assert_false(conn_blocked(&s->conn));
    assert_int_equal(conn_queued(&s->conn), 0);
    assert_int_equal(s->drains, 1);
    assert_int_equal(s->closes, 0);
    buf_release(&got);
}

static void a_full_socket_drains_in_order(void **state)
{
    static const size_t lens[] = {1, 100, 5000, 70000};
    struct loop *l = *state;

    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct side *s = side_local(l);
        drains_in_order(l, s, lens[i]);
        side_free(l, s);
    }
}

static void a_full_tcp_socket_drains_in_order(void **state)
{
    static const size_t lens[] = {100, 5000, 70000};
    struct loop *l = *state;

    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct side *s = side_tcp(l);
        drains_in_order(l, s, lens[i]);
        side_free(l, s);
    }
}

static void a_full_socket_is_counted_once_and_not_written_to_again(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    size_t at = 0;

    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 10, 5000);
        conns_write(l);
    }
    uint64_t writes = loop_counts(l)->writes;
    for (int i = 0; i < 10; i++) {
        send_stream(s, &at, 1, 5000);
        turn(l);
    }

    assert_int_equal(loop_counts(l)->blocked, 1);
    assert_int_equal(loop_counts(l)->writes, writes);
    side_free(l, s);
}

static void who_is_behind_may_send_anew_when_it_drains(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 10, 5000);
        conns_write(l);
    }
    while (!s->drains) {
        peer_read(s, &got);
        turn(l);
    }
    send_stream(s, &at, 1, 100);
    conns_write(l);
    peer_read(s, &got);

    assert_stream(&got, at);
    buf_release(&got);
    side_free(l, s);
}

static void a_paused_connection_reads_nothing_until_it_goes_on(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    conn_pause(&s->conn, true);
    peer_send(s, "later");
    turn(l);
    turn(l);
    assert_int_equal(s->got.len, 0);
    conn_pause(&s->conn, true);
    conn_pause(&s->conn, false);
    turn(l);

    assert_true(bytes_equal(buf_bytes(&s->got), B("later")));
    side_free(l, s);
}

static void a_paused_connection_still_writes_and_drains(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    conn_pause(&s->conn, true);
    peer_send(s, "unread");
    drains_in_order(l, s, 5000);

    assert_int_equal(s->got.len, 0);
    side_free(l, s);
}

static void the_end_of_the_peer_is_heard_after_a_pause(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    conn_pause(&s->conn, true);
    peer_send(s, "last words");
    peer_close(s);
    turn(l);
    assert_int_equal(s->ends, 0);
    conn_pause(&s->conn, false);
    turn_until(l, &s->ends);

    assert_true(bytes_equal(buf_bytes(&s->got), B("last words")));
    side_free(l, s);
}

static void answer(struct side *s)
{
    send_text(s, "pong");
}

static void an_answer_leaves_in_the_turn_of_its_question(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    s->on_data = answer;
    peer_send(s, "ping");
    turn(l);
    peer_read(s, &got);

    assert_true(bytes_equal(buf_bytes(&got), B("pong")));
    buf_release(&got);
    side_free(l, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_arrive_as_they_come, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(nothing_is_written_before_the_end_of_the_turn, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(what_a_turn_queued_leaves_in_one_write, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(blobs_too_large_to_copy_leave_in_order, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(many_small_blobs_do_not_pass_for_a_full_socket, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(an_empty_blob_is_nothing, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_full_socket_drains_in_order, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_full_tcp_socket_drains_in_order, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_full_socket_is_counted_once_and_not_written_to_again,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(who_is_behind_may_send_anew_when_it_drains, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(a_paused_connection_reads_nothing_until_it_goes_on,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_paused_connection_still_writes_and_drains, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(the_end_of_the_peer_is_heard_after_a_pause, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(an_answer_leaves_in_the_turn_of_its_question, make_loop,
                                        end_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
