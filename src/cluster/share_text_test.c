/* SPDX-License-Identifier: MIT */
#include "cluster/share_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void put_text(struct buf *out, const struct share_message *m)
{
    buf_init(out, BUF_UNBOUNDED);
    share_message_put(out, m);
}

static void assert_text(struct bytes text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void a_change_comes_back_as_it_went(void **state)
{
    struct share_entry joined[] = {
        {.ref = 258, .rev = 0, .key = B("ann"), .meta = B("{\"name\":\"Ann\"}")},
        {.ref = (UINT64_C(1) << 48) - 1, .rev = 65535, .key = B("\"b\\ö"), .meta = B("{}")},
    };
    uint64_t removed[] = {1, 513};
    struct share_message in = {.life = {0x0a1b2c3d, 7},
                               .version = 12,
                               .size = 40,
                               .joined = joined,
                               .joined_len = 2,
                               .removed = removed,
                               .removed_len = 2};
    struct share_message out;
    struct buf text;
    (void)state;

    put_text(&text, &in);
    assert_true(share_message_parse(&out, buf_bytes(&text)));

    assert_int_equal(out.life.node, 0x0a1b2c3d);
    assert_int_equal(out.life.number, 7);
    assert_int_equal(out.version, 12);
    assert_int_equal(out.size, 40);
    assert_false(out.whole || out.gone);
    assert_null(out.payload.ptr);
    assert_int_equal(out.joined_len, 2);
    assert_int_equal(out.joined[0].ref, 258);
    assert_text(out.joined[0].key, "ann");
    assert_text(out.joined[0].meta, "{\"name\":\"Ann\"}");
    assert_int_equal(out.joined[1].ref, joined[1].ref);
    assert_int_equal(out.joined[1].rev, 65535);
    assert_text(out.joined[1].key, "\"b\\ö");
    assert_int_equal(out.joined[1].meta.len, 0); /* {} */
    assert_int_equal(out.removed_len, 2);
    assert_int_equal(out.removed[1], 513);
    share_message_release(&out);
    buf_release(&text);
}

static void a_message_is_the_documented_text(void **state)
{
    struct share_entry joined = {.ref = 5, .rev = 1, .key = B("ann"), .meta = B("{\"n\":1}")};
    uint64_t removed = 9;
    struct share_message change = {.life = {0xab, 1},
                                   .version = 3,
                                   .whole = true,
                                   .size = 1,
                                   .joined = &joined,
                                   .joined_len = 1,
                                   .removed = &removed,
                                   .removed_len = 1};
    struct share_message gone = {.life = {0xab, 1}, .gone = true};
    struct share_message event = {.life = {0xab, 1}, .event = B("wave"), .payload = B("[1]")};
    struct buf text;
    (void)state;

    put_text(&text, &change);
    assert_text(buf_bytes(&text), "{\"n\":\"000000ab.1\",\"v\":3,\"w\":1,\"s\":1,"
                                  "\"j\":[[5,1,\"ann\",{\"n\":1}]],\"x\":[9]}");
    buf_release(&text);

    put_text(&text, &gone);
    assert_text(buf_bytes(&text), "{\"n\":\"000000ab.1\",\"gone\":true}");
    buf_release(&text);

    put_text(&text, &event);
    assert_text(buf_bytes(&text), "{\"n\":\"000000ab.1\",\"e\":[\"wave\",[1]]}");
    buf_release(&text);
}

static void a_node_that_is_gone_and_an_event_come_back(void **state)
{
    struct share_message out;
    (void)state;

    assert_true(share_message_parse(&out, B("{\"n\":\"000000ab.2\",\"gone\":true}")));
    assert_true(out.gone);
    assert_int_equal(out.life.number, 2);
    share_message_release(&out);

    assert_true(share_message_parse(&out, B("{\"n\":\"000000ab.2\",\"e\":[\"wave\",null]}")));
    assert_text(out.event, "wave");
    assert_text(out.payload, "null");
    share_message_release(&out);
}

static void what_is_no_message_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"n\":1,\"gone\":true}",
        "{\"n\":\"000000ab\",\"gone\":true}",
        "{\"n\":\"000000ab.\",\"gone\":true}",
        "{\"n\":\"000000AB.1\",\"gone\":true}",
        "{\"n\":\"+00000ab.1\",\"gone\":true}",
        "{\"n\":\"000000ab.-1\",\"gone\":true}",
        "{\"n\":\"000000ab.4294967296\",\"gone\":true}",
        "{\"n\":\"000000ab.1\"}",
        "{\"n\":\"000000ab.1\",\"e\":\"wave\"}",
        "{\"n\":\"000000ab.1\",\"e\":[\"wave\"]}",
        "{\"n\":\"000000ab.1\",\"e\":[1,{}]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":0,\"j\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":0,\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":-1,\"w\":0,\"s\":0,\"j\":[],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":\"1\",\"w\":0,\"s\":0,\"j\":[],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":4294967296,\"j\":[],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[5],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[[5]],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[[-5,0,\"a\",{}]],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[[5,65536,\"a\",{}]],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[[5,0,1,{}]],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":1,\"j\":[[5,0,\"a\",[]]],\"x\":[]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":0,\"j\":[],\"x\":[\"5\"]}",
        "{\"n\":\"000000ab.1\",\"v\":1,\"w\":0,\"s\":0,\"j\":[],\"x\":[-5]}",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct share_message m;
        if (share_message_parse(&m, bytes_str(texts[i])))
            fail_msg("taken: %s", texts[i]);
    }
}

static void a_key_that_is_too_long_is_refused(void **state)
{
    struct buf text;
    struct share_entry e;
    void *json;
    (void)state;

    for (unsigned len = KEY_BYTES_MAX; len <= KEY_BYTES_MAX + 1; len++) {
        buf_init(&text, BUF_UNBOUNDED);
        buf_put(&text, B("[0,\""));
        for (unsigned i = 0; i < len; i++)
            buf_put_char(&text, 'k');
        buf_put(&text, B("\",{\"n\":1}]"));
        bool good = share_entry_parse(&e, B("7"), buf_bytes(&text), &json);
        assert_int_equal(good, len == KEY_BYTES_MAX);
        if (good)
            share_entry_release(&e, json);
        buf_release(&text);
    }
}

static void an_entry_comes_back_as_it_went(void **state)
{
    struct share_entry in = {.ref = 77, .rev = 3, .key = B("ann"), .meta = B("{\"n\":[1,null]}")};
    struct share_entry out;
    struct buf text;
    void *json;
    (void)state;

    buf_init(&text, BUF_UNBOUNDED);
    share_entry_put(&text, &in);
    assert_true(share_entry_parse(&out, B("77"), buf_bytes(&text), &json));

    assert_text(buf_bytes(&text), "[3,\"ann\",{\"n\":[1,null]}]");
    assert_int_equal(out.ref, 77);
    assert_int_equal(out.rev, 3);
    assert_text(out.key, "ann");
    assert_text(out.meta, "{\"n\":[1,null]}");
    share_entry_release(&out, json);
    buf_release(&text);
}

static void what_is_no_entry_is_refused(void **state)
{
    static const char *const refs[] = {"", "x", "-1", "+1", " 1", "1 ", "18446744073709551616"};
    static const char *const texts[] = {"", "[]", "{}", "[0]", "[0,\"a\"]", "[\"0\",\"a\",{}]"};
    struct share_entry e;
    void *json;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(refs); i++)
        assert_false(share_entry_parse(&e, bytes_str(refs[i]), B("[0,\"a\",{\"n\":1}]"), &json));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(share_entry_parse(&e, B("1"), bytes_str(texts[i]), &json));
}

static void a_life_is_eight_hexadecimal_digits_a_dot_and_a_number(void **state)
{
    static const struct life lives[] = {{0, 0}, {1, 1}, {UINT32_MAX, UINT32_MAX}};
    char text[LIFE_TEXT_MAX];
    struct life life;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        life_put(lives[i], text);
        assert_true(life_parse(bytes_str(text), &life));
        assert_int_equal(life.node, lives[i].node);
        assert_int_equal(life.number, lives[i].number);
    }
    assert_false(life_parse(B("0000000a.1x"), &life));
    assert_false(life_parse(B("0000000a,1"), &life));
    assert_false(life_parse(B("0x00000a.1"), &life));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_comes_back_as_it_went),
        cmocka_unit_test(a_message_is_the_documented_text),
        cmocka_unit_test(a_node_that_is_gone_and_an_event_come_back),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_key_that_is_too_long_is_refused),
        cmocka_unit_test(an_entry_comes_back_as_it_went),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(a_life_is_eight_hexadecimal_digits_a_dot_and_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
