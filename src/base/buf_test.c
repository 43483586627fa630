/* SPDX-License-Identifier: MIT */
/*
 * buf_test.c - claims about growing buffers, their maximum, and what they escape.
 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_holds(const struct buf *b, struct bytes want)
{
    assert_int_equal(b->len, want.len);
    assert_memory_equal(b->ptr, want.ptr, want.len);
}

static void assert_json(struct bytes text, struct bytes want)
{
    struct buf b;

    buf_init(&b, BUF_UNBOUNDED);
    assert_true(buf_put_json(&b, text));
    assert_holds(&b, want);
    buf_release(&b);
}

static void what_is_put_stands_in_order_however_it_grows(void **state)
{
    enum { PIECES = 1000 };
    struct buf b;
    (void)state;
    buf_init(&b, BUF_UNBOUNDED);

    for (int i = 0; i < PIECES; i++)
        assert_true(buf_put(&b, B("0123456789")));

    assert_int_equal(b.len, PIECES * 10);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.ptr[i], '0' + (char)(i % 10));
    buf_release(&b);
}

static void the_maximum_can_be_filled_and_not_passed(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 5);

    assert_true(buf_put(&b, B("12345")));
    assert_false(b.failed);
    assert_false(buf_put_char(&b, '6'));

    assert_true(b.failed);
    assert_holds(&b, B("12345"));
    assert_true(b.cap <= 5);
    buf_release(&b);
}

static void a_put_that_does_not_fit_changes_nothing_but_failed(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 5);
    assert_true(buf_put(&b, B("123")));

    assert_false(buf_put(&b, B("456")));
    assert_false(buf_put_uint(&b, 456));
    assert_false(buf_printf(&b, "%d", 456));
    assert_true(buf_put(&b, B("45")));

    assert_true(b.failed);
    assert_holds(&b, B("12345"));
    buf_release(&b);
}

static void clear_empties_and_forgets_the_failure(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 3);
    assert_false(buf_put(&b, B("1234")));

    buf_clear(&b);

    assert_false(b.failed);
    assert_int_equal(b.len, 0);
    assert_true(buf_put(&b, B("123")));
    buf_release(&b);
}

static void drop_moves_the_rest_to_the_front(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, BUF_UNBOUNDED);
    assert_true(buf_put(&b, B("head,body")));

    buf_drop(&b, 0);
    buf_drop(&b, 5);
    assert_holds(&b, B("body"));
    buf_drop(&b, 4);

    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void reserved_room_counts_only_when_it_is_added(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 8);

    char *room = buf_reserve(&b, 8);
    assert_non_null(room);
    memcpy(room, "abc", 3);
    buf_added(&b, 3);

    assert_holds(&b, B("abc"));
    assert_null(buf_reserve(&b, 6));
    assert_true(b.failed);
    buf_release(&b);
}

static void a_released_buffer_can_be_used_again(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 4);
    assert_true(buf_put(&b, B("once")));

    buf_release(&b);

    assert_null(b.ptr);
    assert_true(buf_put(&b, B("more")));
    assert_false(buf_put_char(&b, '!'));
    buf_release(&b);
}

static void numbers_are_decimal_up_to_the_largest(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, BUF_UNBOUNDED);

    assert_true(buf_put_uint(&b, 0) && buf_put_char(&b, ' '));
    assert_true(buf_put_uint(&b, 1090) && buf_put_char(&b, ' '));
    assert_true(buf_put_uint(&b, UINT64_MAX));

    assert_holds(&b, B("0 1090 18446744073709551615"));
    buf_release(&b);
}

static void printf_formats_past_the_first_capacity(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, BUF_UNBOUNDED);

    assert_true(buf_printf(&b, "%s=%d;", "n", -7));
    assert_true(buf_printf(&b, "%0100d", 1));

    assert_int_equal(b.len, 105);
    assert_memory_equal(b.ptr, "n=-7;000", 8);
    assert_int_equal(b.ptr[104], '1');
    buf_release(&b);
}

static void json_escapes_quotes_backslashes_and_control_bytes(void **state)
{
    (void)state;

    assert_json(B(""), B("\"\""));
    assert_json(B("say \"hi\" \\o/"), B("\"say \\\"hi\\\" \\\\o/\""));
    assert_json(B("a\nb\tc\0d\x7f"), B("\"a\\nb\\u0009c\\u0000d\\u007f\""));
}

static void json_cannot_close_a_script_element(void **state)
{
    (void)state;

    assert_json(B("</script>&"), B("\"\\u003c/script\\u003e\\u0026\""));
}

static void json_escapes_the_two_line_separators_and_nothing_beside_them(void **state)
{
    (void)state;

    assert_json(B("a\xe2\x80\xa8z"), B("\"a\\u2028z\""));
    assert_json(B("a\xe2\x80\xa9z"), B("\"a\\u2029z\""));
    assert_json(B("\xe2\x80\xa7"), B("\"\xe2\x80\xa7\""));
    assert_json(B("\xe2\x80\xaa"), B("\"\xe2\x80\xaa\""));
    assert_json(B("\xe2\x82\xac"), B("\"\xe2\x82\xac\""));
}

static void json_of_a_cut_sequence_reads_nothing_behind_it(void **state)
{
    static const char cut[] = {'a', '\xe2', '\x80'};
    (void)state;

    assert_json(bytes_of(cut, 3), B("\"a\xe2\x80\""));
    assert_json(bytes_of(cut, 2), B("\"a\xe2\""));
}

static void json_that_does_not_fit_is_a_failure(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 5);

    assert_false(buf_put_json(&b, B("abcd")));

    assert_true(b.failed);
    buf_release(&b);
}

static void html_escapes_what_ends_text_or_an_attribute(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, BUF_UNBOUNDED);

    assert_true(buf_put_html(&b, B("<a title=\"it's\">R&D \xe2\x82\xac</a>")));

    assert_holds(&b, B("&#60;a title=&#34;it&#39;s&#34;&#62;R&#38;D \xe2\x82\xac&#60;/a&#62;"));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_stands_in_order_however_it_grows),
        cmocka_unit_test(the_maximum_can_be_filled_and_not_passed),
        cmocka_unit_test(a_put_that_does_not_fit_changes_nothing_but_failed),
        cmocka_unit_test(clear_empties_and_forgets_the_failure),
        cmocka_unit_test(drop_moves_the_rest_to_the_front),
        cmocka_unit_test(reserved_room_counts_only_when_it_is_added),
        cmocka_unit_test(a_released_buffer_can_be_used_again),
        cmocka_unit_test(numbers_are_decimal_up_to_the_largest),
        cmocka_unit_test(printf_formats_past_the_first_capacity),
        cmocka_unit_test(json_escapes_quotes_backslashes_and_control_bytes),
        cmocka_unit_test(json_cannot_close_a_script_element),
        cmocka_unit_test(json_escapes_the_two_line_separators_and_nothing_beside_them),
        cmocka_unit_test(json_of_a_cut_sequence_reads_nothing_behind_it),
        cmocka_unit_test(json_that_does_not_fit_is_a_failure),
        cmocka_unit_test(html_escapes_what_ends_text_or_an_attribute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
