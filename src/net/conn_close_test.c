/* SPDX-License-Identifier: MIT */
/*
 * conn_close_test.c - claims about how connections end, from either side.
 */
#include "net/conn.h"

#include "net/peers_test.h"

static void a_close_sends_what_is_queued_first(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    send_text(s, "goodbye");
    conn_close(&s->conn, false);
    assert_true(conn_closing(&s->conn));
    send_text(s, "too late");
    turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(peer_read(s, &got), 0);
    assert_true(bytes_equal(buf_bytes(&got), B("goodbye")));
    buf_release(&got);
    side_free(l, s);
}

static void a_close_waits_until_a_full_socket_has_taken_everything(void **state)
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
    conn_close(&s->conn, false);
    turn(l);
    turn(l);
    assert_int_equal(s->closes, 0);
    while (peer_read(s, &got) != 0) {
        loop_poll(l, loop_now_ms(l) + 1);
        conns_write(l);
    }
    turn_until(l, &s->closes);

    assert_stream(&got, at);
    assert_int_equal(s->drains, 0); /* nobody is asked for more */
    buf_release(&got);
    side_free(l, s);
}

static void a_lingering_close_ends_our_side_and_waits_for_the_peers(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    send_text(s, "refused");
    conn_close(&s->conn, true);
    turn(l);
    assert_int_equal(peer_read(s, &got), 0);
    peer_send(s, "still talking");
    turn(l);
    turn(l);
    assert_int_equal(s->closes, 0);
    peer_close(s);
    turn_until(l, &s->closes);

    assert_true(bytes_equal(buf_bytes(&got), B("refused")));
    assert_int_equal(s->got.len, 0);
    buf_release(&got);
    side_free(l, s);
}

/* Without the linger the unread input would make the kernel send a reset, which discards the
 * answer. */
static void an_answer_to_unread_input_is_not_lost_with_a_reset(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);
    struct buf got;
    char much[4096];

    memset(much, 'x', sizeof(much));
    buf_init(&got, BUF_UNBOUNDED);
    conn_pause(&s->conn, true);
    while (send(s->peer, much, sizeof(much), MSG_NOSIGNAL) > 0)
        ;
    send_text(s, "413");
    conn_close(&s->conn, true);
    turn(l);
    while (got.len < 3) {
        ssize_t n = peer_read(s, &got);
        assert_true(n == 0 || (n < 0 && errno == EAGAIN));
    }
    peer_close(s);
    turn_until(l, &s->closes);

    assert_true(bytes_equal(buf_bytes(&got), B("413")));
    buf_release(&got);
    side_free(l, s);
}

static void a_lingering_connection_can_be_cut_off(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    conn_close(&s->conn, true);
    turn(l);
    assert_int_equal(s->closes, 0);
    conn_abort(&s->conn);
    turn(l);
    turn_until(l, &s->closes);

    side_free(l, s);
}

static void an_abort_sends_nothing_more(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    send_text(s, "never");
    conn_abort(&s->conn);
    turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(peer_read(s, &got), 0);
    assert_int_equal(got.len, 0);
    buf_release(&got);
    side_free(l, s);
}

static void an_abort_gives_back_what_a_full_socket_did_not_take(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    size_t at = 0;

    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 100, 5000);
        conns_write(l);
    }
    conn_abort(&s->conn);
    turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(loop_counts(l)->outboxes, 0);
    side_free(l, s);
}

static void an_abort_is_told_as_an_end_that_broke(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    conn_abort(&s->conn);
    conn_abort(&s->conn);
    conn_close(&s->conn, true);
    turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(s->ends, 1);
    assert_true(s->broken);
    side_free(l, s);
}

static void the_peers_end_is_told_once_and_leaves_our_side_open(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    peer_send(s, "request");
    shutdown(s->peer, SHUT_WR);
    turn_until(l, &s->ends);
    turn(l);
    turn(l);
    assert_false(s->broken);
    assert_int_equal(s->ends, 1);
    send_text(s, "response");
    conn_close(&s->conn, true);
    turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(peer_read(s, &got), 0);
    assert_true(bytes_equal(buf_bytes(&got), B("response")));
    assert_true(bytes_equal(buf_bytes(&s->got), B("request")));
    buf_release(&got);
    side_free(l, s);
}

static void answer_at_length(struct side *s)
{
    size_t at = 0;

    send_stream(s, &at, 100, 50000);
    conn_close(&s->conn, true);
}

/* A client may end its side behind a request and then read a long answer. */
static void a_long_answer_reaches_a_peer_that_has_ended_its_side(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    s->on_end = answer_at_length;
    shutdown(s->peer, SHUT_WR);
    turn_until(l, &s->ends);
    while (peer_read(s, &got) != 0) {
        assert_int_equal(errno, EAGAIN);
        loop_poll(l, loop_now_ms(l) + 1);
        conns_write(l);
    }
    turn_until(l, &s->closes);

    assert_stream(&got, 5000000);
    buf_release(&got);
    side_free(l, s);
}

static void a_long_answer_reaches_a_peer_that_ends_its_side_meanwhile(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    s->on_data = answer_at_length;
    peer_send(s, "?");
    turn(l);
    shutdown(s->peer, SHUT_WR);
    while (peer_read(s, &got) != 0) {
        assert_int_equal(errno, EAGAIN);
        loop_poll(l, loop_now_ms(l) + 1);
        conns_write(l);
    }
    turn_until(l, &s->closes);

    assert_stream(&got, 5000000);
    buf_release(&got);
    side_free(l, s);
}

static void a_reset_of_the_peer_is_an_end_that_broke(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);

    peer_reset(s);
    turn_until(l, &s->closes);

    assert_int_equal(s->ends, 1);
    assert_true(s->broken);
    side_free(l, s);
}

static void what_came_before_a_reset_is_still_read(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    /* Unread input on the peer's end makes its close a reset. */
    send_text(s, "unread");
    conns_write(l);
    peer_send(s, "last words");
    peer_close(s);
    turn_until(l, &s->ends);

    assert_true(bytes_equal(buf_bytes(&s->got), B("last words")));
    side_free(l, s);
}

static void a_reset_while_writing_ends_the_connection(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);
    size_t at = 0;

    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 10, 5000);
        conns_write(l);
    }
    peer_reset(s);
    turn_until(l, &s->closes);

    assert_int_equal(s->ends, 1);
    assert_true(s->broken);
    assert_int_equal(s->drains, 0);
    side_free(l, s);
}

static void a_write_to_one_who_is_gone_ends_the_connection(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    peer_close(s);
    send_text(s, "anybody there?");
    conns_write(l);
    turn_until(l, &s->closes);

    assert_int_equal(s->ends, 1);
    assert_true(s->broken);
    assert_int_equal(loop_counts(l)->outboxes, 0);
    side_free(l, s);
}

static void a_reset_while_flushing_ends_the_close(void **state)
{
    struct loop *l = *state;
    struct side *s = side_tcp(l);
    size_t at = 0;

    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 10, 5000);
        conns_write(l);
    }
    conn_close(&s->conn, true);
    turn(l);
    peer_reset(s);
    turn_until(l, &s->closes);

    assert_int_equal(s->ends, 1);
    side_free(l, s);
}

static void refuse(struct side *s)
{
    send_text(s, "no");
    conn_close(&s->conn, false);
}

static void cut(struct side *s)
{
    conn_abort(&s->conn);
}

static void a_connection_may_end_in_its_own_callbacks(void **state)
{
    struct loop *l = *state;
    struct side *refused = side_local(l), *dropped = side_local(l), *ended = side_local(l);
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    refused->on_data = refuse;
    dropped->on_data = cut;
    ended->on_end = cut;
    peer_send(refused, "?");
    peer_send(dropped, "?");
    shutdown(ended->peer, SHUT_WR);
    turn_until(l, &refused->closes);
    turn_until(l, &dropped->closes);
    turn_until(l, &ended->closes);

    peer_read(refused, &got);
    assert_true(bytes_equal(buf_bytes(&got), B("no")));
    assert_int_equal(ended->ends, 1);
    buf_release(&got);
    side_free(l, refused);
    side_free(l, dropped);
    side_free(l, ended);
}

static void a_connection_may_end_when_it_drains(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);
    struct buf got;
    size_t at = 0;

    buf_init(&got, BUF_UNBOUNDED);
    s->on_drained = refuse;
    while (!conn_blocked(&s->conn)) {
        send_stream(s, &at, 10, 5000);
        conns_write(l);
    }
    while (peer_read(s, &got) != 0)
        turn(l);
    turn_until(l, &s->closes);

    assert_int_equal(got.len, at + 2);
    assert_int_equal(s->drains, 1);
    buf_release(&got);
    side_free(l, s);
}

static void nothing_is_read_after_a_close(void **state)
{
    struct loop *l = *state;
    struct side *s = side_local(l);

    peer_send(s, "unread");
    conn_close(&s->conn, true);
    turn(l);
    peer_close(s);
    turn_until(l, &s->closes);

    assert_int_equal(s->got.len, 0);
    side_free(l, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_close_sends_what_is_queued_first, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_close_waits_until_a_full_socket_has_taken_everything,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_lingering_close_ends_our_side_and_waits_for_the_peers,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(an_answer_to_unread_input_is_not_lost_with_a_reset,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_lingering_connection_can_be_cut_off, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(an_abort_sends_nothing_more, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(an_abort_gives_back_what_a_full_socket_did_not_take,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(an_abort_is_told_as_an_end_that_broke, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(the_peers_end_is_told_once_and_leaves_our_side_open,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_long_answer_reaches_a_peer_that_has_ended_its_side,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_long_answer_reaches_a_peer_that_ends_its_side_meanwhile,
                                        make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_reset_of_the_peer_is_an_end_that_broke, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(what_came_before_a_reset_is_still_read, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(a_reset_while_writing_ends_the_connection, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(a_write_to_one_who_is_gone_ends_the_connection, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(a_reset_while_flushing_ends_the_close, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_connection_may_end_in_its_own_callbacks, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(a_connection_may_end_when_it_drains, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(nothing_is_read_after_a_close, make_loop, end_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
