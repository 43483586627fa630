/* SPDX-License-Identifier: MIT */
#include "cluster/interest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/heap.h"

static void what_is_kept_comes_back_in_order(void **state)
{
    struct interest *i = interest_new(NULL);
    struct kept_message *m;
    (void)state;

    assert_true(interest_keep(i, B("one")));
    assert_true(interest_keep(i, B("")));
    assert_true(interest_keep(i, B("three")));
    m = interest_take_kept(i);

    assert_null(i->first);
    assert_int_equal(i->kept_bytes, 0);
    assert_int_equal(m->len, 3);
    assert_memory_equal(m->text, "one", 3);
    assert_int_equal(m->next->len, 0);
    assert_memory_equal(m->next->next->text, "three", 5);
    assert_null(m->next->next->next);
    kept_free(m);
    interest_free(i);
}

static void more_can_be_kept_after_it_was_taken_or_dropped(void **state)
{
    struct interest *i = interest_new(NULL);
    (void)state;

    assert_true(interest_keep(i, B("one")));
    kept_free(interest_take_kept(i));
    assert_true(interest_keep(i, B("two")));
    interest_drop_kept(i);
    assert_true(interest_keep(i, B("three")));

    assert_int_equal(i->first->len, 5);
    assert_int_equal(i->kept_bytes, 5);
    interest_free(i);
}

static void too_much_is_not_kept_and_what_was_is_forgotten(void **state)
{
    struct interest *i = interest_new(NULL);
    size_t len = 1024 * 1024;
    char *text = heap_zalloc(len, 1);
    unsigned kept = 0;
    (void)state;

    while (interest_keep(i, bytes_of(text, len)))
        kept++;

    assert_int_equal(kept, 4);
    assert_null(i->first);
    assert_int_equal(i->kept_bytes, 0);
    heap_free(text);
    interest_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_comes_back_in_order),
        cmocka_unit_test(more_can_be_kept_after_it_was_taken_or_dropped),
        cmocka_unit_test(too_much_is_not_kept_and_what_was_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
