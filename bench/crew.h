/* SPDX-License-Identifier: MIT */
/*
 * crew.h - several processes that drive the clients of one scenario together.
 *
 * One process can open only so many sockets. All of a crew run the same scenario on their share of
 * the clients and meet at the same places in it. A meeting is a number that each brings and a sum
 * or a maximum that all take along; so the first process, which prints, has the figures of all.
 * While they wait for each other they go on reading. A crew of one costs nothing.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdint.h>

#include "crowd.h"
#include "times.h"

enum { CREW_MAX = 64, CREW_SHARE_MAX = 20000 /* clients of one process */ };

struct crew {
    uint32_t size, rank;     /* rank 0 is the process that was started, and prints */
    uint32_t first, clients; /* this process's share: from client `first` on */
    /* private: pipes, of rank 0 to each of the others and of these to rank 0, in [0] */
    int in[CREW_MAX], out[CREW_MAX];
};

/* Starts `size` - 1 more processes (size at most CREW_MAX); returns in each of them. */
void crew_start(struct crew *crew, uint32_t size, uint32_t clients);
/* Each waits for all; the sum or the largest of what they brought. */
double crew_sum(struct crew *crew, struct crowd *c, double mine);
double crew_max(struct crew *crew, struct crowd *c, double mine);
void crew_meet(struct crew *crew, struct crowd *c);
/* Rank 0 gets the times of all. */
void crew_times(struct crew *crew, struct crowd *c, struct times *t);
/* Ends all but rank 0, which waits for them. */
void crew_end(struct crew *crew);

#endif
