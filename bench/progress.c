/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "measure.h"

static const uint64_t EVERY_NS = 200000000;

void progress_init(struct progress *p, const char *scenario, bool quiet)
{
    *p = (struct progress){.scenario = scenario, .on = !quiet && isatty(STDERR_FILENO)};
}

void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all)
{
    if (!p->on || now_ns() < p->next_ns)
        return;
    p->next_ns = now_ns() + EVERY_NS;
    fprintf(stderr, "\r\033[K%s: %s %llu", p->scenario, what, (unsigned long long)done);
    if (all)
        fprintf(stderr, " of %llu", (unsigned long long)all);
}

void progress_clear(struct progress *p)
{
    if (p->on && p->next_ns)
        fprintf(stderr, "\r\033[K");
}
