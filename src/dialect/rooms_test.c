/* SPDX-License-Identifier: MIT */
/*
 * rooms_test.c - claims about the rooms dialect beside its vectors: what needs more than one
 * client, or a moment between a request and its answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dialect/vectors_test.h"

static int make(void **state)
{
    *state = fake_new();
    return 0;
}

static int end(void **state)
{
    fake_free(*state);
    return 0;
}

static struct session *open_as(struct fake *f, const char *query)
{
    return fake_open(f, &rooms_dialect, &(struct fake_request){.query = query});
}

static void every_vector_holds_byte_for_byte(void **state)
{
    (void)state;

    assert_int_equal(vectors_run("tests/vectors/rooms.json", &rooms_dialect, true), 0);
}

static void nothing_is_said_before_the_home_has_answered(void **state)
{
    struct fake *f = *state;

    struct session *s = open_as(f, "token=good:ada");
    fake_text(s, "{\"type\":\"ping\"}");

    assert_int_equal(s->lines_len, 2);
    assert_string_equal(s->lines[0].ptr, "{\"status\":101}");
    assert_string_equal(s->lines[1].ptr, "{\"type\":\"pong\"}");
}

static void the_others_are_told_once_however_many_join_in_one_window(void **state)
{
    struct fake *f = *state;
    struct session *first = open_as(f, "token=good:ada");
    fake_turn(first, NULL);
    fake_forget_lines(first);

    for (int i = 0; i < 20; i++)
        open_as(f, NULL);
    fake_turn(first, NULL);

    assert_int_equal(first->lines_len, 1);
    assert_string_equal(first->lines[0].ptr,
                        "{\"type\":\"viewer_joined\",\"viewers\":21,\"people\":21}");
}

static void those_who_join_in_one_window_see_the_newest_number_last(void **state)
{
    struct fake *f = *state;
    struct session *second = open_as(f, "token=good:ada");
    struct session *first = open_as(f, "token=good:bob"); /* is answered first */

    fake_turn(second, NULL);

    assert_int_equal(first->lines_len, 4);
    assert_string_equal(first->lines[1].ptr,
                        "{\"type\":\"viewer_joined\",\"viewers\":1,\"people\":1}");
    assert_string_equal(first->lines[3].ptr,
                        "{\"type\":\"viewer_joined\",\"viewers\":2,\"people\":2}");
    assert_int_equal(second->lines_len, 3);
}

static void a_client_that_breaks_off_before_the_answer_leaves_nothing(void **state)
{
    struct fake *f = *state;
    struct session *s = open_as(f, "token=good:ada");

    fake_end(s);
    fake_answer(f);
    fake_announce(f);

    assert_null(f->hub.topics);
}

static void a_refused_client_is_not_counted(void **state)
{
    struct fake *f = *state;

    struct session *s = open_as(f, "token=forged");
    fake_turn(s, "{\"type\":\"ping\"}");

    assert_null(f->hub.topics);
    assert_int_equal(s->lines_len, 2);
}

static void who_is_refused_is_told_not_to_return(void **state)
{
    struct fake *f = *state;

    assert_false(open_as(f, "token=forged")->may_return);
}

static void who_is_closed_by_the_server_for_now_keeps_its_place(void **state)
{
    struct fake *f = *state;
    static const enum ending reasons[] = {END_STOPPING, END_EXPIRED, END_SLOW, END_TOO_FAST};

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        struct session *s = open_as(f, "token=good:ada");
        fake_turn(s, NULL);
        fake_stop(s, reasons[i]);
        assert_true(s->closed && s->may_return);
    }
}

static void the_query_wins_over_the_subprotocol(void **state)
{
    struct fake *f = *state;
    struct fake_request r = {.query = "token=good:ada", .protocols = "bearer, good:bob"};

    struct session *s = fake_open(f, &rooms_dialect, &r);

    assert_true(bytes_equal(session_key(s), B("ada")));
    assert_string_equal(s->lines[0].ptr, "{\"status\":101}");
}

static void a_subprotocol_bearer_without_a_token_is_nobody(void **state)
{
    struct fake *f = *state;

    struct session *s = fake_open(f, &rooms_dialect, &(struct fake_request){.protocols = "bearer"});

    assert_true(bytes_equal(session_key(s), B("~:0")));
    assert_string_equal(s->lines[0].ptr, "{\"status\":101,\"protocol\":\"bearer\"}");
}

static void a_token_beyond_all_measure_is_refused_or_nobody(void **state)
{
    struct fake *f = *state;
    struct buf query;

    f->token_needed = true;
    buf_init(&query, BUF_UNBOUNDED);
    buf_put(&query, B("token="));
    for (int i = 0; i < 8000; i++)
        buf_put_char(&query, 'a');
    buf_put_char(&query, '\0');
    struct session *s = open_as(f, query.ptr);
    buf_release(&query);

    assert_true(s->closed);
}

static void hostile_parameters_stay_inside_their_string(void **state)
{
    struct fake *f = *state;
    struct fake_request r = {.topic = "tag:\"><", .parameters = "\"tag\":\"\\\"\\u003e\\u003c\""};

    struct session *s = fake_open(f, &rooms_dialect, &r);
    fake_turn(s, NULL);

    assert_int_equal(s->lines_len, 3); /* the fake has checked that they are JSON */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_holds_byte_for_byte),
        cmocka_unit_test_setup_teardown(nothing_is_said_before_the_home_has_answered, make, end),
        cmocka_unit_test_setup_teardown(the_others_are_told_once_however_many_join_in_one_window,
                                        make, end),
        cmocka_unit_test_setup_teardown(those_who_join_in_one_window_see_the_newest_number_last,
                                        make, end),
        cmocka_unit_test_setup_teardown(a_client_that_breaks_off_before_the_answer_leaves_nothing,
                                        make, end),
        cmocka_unit_test_setup_teardown(a_refused_client_is_not_counted, make, end),
        cmocka_unit_test_setup_teardown(who_is_refused_is_told_not_to_return, make, end),
        cmocka_unit_test_setup_teardown(who_is_closed_by_the_server_for_now_keeps_its_place, make,
                                        end),
        cmocka_unit_test_setup_teardown(the_query_wins_over_the_subprotocol, make, end),
        cmocka_unit_test_setup_teardown(a_subprotocol_bearer_without_a_token_is_nobody, make, end),
        cmocka_unit_test_setup_teardown(a_token_beyond_all_measure_is_refused_or_nobody, make, end),
        cmocka_unit_test_setup_teardown(hostile_parameters_stay_inside_their_string, make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
