/* SPDX-License-Identifier: MIT */
/*
 * audience_test.c - claims about the subscribers of one topic on one worker.
 */
#include "app/audience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void one_name_is_one_audience_until_the_last_reference(void **state)
{
    struct audiences all;
    (void)state;
    audiences_init(&all);

    struct audience *a = audience_ref(&all, B("post:1"), 42);
    assert_ptr_equal(audience_ref(&all, B("post:1"), 42), a);
    struct id id = pool_id(a);
    audience_unref(&all, a);
    assert_ptr_equal(pool_get(&all.pool, id), a);
    audience_unref(&all, a);

    assert_null(pool_get(&all.pool, id));
    assert_null(all.by_name);
    audiences_release(&all);
}

static void names_with_one_hash_are_two_audiences(void **state)
{
    struct audiences all;
    (void)state;
    audiences_init(&all);

    struct audience *a = audience_ref(&all, B("post:1"), 42), *b = audience_ref(&all, B("x"), 42);

    assert_ptr_not_equal(a, b);
    assert_true(bytes_equal(a->name, B("post:1")) && bytes_equal(b->name, B("x")));
    audience_unref(&all, a);
    audience_unref(&all, b);
    audiences_release(&all);
}

static void a_name_that_comes_back_has_another_id(void **state)
{
    struct audiences all;
    (void)state;
    audiences_init(&all);

    struct audience *a = audience_ref(&all, B("post:1"), 42);
    struct id before = pool_id(a);
    audience_unref(&all, a);
    a = audience_ref(&all, B("post:1"), 42);

    assert_false(id_equal(pool_id(a), before));
    audience_unref(&all, a);
    audiences_release(&all);
}

static void the_name_is_a_copy(void **state)
{
    struct audiences all;
    char name[] = {'a', 'b'};
    (void)state;
    audiences_init(&all);

    struct audience *a = audience_ref(&all, bytes_of(name, 2), 1);
    name[0] = 'x';

    assert_true(bytes_equal(a->name, B("ab")));
    audience_unref(&all, a);
    audiences_release(&all);
}

/* Every subscription in the list must stand where it says it does. */
static void check_dense(const struct audience *a)
{
    for (uint32_t i = 0; i < a->len; i++)
        assert_int_equal(a->subs[i]->index, i);
}

static void the_list_stays_dense_whoever_goes(void **state)
{
    enum { SUBS = 50 };
    struct audiences all;
    struct subscription subs[SUBS] = {{0}};
    uint32_t left = SUBS;
    (void)state;
    audiences_init(&all);
    struct audience *a = audience_ref(&all, B("post:1"), 42);
    for (int i = 0; i < SUBS; i++)
        audience_add(a, &subs[i]);
    check_dense(a);

    for (int i = 0; i < SUBS; i++) { /* in an order with the first, the last and the middle */
        audience_remove(a, &subs[i * 37 % SUBS]);
        assert_int_equal(a->len, --left);
        check_dense(a);
    }

    audience_add(a, &subs[3]);
    assert_ptr_equal(a->subs[0], &subs[3]);
    audience_remove(a, &subs[3]);
    audience_unref(&all, a);
    audiences_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_name_is_one_audience_until_the_last_reference),
        cmocka_unit_test(names_with_one_hash_are_two_audiences),
        cmocka_unit_test(a_name_that_comes_back_has_another_id),
        cmocka_unit_test(the_name_is_a_copy),
        cmocka_unit_test(the_list_stays_dense_whoever_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
