/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <math.h>
#include <stdio.h>

enum { OWN_LOAD_MAX = 90 };

void report_add(struct report *r, const char *name, double value, const char *unit)
{
    if (r->len == FIGURES_MAX)
        return;
    struct figure *f = &r->figures[r->len++];
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->unit = unit;
    f->value = value;
}

void report_times(struct report *r, const char *name, const struct times *t)
{
    static const struct {
        const char *name;
        double at;
    } parts[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};

    for (size_t i = 0; t->len && i < sizeof(parts) / sizeof(parts[0]); i++) {
        char label[48];
        snprintf(label, sizeof(label), "%s_%s_ms", name, parts[i].name);
        report_add(r, label, (double)times_at(t, parts[i].at) / 1e6, "ms");
    }
}

void report_load(struct report *r, const struct span *s)
{
    double own = s->own_s / s->seconds * 100;

    report_add(r, "server_load", s->server_s / s->seconds * 100, "% of a core");
    report_add(r, "own_load", own, "% of a core, of the bench");
    r->bottleneck = own > OWN_LOAD_MAX;
}

static void print_json(const struct report *r)
{
    printf("{\"scenario\":\"%s\",\"wrong\":%llu,\"bottleneck\":%s", r->scenario,
           (unsigned long long)r->wrong, r->bottleneck ? "true" : "false");
    for (size_t i = 0; i < r->len; i++) {
        const struct figure *f = &r->figures[i];
        if (isfinite(f->value))
            printf(",\"%s\":%.6g", f->name, f->value);
        else
            printf(",\"%s\":null", f->name);
    }
    printf("}\n");
}

void report_print(const struct report *r, bool json)
{
    if (json) {
        print_json(r);
        return;
    }
    printf("%s\n", r->scenario);
    for (size_t i = 0; i < r->len; i++)
        printf("  %-36s %14.6g %s\n", r->figures[i].name, r->figures[i].value, r->figures[i].unit);
    printf("  %-36s %14llu\n", "wrong numbers", (unsigned long long)r->wrong);
}
