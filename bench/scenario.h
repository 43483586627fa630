/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - what can be measured. Each scenario drives its own crowd and fills a report.
 *
 * Those that may run in several processes (crew.h) say so; the others have all their clients in
 * one.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "crew.h"
#include "crowd.h"
#include "measure.h"
#include "progress.h"
#include "report.h"

struct options {
    struct target target;
    uint32_t clients, topics, rate, seconds; /* of all processes; rate: changes per second */
    uint32_t patience;                       /* s until what must come is given up */
    uint32_t processes;                      /* 0: as many as are needed */
    struct pids server;
    int control; /* writes to the floor's standard input */
    bool json, quiet, events;
    struct crew *crew;
    struct progress *progress;
};

/* Opens clients `from` to `to` - 1, some hundred at a time, each in the topic of its number modulo
 * topics; returns when all have joined or have failed, or after `patience`. */
void open_all(struct crowd *c, const struct options *o, uint32_t from, uint32_t to);
/* Waits until every client that is connected or about to be shows `viewers`, at most `patience`;
 * returns how many do not. */
uint32_t await_viewers(struct crowd *c, const struct options *o, int64_t viewers);

/* In several processes: idle, storm, fanout. */
void scenario_idle(const struct options *o, struct report *r);
void scenario_storm(const struct options *o, struct report *r);
/* One change or event at a time to the members of one topic. */
void scenario_fanout(const struct options *o, struct report *r);
/* Observers in many topics; visitors come and go, one at a time in a topic: the time from a change
 * to the last observer's screen. */
void scenario_churn(const struct options *o, struct report *r);
/* One topic, visitors come and go all the time: how old the numbers are that observers are shown.
 */
void scenario_busy(const struct options *o, struct report *r);
/* More and more changes in a few topics, until members are told of them too late. */
void scenario_deliver(const struct options *o, struct report *r);
/* A tenth of the readers stop reading for a while. */
void scenario_slow(const struct options *o, struct report *r);
/* Visits to a topic that is new each time. */
void scenario_connect(const struct options *o, struct report *r);
/* The floor: a bare send() loop with the same readers, the same frames and the same rhythm as
 * `fanout`. The bare accept loop is `connect` against rollcall-floor. */
void scenario_floor_fanout(const struct options *o, struct report *r);

#endif
