/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "scenario.h"
#include "wave.h"

enum { RAMP_SECONDS_MAX = 2 };
static const uint64_t S = 1000000000;

struct busy {
    struct wave wave;
    struct times *told_after; /* from each change to each observer's screen */
    struct times *ages;       /* how long ago the numbers stopped to be right that were shown */
    uint32_t *told;
    uint64_t impossible;
};

static void on_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct busy *b = c->data;
    uint32_t *told = &b->told[cl->index];

    if (cl->index >= b->wave.base)
        return;
    if (!wave_tell(&b->wave, told, (uint32_t)viewers, now, b->told_after))
        b->impossible++;
    else
        times_add(b->ages, *told < b->wave.made ? now - b->wave.at_ns[*told] : 0);
}

/* All visitors come, or all go, at the rate. */
static void ramp(struct crowd *c, const struct options *o, bool up)
{
    struct busy *b = c->data;
    uint64_t due = now_ns();

    for (uint32_t i = 0; i < c->len; i++)
        b->told[i] = 0;
    wave_turn(&b->wave, up);
    while (b->wave.made < b->wave.size) {
        for (; b->wave.made < b->wave.size && due <= now_ns(); due += S / o->rate) {
            uint32_t visitor = b->wave.base + b->wave.made;
            wave_change(&b->wave, now_ns());
            if (up)
                crowd_open(c, visitor, 0);
            else
                crowd_close(c, visitor, true);
        }
        crowd_step(c, 1);
        progress_show(o->progress, up ? "came" : "went", b->wave.made, b->wave.size);
    }
}

/* Up and down again and again. Each ramp begins when all were told of the last one's end; returns
 * how many show a wrong number when they should not. */
static uint64_t run(struct crowd *c, const struct options *o, uint32_t ramps)
{
    struct busy *b = c->data;
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < ramps && !wrong; i++) {
        ramp(c, o, i % 2 == 0);
        wrong = await_viewers(c, o, b->wave.base + (i % 2 ? 0 : b->wave.size));
    }
    return wrong;
}

void scenario_busy(const struct options *o, struct report *r)
{
    struct busy b = {.told_after = times_new(), .ages = times_new()};
    struct options one = *o;
    struct crowd c;
    struct span span;
    uint32_t ramp_s = o->seconds < RAMP_SECONDS_MAX * 2 ? o->seconds : RAMP_SECONDS_MAX * 2;
    uint32_t visitors = (o->rate * ramp_s + 1) / 2, ramps = o->seconds / ramp_s * 2;

    one.topics = 1;
    wave_init(&b.wave, o->clients, visitors);
    b.told = calloc(o->clients + visitors, sizeof(*b.told));
    crowd_init(&c, &o->target, o->clients + visitors);
    c.data = &b;
    open_all(&c, &one, 0, o->clients);
    r->wrong = await_viewers(&c, o, o->clients);
    c.on_number = on_number;

    uint64_t frames = c.frames;
    span_begin(&span, &o->server);
    r->wrong += run(&c, o, ramps);
    span_end(&span);
    double sent = (double)(c.frames - frames), changes = (double)visitors * ramps;
    report_add(r, "changes_per_second", changes / span.seconds, "");
    report_add(r, "frames_per_second", sent / span.seconds, "");
    report_add(r, "frames_per_change", sent / changes, "");
    report_add(r, "server_us_per_change", span.server_s / changes * 1e6, "us of CPU");
    report_load(r, &span);
    report_times(r, "told_after", b.told_after);
    report_times(r, "age", b.ages);
    report_add(r, "failed", (double)c.errors, "connections");
    r->wrong += b.impossible + c.errors;
    crowd_release(&c);
    wave_release(&b.wave);
    times_free(b.told_after);
    times_free(b.ages);
    free(b.told);
}
