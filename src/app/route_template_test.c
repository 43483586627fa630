/* SPDX-License-Identifier: MIT */
#include "app/route_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct route_template *make(const char *path, const char *topic)
{
    struct buf error;
    bool bad_topic;

    buf_init(&error, BUF_UNBOUNDED);
    struct route_template *t =
        route_template_new(bytes_str(path), bytes_str(topic), &bad_topic, &error);
    assert_non_null(t);
    assert_int_equal(error.len, 0);
    buf_release(&error);
    return t;
}

/* The topic that `path` names, or what else comes out, as one text. */
static void assert_names(const struct route_template *t, const char *path, const char *expected)
{
    struct route_match m;
    struct bytes text = B("none");
    enum route_result result = route_template_match(t, bytes_str(path), 32, &m);

    if (result == ROUTE_OK)
        text = m.topic;
    else if (result == ROUTE_BAD_PARAMETER)
        text = B("bad");
    if (!bytes_equal(text, bytes_str(expected)))
        print_error("%s: %.*s\n", path, (int)text.len, text.ptr);
    assert_true(bytes_equal(text, bytes_str(expected)));
    if (result == ROUTE_OK)
        route_match_release(&m);
}

static void the_first_article_s_path_names_its_topic(void **state)
{
    struct route_template *t = make("/ws/posts/{post_id:int}/live", "post:{post_id}");
    struct route_match m;
    (void)state;

    enum route_result result = route_template_match(t, B("/ws/posts/42/live"), 255, &m);

    assert_int_equal(result, ROUTE_OK);
    assert_true(bytes_equal(m.topic, B("post:42")));
    assert_int_equal(m.parameter_count, 1);
    assert_true(bytes_equal(m.parameters[0].name, B("post_id")));
    assert_true(bytes_equal(m.parameters[0].value, B("42")));
    assert_true(m.parameters[0].is_int);
    route_match_release(&m);
    route_template_free(t);
}

static void an_integer_is_one_as_json_writes_it(void **state)
{
    static const char *const bad[] = {"x",
                                      "4x",
                                      "-",
                                      "+4",
                                      "04",
                                      "-0",
                                      "4.0",
                                      "4e1",
                                      "0x4",
                                      "%20",
                                      "4%20",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "%34%"};
    struct route_template *t = make("/p/{id:int}", "{id}");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf path;
        buf_init(&path, BUF_UNBOUNDED);
        buf_printf(&path, "/p/%s%c", bad[i], '\0');
        assert_names(t, path.ptr, "bad");
        buf_release(&path);
    }
    assert_names(t, "/p/0", "0");
    assert_names(t, "/p/-7", "-7");
    assert_names(t, "/p/%34%32", "42");
    assert_names(t, "/p/9223372036854775807", "9223372036854775807");
    assert_names(t, "/p/-9223372036854775808", "-9223372036854775808");
    route_template_free(t);
}

static void a_path_matches_segment_by_segment(void **state)
{
    struct route_template *t = make("/live/{room}/{seat:int}", "{seat}/{room}!");
    (void)state;

    assert_names(t, "/live/red/3", "3/red!");
    assert_names(t, "/l%69ve/red/3", "3/red!");
    assert_names(t, "/live/red/x", "bad");
    assert_names(t, "/live/red", "none");
    assert_names(t, "/live/red/3/", "none");
    assert_names(t, "/live/red/3/4", "none");
    assert_names(t, "/live//3", "none");
    assert_names(t, "//live/red/3", "none");
    assert_names(t, "live/red/3", "none");
    assert_names(t, "/Live/red/3", "none");
    assert_names(t, "/liv%/red/3", "none");
    assert_names(t, "", "none");
    assert_names(t, "/", "none");
    route_template_free(t);
}

static void a_value_is_decoded_once_and_must_be_clean(void **state)
{
    struct route_template *t = make("/r/{room}", "room:{room}");
    (void)state;

    assert_names(t, "/r/a%2Fb", "room:a/b");
    assert_names(t, "/r/%C3%A9", "room:\xc3\xa9");
    assert_names(t, "/r/a+b", "room:a+b");
    assert_names(t, "/r/%2541", "room:%41");
    assert_names(t, "/r/%00", "bad");
    assert_names(t, "/r/a%0Ab", "bad");
    assert_names(t, "/r/%C3", "bad");
    assert_names(t, "/r/%E", "bad");
    assert_names(t, "/r/%zz", "bad");
    assert_names(t, "/r/aaaaaaaaaaaaaaaaaaaaaaaaaaa", "room:aaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_names(t, "/r/aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bad"); /* 33 bytes */
    route_template_free(t);
}

static void a_bad_template_is_refused_with_what_is_allowed(void **state)
{
    static const struct {
        const char *path, *topic;
        bool bad_topic;
    } bad[] = {
        {"", "a", false},
        {"a", "a", false},
        {"/", "a", false},
        {"/a/", "a", false},
        {"/a//b", "a", false},
        {"/a/{", "a", false},
        {"/a/{b", "a", false},
        {"/a/b}", "a", false},
        {"/a/{}", "a", false},
        {"/a/x{b}", "a", false},
        {"/a/{b}x", "a", false},
        {"/a/{b}{c}", "a", false},
        {"/a/{B}", "a", false},
        {"/a/{1b}", "a", false},
        {"/a/{b:}", "a", false},
        {"/a/{b:uuid}", "a", false},
        {"/a/{b}/{b}", "a", false},
        {"/a/{b:int}/{b}", "a", false},
        {"/a b", "a", false},
        {"/a?b", "a", false},
        {"/a%20b", "a", false},
        {"/\xff", "a", false},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "a", false},
        {"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "a", false},
        {"/a", "", true},
        {"/a", "{b}", true},
        {"/a/{b}", "{c}", true},
        {"/a/{b}", "{b", true},
        {"/a/{b}", "b}", true},
        {"/a/{b}", "{b:int}", true},
        {"/a/{b}", "{{b}}", true},
        {"/a/{b}", "a\n{b}", true},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf error;
        bool bad_topic = !bad[i].bad_topic;
        buf_init(&error, BUF_UNBOUNDED);

        struct route_template *t =
            route_template_new(bytes_str(bad[i].path), bytes_str(bad[i].topic), &bad_topic, &error);

        if (t)
            print_error("%s -> %s was taken\n", bad[i].path, bad[i].topic);
        assert_null(t);
        assert_int_equal(bad_topic, bad[i].bad_topic);
        assert_true(bytes_starts(buf_bytes(&error), B("found \"")));
        buf_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_article_s_path_names_its_topic),
        cmocka_unit_test(an_integer_is_one_as_json_writes_it),
        cmocka_unit_test(a_path_matches_segment_by_segment),
        cmocka_unit_test(a_value_is_decoded_once_and_must_be_clean),
        cmocka_unit_test(a_bad_template_is_refused_with_what_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
