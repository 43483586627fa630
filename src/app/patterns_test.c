/* SPDX-License-Identifier: MIT */
#include "app/patterns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/pattern.h"

static void a_star_at_the_end_stands_for_any_rest(void **state)
{
    (void)state;

    assert_true(pattern_match(B("article:*"), B("article:1")));
    assert_true(pattern_match(B("article:*"), B("article:")));
    assert_true(pattern_match(B("*"), B("")));
    assert_true(pattern_match(B("*"), B("anything")));
    assert_false(pattern_match(B("article:*"), B("article")));
    assert_false(pattern_match(B("article:*"), B("articles:1")));
}

static void any_other_pattern_is_a_name(void **state)
{
    (void)state;

    assert_true(pattern_match(B("article:1"), B("article:1")));
    assert_true(pattern_match(B("a*b"), B("a*b")));
    assert_false(pattern_match(B("a*b"), B("axb")));
    assert_false(pattern_match(B("article:1"), B("article:12")));
    assert_false(pattern_match(B(""), B("a")));
}

static void a_list_matches_if_one_of_it_does_and_an_empty_one_never(void **state)
{
    struct patterns p;
    char text[] = "post:*";
    (void)state;
    patterns_init(&p);
    bool empty = patterns_match(&p, B("post:1"));

    patterns_add(&p, B("room"));
    patterns_add(&p, bytes_of(text, 6));
    text[0] = 'x'; /* it is a copy */

    assert_false(empty);
    assert_true(patterns_match(&p, B("post:1")));
    assert_true(patterns_match(&p, B("room")));
    assert_false(patterns_match(&p, B("rooms")));
    patterns_release(&p);
    assert_int_equal(p.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_at_the_end_stands_for_any_rest),
        cmocka_unit_test(any_other_pattern_is_a_name),
        cmocka_unit_test(a_list_matches_if_one_of_it_does_and_an_empty_one_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
