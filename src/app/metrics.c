/* SPDX-License-Identifier: MIT */
#include "app/metrics.h"

#include <string.h>

#include "base/bytes.h"

static_assert(sizeof(struct metrics) == METRICS_LEN * sizeof(uint64_t), "one word per metric");

void metrics_publish(struct published_metrics *p, const struct metrics *m)
{
    uint64_t values[METRICS_LEN];

    memcpy(values, m, sizeof(values));
    for (size_t i = 0; i < METRICS_LEN; i++)
        atomic_store_explicit(&p->values[i], values[i], memory_order_relaxed);
}

void metrics_add(struct metrics *sum, const struct published_metrics *p)
{
    uint64_t values[METRICS_LEN];

    memcpy(values, sum, sizeof(values));
    for (size_t i = 0; i < METRICS_LEN; i++)
        values[i] += atomic_load_explicit(&p->values[i], memory_order_relaxed);
    memcpy(sum, values, sizeof(values));
}

void metrics_page(const struct metrics *sum, struct buf *out)
{
    static const struct {
        const char *name, *kind, *help;
    } table[] = {
#define METRIC(name, kind, help) {#name, #kind, help},
#include "app/metrics.def"
#undef METRIC
    };
    uint64_t values[METRICS_LEN];

    memcpy(values, sum, sizeof(values));
    for (size_t i = 0; i < METRICS_LEN; i++) {
        const char *suffix = table[i].kind[0] == 'c' ? "_total" : "";
        buf_printf(out, "# HELP rollcall_%s%s %s\n# TYPE rollcall_%s%s %s\nrollcall_%s%s %llu\n",
                   table[i].name, suffix, table[i].help, table[i].name, suffix, table[i].kind,
                   table[i].name, suffix, (unsigned long long)values[i]);
    }
}
