/* SPDX-License-Identifier: MIT */
/*
 * report.h - what a scenario found: named figures, printed for people or as JSON; and histograms of
 * times.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIGURES_MAX = 64 };

struct figure {
    const char *name, *unit;
    double value;
};

struct report {
    const char *scenario;
    struct figure figures[FIGURES_MAX];
    size_t len;
    uint64_t wrong; /* numbers that were not what they had to be */
};

void report_add(struct report *r, const char *name, double value, const char *unit);
void report_print(const struct report *r, bool json);

/* Times in ns, kept whole; up to `max` of them. */
struct times {
    uint64_t *values;
    size_t len, max;
};
void times_init(struct times *t, size_t max);
void times_release(struct times *t);
void times_add(struct times *t, uint64_t ns);
/* Adds p50, p99, p999 and max in ms as NAME_p50_ms and so on. */
void times_report(struct times *t, struct report *r, const char *name);

/* CPU seconds that the threads of a process have used, to the nanosecond, and its memory (PSS,
 * bytes). Negative if there is no such process or it may not be read. */
double process_cpu_s(int pid);
double process_pss_bytes(int pid);
/* Bytes that the kernel holds for TCP sockets on the whole machine. */
double kernel_tcp_bytes(void);

#endif
