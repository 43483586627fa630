/* SPDX-License-Identifier: MIT */
/*
 * native_test.c - claims about the native dialect beside its vectors, and that the vectors have an
 * example of everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dialect/vectors_test.h"

#define VECTORS "tests/vectors/native.json"

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

static struct session *open_native(struct fake *f)
{
    struct session *s =
        fake_open(f, &native_dialect, &(struct fake_request){.protocols = "rollcall.v1"});

    fake_forget_lines(s);
    return s;
}

static struct session *hello(struct fake *f, const char *message)
{
    struct session *s = open_native(f);

    fake_turn(s, message);
    fake_forget_lines(s);
    return s;
}

static void every_vector_holds(void **state)
{
    (void)state;

    assert_int_equal(vectors_run(VECTORS, &native_dialect, false), 0);
}

/* How many messages of the list begin so; `second` is for errors' codes and reasons of a bye. */
static size_t count_kind(const json_t *messages, const char *kind, const char *code)
{
    size_t i, found = 0;
    json_t *message;

    json_array_foreach(messages, i, message)
    {
        const char *name = json_string_value(json_array_get(message, 0));
        const char *other = json_string_value(json_array_get(message, kind[0] == 'e' ? 2 : 1));
        if (name && strcmp(name, kind) == 0 && (!code || (other && strcmp(other, code) == 0)))
            found++;
    }
    return found;
}

static void the_vectors_have_every_message_and_every_code(void **state)
{
    static const char *const client[] = {"hello",   "join", "watch", "leave", "update",
                                         "publish", "ping", "pong",  "list"};
    static const char *const server[] = {"welcome", "error", "joined", "watching", "ok",
                                         "state",   "diff",  "count",  "event",    "ping",
                                         "pong",    "bye",   "page",   "truncated"};
    static const char *const codes[] = {
        "bad_message", "bad_visitor",    "bad_token",      "no_hello",   "bad_ref",
        "bad_mode",    "no_list",        "already_joined", "not_joined", "unknown_message",
        "events_off",  "forbidden",      "meta_too_large", "bad_topic",  "too_many_topics_joined",
        "topic_full",  "too_many_topics"};
    static const char *const byes[] = {"stopping", "token_expired", "too_fast", "no_hello"};
    json_t *tests = json_load_file(VECTORS, 0, NULL), *asked = json_array(), *said = json_array();
    json_t *test;
    size_t i;
    (void)state;

    json_array_foreach(tests, i, test)
    {
        json_array_append(asked, json_object_get(test, "client"));
        json_array_extend(said, json_object_get(test, "server"));
    }

    for (i = 0; i < ARRAY_LEN(client); i++)
        assert_true(count_kind(asked, client[i], NULL) > 0);
    for (i = 0; i < ARRAY_LEN(server); i++)
        assert_true(count_kind(said, server[i], NULL) > 0);
    for (i = 0; i < ARRAY_LEN(codes); i++)
        assert_true(count_kind(said, "error", codes[i]) > 0);
    for (i = 0; i < ARRAY_LEN(byes); i++)
        assert_true(count_kind(said, "bye", byes[i]) > 0);
    json_decref(tests);
    json_decref(asked);
    json_decref(said);
}

static void messages_before_the_answer_of_a_join_find_no_topic(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\"]");

    fake_text(s, "[\"join\",1,\"post:1\"]");
    fake_text(s, "[\"leave\",2,0]");
    fake_turn(s, NULL);

    assert_int_equal(s->lines_len, 2);
    assert_non_null(strstr(s->lines[0].ptr, "\"not_joined\""));
    assert_string_equal(s->lines[1].ptr, "[\"joined\",1,0,1,1,\"AAAABwAAAAABAA\"]");
}

static void a_second_join_before_the_answer_of_the_first_is_refused(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\"]");

    fake_text(s, "[\"join\",1,\"post:1\"]");
    fake_text(s, "[\"watch\",2,\"post:1\"]");

    assert_int_equal(s->lines_len, 1);
    assert_non_null(strstr(s->lines[0].ptr, "[\"error\",2,\"already_joined\""));
}

static void answers_carry_the_number_of_their_own_message(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\"]");

    fake_text(s, "[\"join\",0,\"post:1\"]");
    fake_text(s, "[\"watch\",2147483647,\"post:2\"]");
    fake_turn(s, NULL);

    assert_int_equal(s->lines_len, 2);
    assert_true(bytes_starts(bytes_str(s->lines[0].ptr), B("[\"joined\",0,")));
    assert_true(bytes_starts(bytes_str(s->lines[1].ptr), B("[\"watching\",2147483647,")));
}

static void a_topic_that_was_left_may_be_joined_again(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\"]");

    fake_turn(s, "[\"join\",1,\"post:1\"]");
    fake_turn(s, "[\"leave\",2,0]");
    fake_turn(s, "[\"join\",3,\"post:1\"]");

    assert_int_equal(s->lines_len, 3);
    assert_true(bytes_starts(bytes_str(s->lines[2].ptr), B("[\"joined\",3,")));
}

static void two_clients_see_each_other_in_their_own_mode(void **state)
{
    struct fake *f = *state;
    struct session *list = hello(f, "[\"hello\",{\"token\":\"good:ada\"}]");
    struct session *count = hello(f, "[\"hello\",{\"token\":\"good:bob\"}]");
    fake_turn(list, "[\"join\",1,\"post:1\",{\"mode\":\"list\"}]");
    fake_forget_lines(list);

    fake_turn(count, "[\"join\",1,\"post:1\",{\"meta\":{\"a\":1}}]");
    fake_turn(count, "[\"update\",2,0,{\"a\":2}]");

    assert_int_equal(list->lines_len, 2);
    assert_string_equal(list->lines[0].ptr,
                        "[\"diff\",0,2,2,[[\"AAAABwAAAAACAA\",\"bob\",{\"a\":1}]],[],[]]");
    assert_string_equal(list->lines[1].ptr,
                        "[\"diff\",0,2,2,[],[],[[\"AAAABwAAAAACAA\",\"bob\",{\"a\":2}]]]");
    assert_int_equal(count->lines_len, 2);
    assert_string_equal(count->lines[1].ptr, "[\"ok\",2]");
}

static void a_visitor_who_comes_back_in_time_takes_the_old_place_unannounced(void **state)
{
    struct fake *f = *state;
    f->settings.leave_grace_ms = 60000;
    struct session *watcher = hello(f, "[\"hello\"]");
    struct session *before = hello(f, "[\"hello\",{\"visitor\":\"blue\"}]");
    fake_turn(before, "[\"join\",1,\"post:1\"]");
    fake_turn(watcher, "[\"watch\",1,\"post:1\",{\"mode\":\"list\"}]");
    fake_forget_lines(watcher);

    fake_end(before);
    fake_announce(f);
    struct session *after = hello(f, "[\"hello\",{\"visitor\":\"blue\"}]");
    fake_turn(after, "[\"join\",5,\"post:1\"]");

    assert_int_equal(watcher->lines_len, 0);
    assert_string_equal(after->lines[0].ptr, "[\"joined\",5,0,1,1,\"AAAABwAAAAABAA\"]");
}

/* They would end the channels, or replace the lists, of Phoenix clients in the topic. */
static void events_by_the_names_of_another_protocol_are_not_relayed(void **state)
{
    static const char *const names[] = {"phx_close", "phx_error", "presence_state", "presence_diff",
                                        "count"};
    struct fake *f = *state;
    f->settings.client_events = true;
    struct session *anna = hello(f, "[\"hello\"]"), *other = hello(f, "[\"hello\"]");
    fake_turn(anna, "[\"join\",1,\"post:1\"]");
    fake_turn(other, "[\"watch\",1,\"post:1\"]");
    fake_forget_lines(anna);
    fake_forget_lines(other);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char message[64];
        snprintf(message, sizeof(message), "[\"publish\",2,0,\"%s\",{}]", names[i]);
        fake_turn(anna, message);
        assert_true(
            bytes_starts(bytes_str(anna->lines[i].ptr), B("[\"error\",2,\"bad_message\",")));
    }
    fake_turn(anna, "[\"publish\",3,0,\"phx\",{}]");

    assert_int_equal(other->lines_len, 1);
    assert_string_equal(other->lines[0].ptr, "[\"event\",0,\"phx\",{}]");
}

static void a_meta_keeps_its_unicode_and_its_numbers(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\",{\"token\":\"good:ada\"}]");

    fake_turn(s, "[\"join\",1,\"p\",{\"mode\":\"list\",\"meta\":"
                 "{\"n\":\"\\u00e4\\ud83d\\ude00\",\"i\":9007199254740993,\"r\":0.5,\"e\":\"\"}}]");

    assert_int_equal(s->lines_len, 2);
    assert_non_null(strstr(s->lines[1].ptr, "{\"n\":\"\xc3\xa4\xf0\x9f\x98\x80\",\"i\":"
                                            "9007199254740993,\"r\":0.5,\"e\":\"\"}"));
}

static void who_joins_while_a_topic_rests_gets_the_state_before_and_then_a_diff(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\",{\"token\":\"good:ada\"}]");
    fake_enter(f, "post:1", B("bob"), (struct bytes){0});
    fake_announce(f);

    fake_text(s, "[\"join\",1,\"post:1\",{\"mode\":\"list\"}]");
    fake_answer(f);
    fake_announce(f);

    assert_int_equal(s->lines_len, 3);
    assert_string_equal(s->lines[0].ptr, "[\"joined\",1,0,1,1,\"AAAABwAAAAACAA\"]");
    assert_string_equal(s->lines[1].ptr, "[\"state\",0,1,1,[[\"AAAABwAAAAABAA\",\"bob\",{}]]]");
    assert_string_equal(s->lines[2].ptr,
                        "[\"diff\",0,2,2,[[\"AAAABwAAAAACAA\",\"ada\",{}]],[],[]]");
}

static void nothing_is_counted_for_who_was_refused(void **state)
{
    struct fake *f = *state;
    struct session *s = open_native(f);

    fake_turn(s, "[\"hello\",{\"token\":\"forged\"}]");
    fake_turn(s, "[\"join\",1,\"post:1\"]");

    assert_true(s->closed);
    assert_int_equal(s->lines_len, 2);
    assert_null(f->hub.topics);
}

static void a_message_as_deep_as_the_parser_goes_is_answered(void **state)
{
    struct fake *f = *state;
    struct session *s = hello(f, "[\"hello\"]");
    struct buf deep;

    buf_init(&deep, BUF_UNBOUNDED);
    for (int i = 0; i < 60000; i++)
        buf_put_char(&deep, '[');
    fake_message(s, buf_bytes(&deep), false);
    buf_release(&deep);

    assert_int_equal(s->lines_len, 1);
    assert_non_null(strstr(s->lines[0].ptr, "bad_message"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_holds),
        cmocka_unit_test(the_vectors_have_every_message_and_every_code),
        cmocka_unit_test_setup_teardown(messages_before_the_answer_of_a_join_find_no_topic, make,
                                        end),
        cmocka_unit_test_setup_teardown(a_second_join_before_the_answer_of_the_first_is_refused,
                                        make, end),
        cmocka_unit_test_setup_teardown(answers_carry_the_number_of_their_own_message, make, end),
        cmocka_unit_test_setup_teardown(a_topic_that_was_left_may_be_joined_again, make, end),
        cmocka_unit_test_setup_teardown(two_clients_see_each_other_in_their_own_mode, make, end),
        cmocka_unit_test_setup_teardown(
            a_visitor_who_comes_back_in_time_takes_the_old_place_unannounced, make, end),
        cmocka_unit_test_setup_teardown(events_by_the_names_of_another_protocol_are_not_relayed,
                                        make, end),
        cmocka_unit_test_setup_teardown(a_meta_keeps_its_unicode_and_its_numbers, make, end),
        cmocka_unit_test_setup_teardown(
            who_joins_while_a_topic_rests_gets_the_state_before_and_then_a_diff, make, end),
        cmocka_unit_test_setup_teardown(nothing_is_counted_for_who_was_refused, make, end),
        cmocka_unit_test_setup_teardown(a_message_as_deep_as_the_parser_goes_is_answered, make,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
