/* SPDX-License-Identifier: MIT */
/*
 * progress.h - one line on a terminal that says what is going on; nothing anywhere else.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *scenario;
    bool on;
    uint64_t next_ns;
};

/* On if standard error is a terminal, unless `quiet`. */
void progress_init(struct progress *p, const char *scenario, bool quiet);
/* `what`, and `done` of `all` (0: not known). Cheap enough to be called in every loop. */
void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all);
/* Makes the line empty again. */
void progress_clear(struct progress *p);

#endif
