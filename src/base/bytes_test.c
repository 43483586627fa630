/* SPDX-License-Identifier: MIT */
/*
 * bytes_test.c - claims about borrowed runs of bytes.
 */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void equal_needs_the_same_length_and_the_same_bytes(void **state)
{
    (void)state;

    assert_true(bytes_equal(B("abc"), bytes_str("abc")));
    assert_false(bytes_equal(B("abc"), B("abd")));
    assert_false(bytes_equal(B("abc"), B("ab")));
    assert_false(bytes_equal(B("a\0b"), B("a\0c")));
}

static void no_bytes_equal_no_bytes_wherever_they_point(void **state)
{
    (void)state;

    assert_true(bytes_equal((struct bytes){0}, B("")));
    assert_true(bytes_equal(bytes_str(NULL), B("")));
}

static void every_run_starts_with_no_bytes_and_with_itself(void **state)
{
    (void)state;

    assert_true(bytes_starts(B("post:42"), B("")));
    assert_true(bytes_starts(B("post:42"), B("post:42")));
    assert_true(bytes_starts(B("post:42"), B("post:")));
    assert_false(bytes_starts(B("post:"), B("post:42")));
    assert_false(bytes_starts(B("post:42"), B("ost")));
    assert_true(bytes_starts((struct bytes){0}, (struct bytes){0}));
}

static void a_skip_may_take_everything_and_null_stays_null(void **state)
{
    (void)state;

    assert_true(bytes_equal(bytes_skip(B("post:42"), 5), B("42")));
    assert_true(bytes_equal(bytes_skip(B("post:42"), 7), B("")));
    assert_null(bytes_skip((struct bytes){0}, 0).ptr);
}

static void find_gives_the_first_offset_or_the_length(void **state)
{
    (void)state;

    assert_int_equal(bytes_find(B("a:b:c"), ':'), 1);
    assert_int_equal(bytes_find(B("a\0:"), ':'), 2);
    assert_int_equal(bytes_find(B("abc"), ':'), 3);
    assert_int_equal(bytes_find((struct bytes){0}, ':'), 0);
}

static void a_copy_ends_with_a_zero_byte_and_is_its_own(void **state)
{
    char from[] = {'a', 'b', 'c'};
    (void)state;

    char *copy = bytes_copy(bytes_of(from, 2));
    char *empty = bytes_copy((struct bytes){0});
    from[0] = 'x';

    assert_string_equal(copy, "ab");
    assert_string_equal(empty, "");
    heap_free(copy);
    heap_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_needs_the_same_length_and_the_same_bytes),
        cmocka_unit_test(no_bytes_equal_no_bytes_wherever_they_point),
        cmocka_unit_test(every_run_starts_with_no_bytes_and_with_itself),
        cmocka_unit_test(a_skip_may_take_everything_and_null_stays_null),
        cmocka_unit_test(find_gives_the_first_offset_or_the_length),
        cmocka_unit_test(a_copy_ends_with_a_zero_byte_and_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
