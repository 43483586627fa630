/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenario.h"

/* The floor's standard input, as --control FD gives it, makes it send to all. */
void scenario_floor_fanout(const struct options *o, struct report *r)
{
    const uint64_t second = 1000000000;
    struct options one = *o;
    struct crowd c;
    uint32_t rounds = 0;

    one.topics = 1;
    crowd_init(&c, &o->target, o->clients);
    open_all(&c, &one, 0, o->clients);
    crowd_run(&c, now_ns() + second / 2);

    uint64_t start = now_ns(), until = start + o->seconds * second, frames = c.frames;
    double cpu = process_cpu_s(o->pid);
    while (now_ns() < until) {
        if (write(o->control, "x", 1) != 1)
            break;
        rounds++;
        while (c.clients[0].viewers != (int64_t)rounds)
            crowd_step(&c, 5);
        while (crowd_step(&c, 0))
            ;
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    crowd_run(&c, now_ns() + second / 5);
    double used = process_cpu_s(o->pid) - cpu, sent = (double)(c.frames - frames);
    report_add(r, "rounds", rounds, "");
    report_add(r, "frames", sent, "");
    report_add(r, "frames_per_second", sent / seconds, "");
    report_add(r, "server_us_per_frame", used / sent * 1e6, "us of CPU");
    report_add(r, "server_load", used / seconds * 100, "% of a core");
    crowd_release(&c);
}
