/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "scenario.h"

static const uint64_t SECOND = 1000000000;

/* The floor shows 1 to each who comes, and one more to all for each byte on its standard input,
 * which
 * --control FD names. */
void scenario_floor_fanout(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct crowd c;
    struct span span;
    uint32_t rounds = 0;

    one.topics = 1;
    crowd_init(&c, &o->target, o->clients);
    open_all(&c, &one, 0, o->clients);

    uint64_t frames = c.frames;
    span_begin(&span, &o->server);
    for (uint64_t until = now_ns() + o->seconds * SECOND; now_ns() < until; rounds++) {
        if (write(o->control, "x", 1) != 1)
            break;
        uint64_t patience = now_ns() + o->patience * SECOND;
        while (c.clients[0].viewers != (int64_t)rounds + 2 && now_ns() < patience)
            crowd_step(&c, 5);
        while (crowd_step(&c, 0))
            ;
        progress_show(o->progress, "rounds", rounds, 0);
    }
    r->wrong = await_viewers(&c, o, (int64_t)rounds + 1) + c.errors;
    span_end(&span);
    double sent = (double)(c.frames - frames);
    report_add(r, "rounds", rounds, "");
    report_add(r, "frames", sent, "");
    report_add(r, "frames_per_second", sent / span.seconds, "");
    report_add(r, "server_us_per_frame", span.server_s / sent * 1e6, "us of CPU");
    report_load(r, &span);
    crowd_release(&c);
}
