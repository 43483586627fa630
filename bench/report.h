/* SPDX-License-Identifier: MIT */
/*
 * report.h - what a scenario found: named figures, printed for people or as JSON.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure.h"
#include "times.h"

enum { FIGURES_MAX = 64 };

struct figure {
    char name[48];
    const char *unit; /* lives as long as the report */
    double value;
};

struct report {
    const char *scenario;
    struct figure figures[FIGURES_MAX];
    size_t len;
    uint64_t wrong;  /* numbers that were not what they had to be */
    bool bottleneck; /* the bench itself had hardly a moment to spare */
};

void report_add(struct report *r, const char *name, double value, const char *unit);
/* Adds p50, p99, p999 and max in ms as NAME_p50_ms and so on; nothing if there are no times. */
void report_times(struct report *r, const char *name, const struct times *t);
/* Adds server_load and own_load in percent of a core, and finds out if the bench was the
 * bottleneck. */
void report_load(struct report *r, const struct span *s);
/* One JSON object on a line, or a table. A figure that could not be measured is null there. */
void report_print(const struct report *r, bool json);

#endif
