/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct conn_handler no_handler;

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void a_deadline_that_passes_before_the_wait_ends_it(void **state)
{
    struct loop *l = loop_new(&no_handler, NULL);
    uint64_t deadline;

    (void)state;
    alarm(20); /* without an end of the wait this test would hang */
    loop_poll(l, 0);
    deadline = loop_now_ms(l) + 2;
    while (clock_ms() < deadline + 2)
        ; /* the loop's own clock stands still meanwhile */

    loop_poll(l, deadline);

    assert_true(loop_now_ms(l) >= deadline);
    loop_free(l);
    alarm(0);
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    struct loop *l = loop_new(&no_handler, NULL);

    (void)state;
    alarm(20);
    for (uint64_t ms = 1; ms <= 5; ms++) {
        loop_poll(l, 0);
        uint64_t deadline = loop_now_ms(l) + ms;
        while (loop_now_ms(l) < deadline)
            loop_poll(l, deadline);
    }

    loop_free(l);
    alarm(0);
}

static void a_wake_up_ends_a_wait_without_a_deadline(void **state)
{
    struct loop *l = loop_new(&no_handler, NULL);

    (void)state;
    alarm(20);
    loop_wake(l);

    loop_poll(l, UINT64_MAX);

    loop_free(l);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_that_passes_before_the_wait_ends_it),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_wake_up_ends_a_wait_without_a_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
