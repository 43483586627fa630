/* SPDX-License-Identifier: MIT */
/*
 * times.h - a histogram of times: any number of them, in little memory, right to 0.8 percent.
 *
 * Buckets are 128 to each doubling. The largest time is kept exactly. Histograms of several
 * processes can be added up, since they are plain data.
 */
#ifndef BENCH_TIMES_H
#define BENCH_TIMES_H

#include <stdint.h>

enum { TIMES_STEPS = 128, TIMES_BUCKETS = 40 * TIMES_STEPS };

struct times {
    uint64_t counts[TIMES_BUCKETS];
    uint64_t len, max_ns;
};

/* An empty one, owned by the caller: times_free(). */
struct times *times_new(void);
void times_free(struct times *t);

void times_clear(struct times *t);
void times_add(struct times *t, uint64_t ns);
/* Adds what `from` has. */
void times_merge(struct times *t, const struct times *from);
/* The time that `part` of all (0 to 1) do not exceed; 0 if there is none. */
uint64_t times_at(const struct times *t, double part);

#endif
