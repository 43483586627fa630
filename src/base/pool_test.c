/* SPDX-License-Identifier: MIT */
/*
 * pool_test.c - claims about pools, and a model test from a seed.
 */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct item {
    uint64_t value;
    char filler[13];
};

static int make_pool(void **state)
{
    static struct pool p;

    pool_init(&p, sizeof(struct item));
    *state = &p;
    return 0;
}

static int free_pool(void **state)
{
    pool_release(*state);
    return 0;
}

static void a_taken_object_is_zero_even_if_its_slot_was_used(void **state)
{
    static const struct item zero;
    struct pool *p = *state;

    struct item *a = pool_take(p);
    memset(a, 0xff, sizeof(*a));
    pool_put(p, a);
    struct item *b = pool_take(p);

    assert_ptr_equal(a, b);
    assert_memory_equal(b, &zero, sizeof(zero));
}

static void an_id_finds_its_object(void **state)
{
    struct pool *p = *state;

    struct item *a = pool_take(p), *b = pool_take(p);

    assert_ptr_equal(pool_get(p, pool_id(a)), a);
    assert_ptr_equal(pool_get(p, pool_id(b)), b);
    assert_false(id_equal(pool_id(a), pool_id(b)));
    assert_int_equal(p->live, 2);
}

static void a_stale_id_is_null_and_never_another_object(void **state)
{
    struct pool *p = *state;
    struct id stale[100];

    for (unsigned i = 0; i < 100; i++) {
        struct item *a = pool_take(p);
        stale[i] = pool_id(a);
        pool_put(p, a);
    }
    struct item *last = pool_take(p);

    assert_int_equal(p->used, 1);
    for (unsigned i = 0; i < 100; i++)
        assert_null(pool_get(p, stale[i]));
    assert_ptr_equal(pool_get(p, pool_id(last)), last);
}

static void ids_that_were_never_given_out_are_null(void **state)
{
    struct pool *p = *state;

    assert_null(pool_get(p, (struct id){0, 1}));
    (void)!pool_take(p);

    assert_true(id_is_none((struct id){0}));
    assert_null(pool_get(p, (struct id){0}));
    assert_null(pool_get(p, (struct id){0, 2}));
    assert_null(pool_get(p, (struct id){0, 3}));
    assert_null(pool_get(p, (struct id){1, 1}));
    assert_null(pool_get(p, (struct id){UINT32_MAX, 1}));
}

static void an_id_of_an_object_is_never_none(void **state)
{
    struct pool *p = *state;

    assert_false(id_is_none(pool_id(pool_take(p))));
}

static void an_object_does_not_move_when_the_pool_grows(void **state)
{
    struct pool *p = *state;
    struct item *first = pool_take(p);
    struct id id = pool_id(first);

    for (unsigned i = 0; i < 5000; i++)
        (void)!pool_take(p);

    assert_ptr_equal(pool_get(p, id), first);
    assert_int_equal(p->live, 5001);
}

static void a_visit_sees_each_living_object_once_and_may_put_it_back(void **state)
{
    struct pool *p = *state;
    struct item *items[300], *item;
    uint32_t slot = 0;
    unsigned seen = 0;

    for (unsigned i = 0; i < 300; i++)
        items[i] = pool_take(p);
    for (unsigned i = 0; i < 300; i += 3)
        pool_put(p, items[i]);
    while ((item = pool_next(p, &slot))) {
        seen++;
        pool_put(p, item);
    }
    slot = 0;

    assert_int_equal(seen, 200);
    assert_int_equal(p->live, 0);
    assert_null(pool_next(p, &slot));
}

static uint64_t next_random(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

enum { MODEL = 400 };

static void random_takes_and_puts_agree_with_a_plain_array(void **state)
{
    struct pool *p = *state;
    struct {
        struct id id;
        struct item *item; /* NULL: gone */
    } model[MODEL] = {0};
    uint64_t seed = 7;
    uint32_t live = 0;

    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)(next_random(&seed) % MODEL);
        if (model[i].item) {
            assert_int_equal(model[i].item->value, i + 1);
            pool_put(p, model[i].item);
            model[i].item = NULL;
            live--;
        } else {
            assert_null(pool_get(p, model[i].id));
            model[i].item = pool_take(p);
            model[i].item->value = i + 1;
            model[i].id = pool_id(model[i].item);
            live++;
        }
        unsigned j = (unsigned)(next_random(&seed) % MODEL);
        assert_ptr_equal(pool_get(p, model[j].id), model[j].item);
        assert_int_equal(p->live, live);
    }

    assert_true(p->used <= MODEL);
}

#define pool_unit_test(f) cmocka_unit_test_setup_teardown(f, make_pool, free_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_unit_test(a_taken_object_is_zero_even_if_its_slot_was_used),
        pool_unit_test(an_id_finds_its_object),
        pool_unit_test(a_stale_id_is_null_and_never_another_object),
        pool_unit_test(ids_that_were_never_given_out_are_null),
        pool_unit_test(an_id_of_an_object_is_never_none),
        pool_unit_test(an_object_does_not_move_when_the_pool_grows),
        pool_unit_test(a_visit_sees_each_living_object_once_and_may_put_it_back),
        pool_unit_test(random_takes_and_puts_agree_with_a_plain_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
