/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - what a worker counts, and the page that adds all workers up.
 *
 * A worker counts in plain fields and publishes them at the end of its turn, so a scrape by another
 * worker sees whole numbers and nobody waits.
 */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct metrics {
#define METRIC(name, kind, help) uint64_t name;
#include "app/metrics.def"
#undef METRIC
};

enum metric_id {
#define METRIC(name, kind, help) METRIC_##name,
#include "app/metrics.def"
#undef METRIC
    METRICS_LEN
};

struct published_metrics {
    _Atomic uint64_t values[METRICS_LEN];
};

/* By the owner of `m`, at the end of a turn. */
void metrics_publish(struct published_metrics *p, const struct metrics *m);
/* Adds what a worker published, from any thread. */
void metrics_add(struct metrics *sum, const struct published_metrics *p);
/* The page of the Prometheus text format, version 0.0.4. */
void metrics_page(const struct metrics *sum, struct buf *out);

#endif
