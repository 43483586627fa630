/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - what can be measured. Each scenario drives its own crowd and fills a report.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "crowd.h"
#include "report.h"

struct options {
    struct target target;
    uint32_t clients, topics, rate, seconds; /* rate: changes per second */
    int pid;                                 /* of the server, 0 if unknown */
    int control;                             /* writes to the floor's standard input */
    bool json, quiet;
};

/* Opens clients `from` to `to` - 1, some hundred at a time, each in topic i mod topics; returns
 * when all have joined or have failed. */
void open_all(struct crowd *c, const struct options *o, uint32_t from, uint32_t to);
/* Waits until every client that joined shows `viewers`, at most `seconds`; returns how many do not.
 */
uint32_t await_viewers(struct crowd *c, int64_t viewers, uint32_t seconds);

void scenario_idle(const struct options *o, struct report *r);
void scenario_storm(const struct options *o, struct report *r);
void scenario_fanout(const struct options *o, struct report *r);
/* Observers in many topics; visitors come and go, one at a time in a topic: the time from a change
 * to the last observer's screen. */
void scenario_churn(const struct options *o, struct report *r);
/* One topic, visitors come and go all the time: how old the numbers are that observers are shown.
 */
void scenario_busy(const struct options *o, struct report *r);
/* A tenth of the readers stop reading for a while. */
void scenario_slow(const struct options *o, struct report *r);
void scenario_connect(const struct options *o, struct report *r);
/* The floor: a bare send() loop with the same readers, the same frames and the same rhythm as
 * `fanout`. The bare accept loop is `connect` against rollcall-floor. */
void scenario_floor_fanout(const struct options *o, struct report *r);

#endif
