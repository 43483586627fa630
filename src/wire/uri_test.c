/* SPDX-License-Identifier: MIT */
#include "wire/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/heap.h"

/* `text` in memory of its exact size. */
static struct bytes exact(struct bytes text)
{
    char *p = heap_alloc(text.len);

    if (text.len)
        memcpy(p, text.ptr, text.len);
    return bytes_of(p, text.len);
}

static void free_exact(struct bytes text)
{
    heap_free((void *)(uintptr_t)text.ptr);
}

static void assert_bytes(struct bytes got, struct bytes want)
{
    assert_int_equal(got.len, want.len);
    if (want.len)
        assert_memory_equal(got.ptr, want.ptr, want.len);
}

typedef bool decoder(struct bytes in, struct buf *out);

/* Decodes behind what is there already; `want` is NULL if it must be refused. */
static void check(decoder *decode, struct bytes in, const struct bytes *want)
{
    struct buf out;
    buf_init(&out, BUF_UNBOUNDED);
    buf_put(&out, B("before"));
    struct bytes copy = exact(in);

    bool ok = decode(copy, &out);

    assert_int_equal(ok, want != NULL);
    assert_bytes(bytes_of(out.ptr, 6), B("before"));
    assert_bytes(bytes_skip(buf_bytes(&out), 6), want ? *want : B(""));
    free_exact(copy);
    buf_release(&out);
}

static void percent_sequences_are_decoded_once(void **state)
{
    static const struct {
        struct bytes in;
        struct bytes out;
    } cases[] = {
        {{"", 0}, {"", 0}},
        {{"abc", 3}, {"abc", 3}},
        {{"a%20b", 5}, {"a b", 3}},
        {{"%2f%2F", 6}, {"//", 2}},
        {{"%2541", 5}, {"%41", 3}},
        {{"a+b", 3}, {"a+b", 3}},
        {{"%E2%82%ac", 9}, {"\xe2\x82\xac", 3}},
        {{"\xe2\x82\xac", 3}, {"\xe2\x82\xac", 3}},
        {{"%7f%01", 6}, {"\x7f\x01", 2}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(uri_decode, cases[i].in, &cases[i].out);
}

static void what_is_not_a_text_is_refused(void **state)
{
    static const struct bytes cases[] = {
        {"%", 1},    {"a%2", 3}, {"%zz", 3},    {"%2g", 3},           {"%00", 3},
        {"a\0b", 3}, {"%ff", 3}, {"%c0%af", 6}, {"%ed%a0%80", 9},     {"%e2%82", 6},
        {"\xff", 1}, {"%+1", 3}, {"% 1", 3},    {"%f4%90%80%80", 12}, {"%u0041", 6},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(uri_decode, cases[i], NULL);
        check(uri_decode_form, cases[i], NULL);
    }
}

static void a_plus_is_a_space_in_forms_only(void **state)
{
    (void)state;
    struct bytes want = B("a b+c");
    check(uri_decode_form, B("a+b%2Bc"), &want);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 3);

    assert_true(uri_decode(B("%41bc"), &out));
    assert_false(uri_decode(B("d"), &out));

    assert_bytes(buf_bytes(&out), B("Abc"));
    buf_release(&out);
}

static void pairs_are_walked_past_empty_ones(void **state)
{
    (void)state;
    struct bytes rest = exact(B("&a=1&&b&c=2=3&=4&"));
    struct bytes all = rest;
    static const char *const want[][2] = {{"a", "1"}, {"b", ""}, {"c", "2=3"}, {"", "4"}};

    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct bytes name;
        struct bytes value;
        assert_true(query_next(&rest, &name, &value));
        assert_bytes(name, bytes_str(want[i][0]));
        assert_bytes(value, bytes_str(want[i][1]));
    }

    struct bytes none;
    assert_false(query_next(&rest, &none, &none));
    assert_false(query_next(&rest, &none, &none));
    free_exact(all);
}

static void a_query_of_no_pairs_ends_at_once(void **state)
{
    (void)state;
    struct bytes rest = {0};
    struct bytes name;
    struct bytes value;

    assert_false(query_next(&rest, &name, &value));
    rest = B("&&&");
    assert_false(query_next(&rest, &name, &value));
}

static void a_parameter_is_found_absent_or_bad(void **state)
{
    static const struct {
        const char *query;
        enum query_result result;
        const char *value;
    } cases[] = {
        {"token=abc", QUERY_OK, "abc"},
        {"a=1&token=a+b%2b", QUERY_OK, "a b+"},
        {"%74oken=abc", QUERY_OK, "abc"},
        {"token=first&token=second", QUERY_OK, "first"},
        {"token", QUERY_OK, ""},
        {"token=", QUERY_OK, ""},
        {"%zz=1&token=abc", QUERY_OK, "abc"},
        {"", QUERY_ABSENT, ""},
        {"toke=1&tokens=2&Token=3&=token", QUERY_ABSENT, ""},
        {"token%00=1", QUERY_ABSENT, ""},
        {"token=%", QUERY_BAD, ""},
        {"token=%00", QUERY_BAD, ""},
        {"token=%ff&token=good", QUERY_BAD, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 100);
        struct bytes query = exact(bytes_str(cases[i].query));

        enum query_result result = query_get(query, B("token"), &out);

        assert_int_equal(result, cases[i].result);
        assert_bytes(buf_bytes(&out), bytes_str(cases[i].value));
        free_exact(query);
        buf_release(&out);
    }
}

static void base64_of_rfc_4648_is_decoded_in_both_alphabets(void **state)
{
    static const struct {
        struct bytes in;
        struct bytes out;
    } cases[] = {
        {{"", 0}, {"", 0}},
        {{"Zg==", 4}, {"f", 1}},
        {{"Zg", 2}, {"f", 1}},
        {{"Zm8=", 4}, {"fo", 2}},
        {{"Zm8", 3}, {"fo", 2}},
        {{"Zm9v", 4}, {"foo", 3}},
        {{"Zm9vYg==", 8}, {"foob", 4}},
        {{"Zm9vYmE=", 8}, {"fooba", 5}},
        {{"Zm9vYmFy", 8}, {"foobar", 6}},
        {{"+/+/", 4}, {"\xfb\xff\xbf", 3}},
        {{"-_-_", 4}, {"\xfb\xff\xbf", 3}},
        {{"AAAA", 4}, {"\0\0\0", 3}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(base64_decode, cases[i].in, &cases[i].out);
}

static void base64_in_a_second_spelling_is_refused(void **state)
{
    static const struct bytes cases[] = {
        {"Z", 1},        {"=", 1},     {"==", 2},      {"====", 4},     {"Zg=", 3},
        {"Zg===", 5},    {"Zh==", 4},  {"Zm9=", 4},    {"Z===", 4},     {"Zm8==", 5},
        {"Zm9v=", 5},    {"Zm 9v", 5}, {"Zm9v\n", 5},  {"Zm=v", 4},     {"Zm9vZ", 5},
        {"Zg==Zg==", 8}, {"Zm9\0", 4}, {"Zm9\xff", 4}, {"Zm9v====", 8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(base64_decode, cases[i], NULL);
}

static void base64url_comes_back_as_it_was(void **state)
{
    (void)state;
    char data[70];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 151 + 3);
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct buf text;
        buf_init(&text, BUF_UNBOUNDED);
        struct bytes copy = exact(bytes_of(data, len));

        base64url_encode(copy, &text);

        assert_int_equal(text.len, (len * 4 + 2) / 3);
        assert_int_equal(bytes_find(buf_bytes(&text), '+'), text.len);
        assert_int_equal(bytes_find(buf_bytes(&text), '='), text.len);
        check(base64_decode, buf_bytes(&text), &copy);
        free_exact(copy);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_sequences_are_decoded_once),
        cmocka_unit_test(what_is_not_a_text_is_refused),
        cmocka_unit_test(a_plus_is_a_space_in_forms_only),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(pairs_are_walked_past_empty_ones),
        cmocka_unit_test(a_query_of_no_pairs_ends_at_once),
        cmocka_unit_test(a_parameter_is_found_absent_or_bad),
        cmocka_unit_test(base64_of_rfc_4648_is_decoded_in_both_alphabets),
        cmocka_unit_test(base64_in_a_second_spelling_is_refused),
        cmocka_unit_test(base64url_comes_back_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
