/* SPDX-License-Identifier: MIT */
#include "core/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/topic.h"

static const struct hash_seed seed = {1, 2};

static struct bytes name(char to[16], unsigned n)
{
    return bytes_of(to, (size_t)snprintf(to, 16, "k%u", n));
}

static void one_person_of_two_topics_is_two_keys(void **state)
{
    struct topic topics[2] = {0};
    struct keys k = {0};

    (void)state;
    struct key *a = keys_ref(&k, &seed, &topics[0], B("ann"));
    struct key *b = keys_ref(&k, &seed, &topics[1], B("ann"));
    struct key *again = keys_ref(&k, &seed, &topics[0], B("ann"));

    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, again);
    assert_int_equal(a->refs, 2);
    assert_int_equal(k.len, 2);

    keys_unref(&k, a);
    keys_unref(&k, a);
    keys_unref(&k, b);
    keys_release(&k);
}

static void an_empty_text_is_a_key_like_others(void **state)
{
    struct topic t = {0};
    struct keys k = {0};

    (void)state;
    struct key *a = keys_ref(&k, &seed, &t, (struct bytes){0});

    assert_ptr_equal(keys_ref(&k, &seed, &t, B("")), a);

    keys_unref(&k, a);
    keys_unref(&k, a);
    keys_release(&k);
}

static uint32_t next_random(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

static void it_agrees_with_a_plain_array_over_many_changes(void **state)
{
    enum { NAMES = 700, STEPS = 40000 };
    static struct key *model[NAMES];
    struct topic t = {0};
    struct keys k = {0};
    uint32_t random = 42, live = 0;
    char text[16];

    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        /* Grows for a while, then shrinks, and so on. */
        unsigned n = next_random(&random) % NAMES;
        bool add = next_random(&random) % 10 < (step / 5000 % 2 ? 3u : 7u);
        if (add && !model[n]) {
            model[n] = keys_ref(&k, &seed, &t, name(text, n));
            assert_int_equal(model[n]->refs, 1);
            live++;
        } else if (!add && model[n]) {
            keys_unref(&k, model[n]);
            model[n] = NULL;
            live--;
        }
        assert_int_equal(k.len, live);
        n = next_random(&random) % NAMES;
        if (model[n]) {
            assert_ptr_equal(keys_ref(&k, &seed, &t, name(text, n)), model[n]);
            keys_unref(&k, model[n]);
        }
    }
    for (unsigned n = 0; n < NAMES; n++)
        if (model[n])
            keys_unref(&k, model[n]);

    assert_true(k.cap <= 16);
    keys_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_person_of_two_topics_is_two_keys),
        cmocka_unit_test(an_empty_text_is_a_key_like_others),
        cmocka_unit_test(it_agrees_with_a_plain_array_over_many_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
