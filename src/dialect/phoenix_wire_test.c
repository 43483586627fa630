/* SPDX-License-Identifier: MIT */
/*
 * phoenix_wire_test.c - claims about the envelopes of Phoenix, versions 1.0 and 2.0.
 */
#include "dialect/phoenix_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"

/* The parts as one line, or "malformed"; NULL payload is written "binary". Free it. */
static char *parts_of(struct phoenix_message *m, bool good)
{
    struct buf out;

    if (!good)
        return bytes_copy(B("malformed"));
    char *payload = m->payload ? json_dumps(m->payload, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    buf_init(&out, BUF_UNBOUNDED);
    buf_printf(&out, "%.*s|%.*s|%.*s|%.*s|%s", (int)m->join_ref.len, m->join_ref.ptr,
               (int)m->ref.len, m->ref.ptr, (int)m->topic.len, m->topic.ptr, (int)m->event.len,
               m->event.ptr, payload ? payload : "binary");
    char *line = bytes_copy(buf_bytes(&out));
    buf_release(&out);
    free(payload);
    phoenix_release(m);
    return line;
}

static void parses(int version, const char *text, const char *wanted)
{
    struct phoenix_message m;
    bool good = phoenix_parse(&m, version, bytes_str(text));
    char *line = parts_of(&m, good);

    assert_string_equal(line, wanted);
    heap_free(line);
}

static void parses_binary(struct bytes data, const char *wanted)
{
    struct phoenix_message m;
    /* In memory of exactly its length. */
    char *copy = heap_alloc(data.len ? data.len : 1);
    if (data.len)
        memcpy(copy, data.ptr, data.len);
    bool good = phoenix_parse_binary(&m, bytes_of(copy, data.len));
    char *line = parts_of(&m, good);

    assert_string_equal(line, wanted);
    heap_free(line);
    heap_free(copy);
}

static void version_2_is_an_array_of_five(void **state)
{
    (void)state;

    parses(PHOENIX_V2, "[\"1\",\"2\",\"t\",\"e\",{}]", "\"1\"|\"2\"|t|e|{}");
    parses(PHOENIX_V2, "[null,null,\"t\",\"e\",{}]", "null|null|t|e|{}");
    parses(PHOENIX_V2, " [ 1 , 2.5 , \"t\" , \"e\" , [1, 2] ] ", "1|2.5|t|e|[1,2]");
    parses(PHOENIX_V2, "[\"1\",\"2\",\"t\",\"e\",null]", "\"1\"|\"2\"|t|e|null");
    parses(PHOENIX_V2, "[\"1\",\"2\",\"t\",\"e\",\"x\",6,7]", "\"1\"|\"2\"|t|e|\"x\"");
    parses(PHOENIX_V2, "[true,[1,{}],null,null,false]", "true|[1,{}]|||false");
}

static void version_1_is_an_object(void **state)
{
    (void)state;

    parses(PHOENIX_V1, "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{},\"ref\":\"2\"}",
           "null|\"2\"|t|e|{}");
    parses(PHOENIX_V1,
           "{\"join_ref\":1,\"topic\":\"t\",\"event\":\"e\",\"payload\":7,\"ref\":null,\"x\":0}",
           "1|null|t|e|7");
    parses(PHOENIX_V1, "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{}}", "malformed");
    parses(PHOENIX_V1, "{\"topic\":\"t\",\"event\":\"e\",\"ref\":\"1\"}", "malformed");
    parses(PHOENIX_V1, "{\"topic\":\"t\",\"payload\":{},\"ref\":\"1\"}", "malformed");
    parses(PHOENIX_V1, "{\"event\":\"e\",\"payload\":{},\"ref\":\"1\"}", "malformed");
}

static void what_phoenix_calls_malformed_is(void **state)
{
    static const char *const texts[] = {
        "",
        "null",
        "7",
        "\"x\"",
        "{}",
        "[]",
        "[null,null,null,null]",
        "[1,2,3,\"e\",{}]",
        "[1,2,\"t\",4,{}]",
        "[1,2,\"t\",\"e\",{}",
        "[1,2,\"t\",\"e\",{}] x",
        "[1,2,\"t\",\"e\",{},]",
        "[1,2,\"t\",\"e\",'']",
        "[1,2,\"\\u0000\",\"e\",{}]",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        parses(PHOENIX_V2, texts[i], "malformed");
        parses(PHOENIX_V1, texts[i], "malformed");
    }
}

static void a_ref_is_as_long_as_it_may_be_and_no_longer(void **state)
{
    char text[PHOENIX_REF_MAX + 64];
    struct phoenix_message m;
    (void)state;

    for (size_t len = PHOENIX_REF_MAX - 4; len < PHOENIX_REF_MAX + 4; len++) {
        size_t n = 0;
        text[n++] = '[';
        text[n++] = '"';
        memset(text + n, 'r', len - 2);
        n += len - 2;
        const char rest[] = "\",null,\"t\",\"e\",{}]";
        memcpy(text + n, rest, sizeof(rest));

        bool good = phoenix_parse(&m, PHOENIX_V2, bytes_str(text));

        assert_int_equal(good, len <= PHOENIX_REF_MAX);
        if (good) {
            assert_int_equal(m.join_ref.len, len);
            phoenix_release(&m);
        }
    }
}

static void a_binary_push_has_four_lengths_and_four_texts(void **state)
{
    (void)state;

    parses_binary(B("\0\2\2\7\3"
                    "1021probe:xbin\1\2\3"),
                  "\"10\"|\"21\"|probe:x|bin|binary");
    parses_binary(B("\0\0\0\1\1te"), "null|null|t|e|binary");
    parses_binary(B("\0\0\0\0\0"), "null|null|||binary");
}

static void a_binary_message_that_is_cut_or_of_another_kind_is_malformed(void **state)
{
    const struct bytes whole = B("\0\2\2\7\3"
                                 "1021probe:xbin");
    (void)state;

    for (size_t len = 0; len < whole.len; len++)
        parses_binary(bytes_of(whole.ptr, len), "malformed");
    parses_binary(B("\1\0\0\1\1te"), "malformed");
    parses_binary(B("\2\0\0\1\1te"), "malformed");
    parses_binary(B("\xff\0\0\1\1te"), "malformed");
}

static void texts_of_a_binary_message_must_be_utf8_without_zeros(void **state)
{
    (void)state;

    parses_binary(B("\0\0\0\1\1\xff"
                    "e"),
                  "malformed");
    parses_binary(B("\0\0\0\1\1t\xff"), "malformed");
    parses_binary(B("\0\1\0\1\1\xfft"
                    "e"),
                  "malformed");
    parses_binary(B("\0\0\1\1\1\xfft"
                    "e"),
                  "malformed");
}

static void writes(int version, const char *wanted)
{
    const struct phoenix_head head = {
        .join_ref = B("\"1\""), .ref = B("null"), .topic = B("a\"b"), .event = B("e<")};
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    phoenix_begin(&out, version, &head);
    buf_put(&out, B("{}"));
    phoenix_finish(&out, version);
    assert_true(bytes_equal(buf_bytes(&out), bytes_str(wanted)));
    buf_release(&out);
}

static void messages_are_written_in_either_version(void **state)
{
    (void)state;

    writes(PHOENIX_V2, "[\"1\",null,\"a\\\"b\",\"e\\u003c\",{}]");
    writes(PHOENIX_V1, "{\"topic\":\"a\\\"b\",\"event\":\"e\\u003c\",\"ref\":null,\"payload\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_is_an_array_of_five),
        cmocka_unit_test(version_1_is_an_object),
        cmocka_unit_test(what_phoenix_calls_malformed_is),
        cmocka_unit_test(a_ref_is_as_long_as_it_may_be_and_no_longer),
        cmocka_unit_test(a_binary_push_has_four_lengths_and_four_texts),
        cmocka_unit_test(a_binary_message_that_is_cut_or_of_another_kind_is_malformed),
        cmocka_unit_test(texts_of_a_binary_message_must_be_utf8_without_zeros),
        cmocka_unit_test(messages_are_written_in_either_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
