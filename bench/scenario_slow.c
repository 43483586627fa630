/* SPDX-License-Identifier: MIT */
#include "scenario.h"

static const uint64_t S = 1000000000;

struct watch_times {
    struct times *times;
    uint64_t changed_ns;
    int64_t expected;
};

static void on_slow_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct watch_times *w = c->data;

    if (cl->index && viewers == w->expected)
        times_add(w->times, now - w->changed_ns);
}

/* The last client comes and goes, `rate` times a second. */
static void flap(struct crowd *c, const struct options *o, uint32_t seconds)
{
    struct watch_times *w = c->data;
    struct client *visitor = &c->clients[c->len - 1];
    uint64_t start = now_ns(), until = start + seconds * S, due = start;

    while (now_ns() < until) {
        if (now_ns() >= due &&
            (visitor->state == CLIENT_JOINED || visitor->state == CLIENT_CLOSED)) {
            due += S / o->rate;
            w->changed_ns = now_ns();
            w->expected = visitor->state == CLIENT_CLOSED ? c->len : c->len - 1;
            if (visitor->state == CLIENT_CLOSED)
                crowd_open(c, visitor->index, 0);
            else
                crowd_close(c, visitor->index, true);
        }
        crowd_step(c, 1);
        progress_show(o->progress, "seconds", (now_ns() - start) / S, seconds);
    }
    while (visitor->state != CLIENT_JOINED && visitor->state != CLIENT_CLOSED)
        crowd_step(c, 1);
}

/* The tenth of the clients that will stop: not client 0, and not the visitor. */
static uint32_t deaf_client(uint32_t i)
{
    return 1 + i * 10;
}

static void deafen(struct crowd *c, uint32_t deaf, bool yes)
{
    for (uint32_t i = 0; i < deaf; i++)
        crowd_deafen(c, deaf_client(i), yes);
}

void scenario_slow(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct watch_times before = {.times = times_new()}, during = {.times = times_new()};
    struct crowd c;
    struct span span;
    uint32_t deaf = o->clients / 10;

    one.topics = 1;
    crowd_init(&c, &o->target, o->clients + 1);
    for (uint32_t i = 0; i < deaf; i++)
        c.clients[deaf_client(i)].small = true; /* so that the server's end fills */
    open_all(&c, &one, 0, o->clients);
    await_viewers(&c, o, o->clients);
    c.on_number = on_slow_number;
    c.data = &before;
    flap(&c, o, o->seconds / 4 + 1);
    double pss = pids_pss_bytes(&o->server), kernel = kernel_tcp_bytes();
    deafen(&c, deaf, true);
    c.data = &during;
    span_begin(&span, &o->server);
    flap(&c, o, o->seconds);
    span_end(&span);
    report_add(r, "deaf", deaf, "clients");
    report_add(r, "process_growth", (pids_pss_bytes(&o->server) - pss) / 1024, "KiB");
    double growth = kernel_tcp_bytes() - kernel, theirs = crowd_receive_bytes(&c);
    report_add(r, "kernel_growth_per_deaf", (growth - theirs) / deaf / 1024,
               "KiB, the server's end");
    report_add(r, "kernel_growth_both", growth / deaf / 1024, "KiB, both ends");
    report_load(r, &span);
    c.on_number = NULL;
    deafen(&c, deaf, false);
    int64_t here = o->clients + (c.clients[o->clients].state == CLIENT_JOINED);
    r->wrong = await_viewers(&c, o, here) + c.errors;
    report_times(r, "before", before.times);
    report_times(r, "during", during.times);
    report_add(r, "failed", (double)c.errors, "connections");
    crowd_release(&c);
    times_free(before.times);
    times_free(during.times);
}
