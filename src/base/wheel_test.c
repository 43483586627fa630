/* SPDX-License-Identifier: MIT */
/*
 * wheel_test.c - claims about the timer wheel, and a model test against a naive list from a seed.
 */
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned pop_all(struct wheel *w, uint64_t now_ms)
{
    unsigned n = 0;

    while (wheel_pop(w, now_ms))
        n++;
    return n;
}

static void a_timer_fires_at_its_time_and_not_before(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0};
    (void)state;

    wheel_init(&w, 1, 100);
    wheel_set(&w, &t, 250);

    assert_null(wheel_pop(&w, 249));
    assert_true(wheel_is_set(&t));
    assert_ptr_equal(wheel_pop(&w, 250), &t);
    assert_false(wheel_is_set(&t));
    assert_null(wheel_pop(&w, 250));
    assert_int_equal(w.live, 0);
}

static void a_timer_between_ticks_fires_at_the_tick_behind_it(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0};
    (void)state;

    wheel_init(&w, 100, 0);
    wheel_set(&w, &t, 101);

    assert_null(wheel_pop(&w, 199));
    assert_ptr_equal(wheel_pop(&w, 200), &t);
}

static void a_timer_of_the_past_fires_at_the_next_tick(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0};
    (void)state;

    wheel_init(&w, 10, 1000);
    wheel_set(&w, &t, 3);

    assert_int_equal(wheel_next_ms(&w), 1010);
    assert_null(wheel_pop(&w, 1009));
    assert_ptr_equal(wheel_pop(&w, 1010), &t);
}

static void a_timer_of_a_later_round_waits_for_its_round(void **state)
{
    struct wheel w;
    struct wheel_timer near = {0}, far = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    wheel_set(&w, &near, 5);
    wheel_set(&w, &far, 5 + 3 * WHEEL_SLOTS);

    assert_ptr_equal(wheel_pop(&w, 5), &near);
    for (uint64_t now = 5; now < 5 + 3 * WHEEL_SLOTS; now += 7)
        assert_null(wheel_pop(&w, now));
    assert_ptr_equal(wheel_pop(&w, 5 + 3 * WHEEL_SLOTS), &far);
}

static void a_cancelled_timer_never_fires_and_may_be_cancelled_again(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0}, never = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    wheel_set(&w, &t, 10);
    wheel_cancel(&w, &t);
    wheel_cancel(&w, &t);
    wheel_cancel(&w, &never);

    assert_false(wheel_is_set(&t));
    assert_int_equal(wheel_next_ms(&w), UINT64_MAX);
    assert_int_equal(pop_all(&w, 5000), 0);
}

static void a_timer_that_is_due_may_still_be_cancelled(void **state)
{
    struct wheel w;
    struct wheel_timer a = {0}, b = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    wheel_set(&w, &a, 10);
    wheel_set(&w, &b, 10);
    struct wheel_timer *first = wheel_pop(&w, 10);
    wheel_cancel(&w, first == &a ? &b : &a);

    assert_null(wheel_pop(&w, 10));
    assert_int_equal(w.live, 0);
}

static void a_moved_timer_fires_once_at_its_new_time(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    wheel_set(&w, &t, 10);
    wheel_set(&w, &t, 30);
    wheel_set(&w, &t, 20);

    assert_int_equal(w.live, 1);
    assert_null(wheel_pop(&w, 19));
    assert_ptr_equal(wheel_pop(&w, 20), &t);
    assert_int_equal(pop_all(&w, 100), 0);
}

static void a_popped_timer_may_be_set_again_at_once(void **state)
{
    struct wheel w;
    struct wheel_timer t = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    wheel_set(&w, &t, 10);
    assert_ptr_equal(wheel_pop(&w, 10), &t);
    wheel_set(&w, &t, 10);

    assert_null(wheel_pop(&w, 10));
    assert_ptr_equal(wheel_pop(&w, 11), &t);
}

static void after_a_long_pause_everything_due_fires_and_nothing_else(void **state)
{
    struct wheel w;
    struct wheel_timer due[3 * WHEEL_SLOTS] = {0}, later = {0};
    (void)state;

    wheel_init(&w, 1, 0);
    for (unsigned i = 0; i < ARRAY_LEN(due); i++)
        wheel_set(&w, &due[i], i + 1);
    wheel_set(&w, &later, 10000001);

    assert_int_equal(pop_all(&w, 10000000), ARRAY_LEN(due));
    assert_int_equal(wheel_next_ms(&w), 10000001);
    assert_ptr_equal(wheel_pop(&w, 10000001), &later);
}

static void an_empty_wheel_has_no_next_time(void **state)
{
    struct wheel w;
    (void)state;

    wheel_init(&w, 1, 77);

    assert_int_equal(wheel_next_ms(&w), UINT64_MAX);
    assert_null(wheel_pop(&w, 1000000));
    assert_int_equal(wheel_next_ms(&w), UINT64_MAX);
}

/* The model. */

enum { TIMERS = 60 };

struct model {
    struct wheel w;
    struct wheel_timer timers[TIMERS];
    uint64_t fires_ms[TIMERS]; /* 0: not set */
    uint64_t now_ms, seed;
    uint32_t tick_ms;
};

static uint64_t below(struct model *m, uint64_t n)
{
    uint64_t z = m->seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % n;
}

static void model_set(struct model *m, unsigned i, uint64_t at_ms)
{
    uint64_t tick = m->tick_ms, next = (m->now_ms / tick + 1) * tick;
    uint64_t fires = (at_ms + tick - 1) / tick * tick;

    wheel_set(&m->w, &m->timers[i], at_ms);
    m->fires_ms[i] = fires > next ? fires : next;
}

static void model_cancel(struct model *m, unsigned i)
{
    wheel_cancel(&m->w, &m->timers[i]);
    m->fires_ms[i] = 0;
}

static uint64_t model_first(const struct model *m)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = 0; i < TIMERS; i++)
        if (m->fires_ms[i] && m->fires_ms[i] < first)
            first = m->fires_ms[i];
    return first;
}

static void model_step(struct model *m, uint64_t by_ms)
{
    struct wheel_timer *t;

    m->now_ms += by_ms;
    while ((t = wheel_pop(&m->w, m->now_ms))) {
        unsigned i = (unsigned)(t - m->timers);
        assert_true(m->fires_ms[i] != 0 && m->fires_ms[i] <= m->now_ms);
        m->fires_ms[i] = 0;
        if (below(m, 4) == 0)
            model_cancel(m, (unsigned)below(m, TIMERS));
        if (below(m, 4) == 0)
            model_set(m, i, m->now_ms + m->tick_ms + below(m, 3000));
    }
    assert_true(model_first(m) > m->now_ms);
}

static void model_check(struct model *m)
{
    uint64_t first = model_first(m), next = wheel_next_ms(&m->w);
    uint32_t live = 0;

    for (unsigned i = 0; i < TIMERS; i++) {
        assert_int_equal(wheel_is_set(&m->timers[i]), m->fires_ms[i] != 0);
        live += m->fires_ms[i] != 0;
    }
    assert_int_equal(m->w.live, live);
    assert_true(next <= first);
    assert_true(next > m->now_ms);
    assert_int_equal(next == UINT64_MAX, live == 0);
}

static void model_run(uint64_t seed)
{
    struct model m = {.seed = seed};

    m.tick_ms = (uint32_t)(below(&m, 3) ? 1 : 1 + below(&m, 200));
    m.now_ms = below(&m, 1000000000);
    wheel_init(&m.w, m.tick_ms, m.now_ms);
    for (unsigned step = 0; step < 600; step++) {
        unsigned i = (unsigned)below(&m, TIMERS);
        uint64_t what = below(&m, 100);
        if (what < 50)
            model_set(&m, i, m.now_ms + below(&m, what < 25 ? 50 : 6000) * m.tick_ms);
        else if (what < 53)
            model_set(&m, i, below(&m, m.now_ms + 1));
        else if (what < 70)
            model_cancel(&m, i);
        else if (what < 97)
            model_step(&m, below(&m, what < 85 ? 5 : 2000) * m.tick_ms);
        else
            model_step(&m, below(&m, 100000000));
        model_check(&m);
    }
}

static void random_timers_agree_with_a_naive_list(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 60; seed++)
        model_run(seed);
}

static void whoever_sleeps_until_next_ms_is_never_late(void **state)
{
    struct model m = {.seed = 3, .tick_ms = 1};
    (void)state;

    wheel_init(&m.w, 1, 0);
    for (unsigned i = 0; i < TIMERS; i++)
        model_set(&m, i, 1 + below(&m, 5000));

    for (unsigned wakes = 0; m.w.live > 0; wakes++) {
        struct wheel_timer *t;
        m.now_ms = wheel_next_ms(&m.w);
        while ((t = wheel_pop(&m.w, m.now_ms)))
            assert_int_equal(m.fires_ms[t - m.timers], m.now_ms);
        assert_true(wakes < 6 * TIMERS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_fires_at_its_time_and_not_before),
        cmocka_unit_test(a_timer_between_ticks_fires_at_the_tick_behind_it),
        cmocka_unit_test(a_timer_of_the_past_fires_at_the_next_tick),
        cmocka_unit_test(a_timer_of_a_later_round_waits_for_its_round),
        cmocka_unit_test(a_cancelled_timer_never_fires_and_may_be_cancelled_again),
        cmocka_unit_test(a_timer_that_is_due_may_still_be_cancelled),
        cmocka_unit_test(a_moved_timer_fires_once_at_its_new_time),
        cmocka_unit_test(a_popped_timer_may_be_set_again_at_once),
        cmocka_unit_test(after_a_long_pause_everything_due_fires_and_nothing_else),
        cmocka_unit_test(an_empty_wheel_has_no_next_time),
        cmocka_unit_test(random_timers_agree_with_a_naive_list),
        cmocka_unit_test(whoever_sleeps_until_next_ms_is_never_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
