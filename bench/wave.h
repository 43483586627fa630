/* SPDX-License-Identifier: MIT */
/*
 * wave.h - a topic whose number only rises, then only falls, then rises again.
 *
 * So each number belongs to one moment, whatever a server leaves out: it tells of all changes of
 * the phase up to that moment, and the time from each of them to a member's screen can be known.
 * A phase may begin when every member shows the last one's end.
 */
#ifndef BENCH_WAVE_H
#define BENCH_WAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "times.h"

enum { WAVE_NEW = UINT32_MAX };

struct wave {
    uint32_t base, size; /* members who stay, and visitors who come and go */
    uint32_t made;       /* changes of this phase so far, at most `size` */
    uint32_t reached;    /* members who were shown the end of this phase */
    bool rising;
    uint64_t *at_ns; /* when each change was made */
};

void wave_init(struct wave *w, uint32_t base, uint32_t size);
void wave_release(struct wave *w);
/* Begins a phase. */
void wave_turn(struct wave *w, bool rising);
/* A visitor came, or went. */
void wave_change(struct wave *w, uint64_t now_ns);
/* A member is shown `viewers`. `told` is the number of changes of this phase that it was told of
 * before, or WAVE_NEW if it was not here then. Adds the time since each that is news to it to `t`.
 * False if the number cannot be right now, or is older than the one before. */
bool wave_tell(struct wave *w, uint32_t *told, uint32_t viewers, uint64_t now_ns, struct times *t);

#endif
