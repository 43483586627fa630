/* SPDX-License-Identifier: MIT */
/*
 * metrics_test.c - claims about counting and about the page of all workers.
 */
#include "app/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static char *page_of(const struct metrics *sum)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    metrics_page(sum, &out);
    char *text = bytes_copy(buf_bytes(&out));
    buf_release(&out);
    return text;
}

static void what_two_workers_published_is_added_up(void **state)
{
    struct metrics one = {.sessions = 3, .bytes_out = 1000}, two = {.sessions = 4, .turns = 7};
    struct published_metrics a = {0}, b = {0};
    struct metrics sum = {0};
    (void)state;

    metrics_publish(&a, &one);
    metrics_publish(&b, &two);
    one.sessions = 99; /* not published yet */
    metrics_add(&sum, &a);
    metrics_add(&sum, &b);

    assert_int_equal(sum.sessions, 7);
    assert_int_equal(sum.bytes_out, 1000);
    assert_int_equal(sum.turns, 7);
    assert_int_equal(sum.joins, 0);
}

static void every_metric_is_on_the_page_with_its_help_and_its_type(void **state)
{
    static const struct {
        const char *name, *kind, *help;
    } table[] = {
#define METRIC(name, kind, help) {#name, #kind, help},
#include "app/metrics.def"
#undef METRIC
    };
    struct metrics sum = {0};
    char wanted[512];
    (void)state;

    char *page = page_of(&sum);

    for (size_t i = 0; i < METRICS_LEN; i++) {
        const char *total = strcmp(table[i].kind, "counter") == 0 ? "_total" : "";
        snprintf(wanted, sizeof(wanted),
                 "# HELP rollcall_%s%s %s\n# TYPE rollcall_%s%s %s\nrollcall_%s%s 0\n",
                 table[i].name, total, table[i].help, table[i].name, total, table[i].kind,
                 table[i].name, total);
        assert_non_null(strstr(page, wanted));
    }
    heap_free(page);
}

static void values_stand_beside_their_own_names(void **state)
{
    struct metrics sum = {.sessions = 1, .presences = UINT64_MAX, .bytes_out = 3};
    (void)state;

    char *page = page_of(&sum);

    assert_non_null(strstr(page, "\nrollcall_sessions 1\n"));
    assert_non_null(strstr(page, "\nrollcall_presences 18446744073709551615\n"));
    assert_non_null(strstr(page, "\nrollcall_bytes_out_total 3\n"));
    heap_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_workers_published_is_added_up),
        cmocka_unit_test(every_metric_is_on_the_page_with_its_help_and_its_type),
        cmocka_unit_test(values_stand_beside_their_own_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
