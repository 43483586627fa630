/* SPDX-License-Identifier: MIT */
/*
 * phoenix_test.c - claims about the Phoenix dialect beside its vectors: the handshake, and what
 * needs more than one client or a moment between a join and its answer.
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

static struct session *open_phoenix(struct fake *f, const char *query, const char *protocols)
{
    struct fake_request r = {.query = query, .protocols = protocols};

    return fake_open(f, &phoenix_dialect, &r);
}

static struct session *open_silent(struct fake *f, const char *query)
{
    struct session *s = open_phoenix(f, query, NULL);

    fake_forget_lines(s);
    return s;
}

static void every_vector_holds(void **state)
{
    (void)state;

    assert_int_equal(vectors_run("tests/vectors/phoenix.json", &phoenix_dialect, false), 0);
}

static void versions_are_whole_and_known(void **state)
{
    static const struct {
        const char *query;
        bool good;
        bool array; /* version 2 */
    } table[] = {
        {NULL, true, false},          {"a=1", true, false},          {"vsn=1.0.0", true, false},
        {"vsn=1.0.7", true, false},   {"vsn=2.0.0", true, true},     {"vsn=2.0.1", true, true},
        {"vsn=2.1.0", false, true},   {"vsn=3.0.0", false, true},    {"vsn=1.1.0", false, true},
        {"vsn=2", false, true},       {"vsn=2.0", false, true},      {"vsn=2.0.", false, true},
        {"vsn=", false, true},        {"vsn", false, true},          {"vsn=abc", false, true},
        {"vsn=2.0.0.0", false, true}, {"vsn=2.0.x", false, true},    {"vsn=.2.0.0", false, true},
        {"vsn=%ff", false, true},     {"vsn=2%2e0%2e0", true, true}, {"vsn=20.0.0", false, true},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct session *s = open_phoenix(f, table[i].query, NULL);
        assert_string_equal(s->lines[0].ptr,
                            table[i].good ? "{\"status\":101}" : "{\"status\":403}");
        if (!table[i].good)
            continue;
        fake_text(s, table[i].array ? "[null,\"1\",\"phoenix\",\"heartbeat\",{}]"
                                    : "{\"topic\":\"phoenix\",\"event\":\"heartbeat\","
                                      "\"payload\":{},\"ref\":\"1\"}");
        assert_false(s->closed);
        assert_int_equal(s->lines_len, 2);
    }
}

static void tokens_by_subprotocol_come_in_either_alphabet(void **state)
{
    /* "good:~~~>>>" and "good:???" have the characters that differ. */
    static const struct {
        const char *protocols, *key;
    } table[] = {
        {"phoenix, base64url.bearer.phx.Z29vZDphZGE", "ada"},
        {"base64url.bearer.phx.Z29vZDphZGE,phoenix", "ada"},
        {"phoenix, base64url.bearer.phx.Z29vZDphZGE=", "ada"},
        {"phoenix, base64url.bearer.phx.Z29vZDp+fn4+Pj4", "~~~>>>"},
        {"phoenix, base64url.bearer.phx.Z29vZDp-fn4-Pj4", "~~~>>>"},
        {"phoenix, base64url.bearer.phx.Z29vZDp4Pz8/", "x???"},
        {"phoenix, base64url.bearer.phx.Z29vZDp4Pz8_", "x???"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct session *s = open_phoenix(f, "vsn=2.0.0", table[i].protocols);
        assert_string_equal(s->lines[0].ptr, "{\"status\":101,\"protocol\":\"phoenix\"}");
        assert_true(bytes_equal(session_key(s), bytes_str(table[i].key)));
    }
}

static void a_bad_token_is_refused_before_the_upgrade(void **state)
{
    static const char *const protocols[] = {"phoenix, base64url.bearer.phx.Zm9yZ2Vk",
                                            "phoenix, base64url.bearer.phx.Z29vZDph%",
                                            "phoenix, base64url.bearer.phx.Z29vZ", NULL};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        const char *query = protocols[i] ? "vsn=2.0.0" : "vsn=2.0.0&token=forged";
        struct session *s = open_phoenix(f, query, protocols[i]);
        assert_true(s->closed);
        assert_true(bytes_starts(bytes_str(s->lines[0].ptr), B("{\"status\":403")));
    }
}

static void the_protocol_phoenix_is_answered_without_a_token(void **state)
{
    struct fake *f = *state;

    struct session *s = open_phoenix(f, "vsn=2.0.0", "phoenix");

    assert_string_equal(s->lines[0].ptr, "{\"status\":101,\"protocol\":\"phoenix\"}");
}

static void the_token_of_the_query_and_the_visitor_are_taken(void **state)
{
    struct fake *f = *state;

    assert_true(bytes_equal(session_key(open_silent(f, "token=good:ada&vsn=2.0.0")), B("ada")));
    struct bytes visitor = session_key(open_silent(f, "visitor=blue&vsn=2.0.0"));
    assert_true(visitor.len == 17 && bytes_starts(visitor, B("~")));
    assert_true(
        bytes_equal(session_key(open_silent(f, "visitor=b&token=good:a&vsn=2.0.0")), B("a")));
    assert_true(open_phoenix(f, "visitor=a%20b", NULL)->closed);
    assert_true(open_phoenix(f, "visitor=%ff", NULL)->closed);
    assert_true(open_phoenix(f, "token=%ff", NULL)->closed);
}

static void a_join_before_the_answer_of_another_replaces_it(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0");

    fake_text(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{\"track\":false}]");
    fake_text(s, "[\"2\",\"2\",\"a:1\",\"phx_join\",{\"presence\":\"count\"}]");
    fake_turn(s, NULL);

    assert_int_equal(s->lines_len, 3);
    assert_true(bytes_starts(bytes_str(s->lines[0].ptr), B("[\"2\",\"2\",\"a:1\",\"phx_reply\"")));
    assert_string_equal(s->lines[1].ptr, "[\"1\",\"1\",\"a:1\",\"phx_close\",{}]");
    assert_true(bytes_starts(bytes_str(s->lines[2].ptr), B("[\"2\",null,\"a:1\",\"count\"")));
}

static void a_leave_before_the_answer_of_the_join_is_answered_at_once(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0");

    fake_text(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{}]");
    fake_text(s, "[\"1\",\"2\",\"a:1\",\"phx_leave\",{}]");
    fake_turn(s, NULL);

    assert_int_equal(s->lines_len, 2);
    assert_true(bytes_starts(bytes_str(s->lines[0].ptr), B("[\"1\",\"2\",\"a:1\",\"phx_reply\"")));
    assert_null(f->hub.topics);
}

static void pushes_before_the_answer_of_the_join_are_refused(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0");
    f->settings.client_events = true;

    fake_text(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{}]");
    fake_text(s, "[\"1\",\"2\",\"a:1\",\"clap\",{}]");
    fake_text(s, "[\"1\",\"3\",\"a:1\",\"update\",{\"meta\":{}}]");

    assert_int_equal(s->lines_len, 2);
    assert_non_null(strstr(s->lines[0].ptr, "\"status\":\"error\""));
    assert_non_null(strstr(s->lines[1].ptr, "\"status\":\"error\""));
}

static void heartbeats_do_not_wait_for_joins(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0");

    fake_text(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{}]");
    fake_text(s, "[null,\"2\",\"phoenix\",\"heartbeat\",{}]");
    fake_turn(s, NULL);

    assert_non_null(strstr(s->lines[0].ptr, "\"phoenix\""));
}

static void both_versions_see_each_other(void **fixture)
{
    struct fake *f = *fixture;
    struct session *one = open_silent(f, "vsn=1.0.0&token=good:ada");
    struct session *two = open_silent(f, "vsn=2.0.0&token=good:bob");
    fake_turn(one, "{\"topic\":\"a:1\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}");
    fake_forget_lines(one);

    fake_turn(two, "[\"1\",\"1\",\"a:1\",\"phx_join\",{}]");

    assert_int_equal(one->lines_len, 1);
    assert_string_equal(one->lines[0].ptr,
                        "{\"topic\":\"a:1\",\"event\":\"presence_diff\",\"ref\":null,\"payload\":"
                        "{\"joins\":{\"bob\":{\"metas\":[{\"phx_ref\":\"AAAABwAAAAACAAAA\"}]}},"
                        "\"leaves\":{}}}");
    assert_int_equal(two->lines_len, 2);
    json_t *state = json_loads(two->lines[1].ptr, 0, NULL);
    assert_int_equal(json_object_size(json_array_get(state, 4)), 2);
    json_decref(state);
}

static void who_joins_while_a_topic_rests_gets_the_state_before_and_then_a_diff(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0&token=good:ada");

    fake_text(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{}]");
    fake_answer(f);
    fake_announce(f);

    assert_int_equal(s->lines_len, 3);
    assert_string_equal(s->lines[1].ptr, "[null,null,\"a:1\",\"presence_state\",{}]");
    assert_string_equal(s->lines[2].ptr,
                        "[null,null,\"a:1\",\"presence_diff\",{\"joins\":{\"ada\":{\"metas\":"
                        "[{\"phx_ref\":\"AAAABwAAAAABAAAA\"}]}},\"leaves\":{}}]");
}

static void a_malformed_message_closes_and_nothing_more_is_heard(void **state)
{
    struct fake *f = *state;
    struct session *s = open_silent(f, "vsn=2.0.0");
    fake_turn(s, "[\"1\",\"1\",\"a:1\",\"phx_join\",{\"track\":false}]");
    fake_forget_lines(s);

    fake_text(s, "[");
    fake_turn(s, "[null,\"2\",\"phoenix\",\"heartbeat\",{}]");

    assert_true(s->closed && s->may_return);
    assert_int_equal(s->lines_len, 1);
    assert_string_equal(s->lines[0].ptr, "{\"close\":1011,\"reason\":\"\"}");
}

/* After code 1000 most stock clients stay away for ever. */
static void no_session_is_ever_ended_with_code_1000(void **state)
{
    struct fake *f = *state;

    for (int why = END_STOPPING; why <= END_NO_HELLO; why++) {
        struct session *s = open_silent(f, "vsn=2.0.0");
        fake_stop(s, (enum ending)why);
        if (s->lines_len)
            assert_null(strstr(s->lines[0].ptr, "1000"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_holds),
        cmocka_unit_test_setup_teardown(versions_are_whole_and_known, make, end),
        cmocka_unit_test_setup_teardown(tokens_by_subprotocol_come_in_either_alphabet, make, end),
        cmocka_unit_test_setup_teardown(a_bad_token_is_refused_before_the_upgrade, make, end),
        cmocka_unit_test_setup_teardown(the_protocol_phoenix_is_answered_without_a_token, make,
                                        end),
        cmocka_unit_test_setup_teardown(the_token_of_the_query_and_the_visitor_are_taken, make,
                                        end),
        cmocka_unit_test_setup_teardown(a_join_before_the_answer_of_another_replaces_it, make, end),
        cmocka_unit_test_setup_teardown(a_leave_before_the_answer_of_the_join_is_answered_at_once,
                                        make, end),
        cmocka_unit_test_setup_teardown(pushes_before_the_answer_of_the_join_are_refused, make,
                                        end),
        cmocka_unit_test_setup_teardown(heartbeats_do_not_wait_for_joins, make, end),
        cmocka_unit_test_setup_teardown(both_versions_see_each_other, make, end),
        cmocka_unit_test_setup_teardown(
            who_joins_while_a_topic_rests_gets_the_state_before_and_then_a_diff, make, end),
        cmocka_unit_test_setup_teardown(a_malformed_message_closes_and_nothing_more_is_heard, make,
                                        end),
        cmocka_unit_test_setup_teardown(no_session_is_ever_ended_with_code_1000, make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
