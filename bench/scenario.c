/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <math.h>

enum { IN_FLIGHT = 500, SETTLE_MS_MAX = 1500, EARLY_MAX = 1000 };

static const uint64_t MS = 1000000, S = 1000000000;

void open_all(struct crowd *c, const struct options *o, uint32_t from, uint32_t to)
{
    uint64_t until = now_ns() + o->patience * S, failed = c->errors;
    uint32_t next = from, before = c->joined, at_once = IN_FLIGHT / o->crew->size;

    while (now_ns() < until) {
        uint32_t done = c->joined - before + (uint32_t)(c->errors - failed);
        if (done >= to - from)
            break;
        while (next < to && next - from - done < at_once) {
            crowd_open(c, next, (c->first + next) % o->topics);
            next++;
        }
        crowd_step(c, 100);
        progress_show(o->progress, "joined", c->joined, c->len);
    }
}

static uint32_t count_other(const struct crowd *c, int64_t viewers)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->len; i++) {
        const struct client *cl = &c->clients[i];
        n += cl->state != CLIENT_CLOSED && (cl->state != CLIENT_JOINED || cl->viewers != viewers);
    }
    return n;
}

uint32_t await_viewers(struct crowd *c, const struct options *o, int64_t viewers)
{
    uint64_t until = now_ns() + o->patience * S;
    uint32_t others;

    while ((others = count_other(c, viewers)) && now_ns() < until) {
        progress_show(o->progress, "do not show the number yet:", others, 0);
        for (int i = 0; i < 16 && crowd_step(c, 2); i++)
            ;
    }
    return others;
}

/* How many clients do not show that everyone is in their topic. */
static uint64_t count_wrong(const struct crowd *c, const struct options *o)
{
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < c->len; i++) {
        uint64_t topic = (c->first + i) % o->topics;
        uint64_t here = (o->clients - topic + o->topics - 1) / o->topics;
        wrong += c->clients[i].viewers != (int64_t)here;
    }
    return wrong;
}

void scenario_idle(const struct options *o, struct report *r)
{
    uint32_t early = o->clients > 10 * EARLY_MAX ? EARLY_MAX : o->clients / 10;
    uint64_t settle = (o->seconds < 5 ? o->seconds * SETTLE_MS_MAX / 5 : SETTLE_MS_MAX) * MS;
    struct crowd c;
    struct span span;

    crowd_init(&c, &o->target, o->crew->clients);
    c.first = o->crew->first;
    early /= o->crew->size;
    open_all(&c, o, 0, early);
    crowd_run(&c, now_ns() + settle);
    double joined = crew_sum(o->crew, &c, c.joined);
    double pss = pids_pss_bytes(&o->server), kernel = kernel_tcp_bytes();
    crew_meet(o->crew, &c);
    open_all(&c, o, early, c.len);
    crowd_run(&c, now_ns() + 2 * settle);
    double more = crew_sum(o->crew, &c, c.joined) - joined;
    report_add(r, "viewers", joined + more, "");
    report_add(r, "pss_bytes_per_viewer", (pids_pss_bytes(&o->server) - pss) / more,
               "bytes, beyond the first");
    report_add(r, "kernel_bytes_per_viewer", (kernel_tcp_bytes() - kernel) / more,
               "bytes, both ends");
    span_begin(&span, &o->server);
    crowd_run(&c, now_ns() + o->seconds * S);
    span_end(&span);
    span.own_s = crew_max(o->crew, &c, span.own_s);
    report_load(r, &span);
    report_add(r, "failed", crew_sum(o->crew, &c, (double)c.errors), "connections");
    r->wrong = (uint64_t)crew_sum(o->crew, &c, (double)count_wrong(&c, o));
    crowd_release(&c);
}

/* Storm. */

static void report_join(struct crowd *c, const struct options *o, struct report *r)
{
    struct times *first = times_new();
    uint64_t most = 0;

    for (uint32_t i = 0; i < c->len; i++) {
        const struct client *cl = &c->clients[i];
        if (cl->state == CLIENT_JOINED)
            times_add(first, cl->joined_ns - cl->asked_ns);
        most = cl->frames > most ? cl->frames : most;
    }
    crew_times(o->crew, c, first);
    report_times(r, "first_number", first);
    times_free(first);
    report_add(r, "frames_per_client", crew_sum(o->crew, c, (double)c->frames) / o->clients,
               "on average");
    report_add(r, "frames_per_client_max", crew_max(o->crew, c, (double)most), "");
}

/* The first half of all clients, whichever process they are in, go at once. */
static void vanish(struct crowd *c, const struct options *o)
{
    for (uint32_t i = 0; i < c->len && c->first + i < o->clients / 2; i++)
        crowd_close(c, i, false);
}

/* Until `viewers` are shown everywhere: how many clients of the whole crew do not, and the seconds
 * that it took in the slowest process, not a number if some never did. */
static double await_all(struct crowd *c, const struct options *o, int64_t viewers, double *seconds)
{
    uint64_t start = now_ns();
    double wrong = await_viewers(c, o, viewers);

    *seconds += (double)(now_ns() - start) / 1e9;
    wrong = crew_sum(o->crew, c, wrong);
    *seconds = crew_max(o->crew, c, *seconds);
    if (wrong > 0)
        *seconds = NAN;
    return wrong;
}

void scenario_storm(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct crowd c;
    struct span span;
    uint32_t stay = o->clients - o->clients / 2;

    one.topics = 1;
    crowd_init(&c, &o->target, o->crew->clients);
    c.first = o->crew->first;
    crew_meet(o->crew, &c);
    span_begin(&span, &o->server);
    open_all(&c, &one, 0, c.len);
    double seconds = (double)(now_ns() - span.start_ns) / 1e9;
    double wrong = await_all(&c, o, o->clients, &seconds);
    span_end(&span);
    span.own_s = crew_max(o->crew, &c, span.own_s);
    report_add(r, "joined", crew_sum(o->crew, &c, c.joined), "");
    report_add(r, "join_seconds", seconds, "s until all show all");
    report_add(r, "join_cpu", span.server_s, "s of the server");
    report_load(r, &span);
    report_join(&c, o, r);

    uint64_t frames = c.frames;
    crew_meet(o->crew, &c);
    span_begin(&span, &o->server);
    vanish(&c, o);
    seconds = 0;
    wrong += await_all(&c, o, stay, &seconds);
    span_end(&span);
    report_add(r, "vanish_seconds", seconds, "s until the rest show the rest");
    report_add(r, "vanish_cpu", span.server_s, "s of the server");
    report_add(r, "vanish_frames_per_client",
               crew_sum(o->crew, &c, (double)(c.frames - frames)) / stay, "");
    double errors = crew_sum(o->crew, &c, (double)c.errors);
    report_add(r, "failed", errors, "connections");
    r->wrong = (uint64_t)(wrong + errors);
    crowd_release(&c);
}

/* Short visits. */

void scenario_connect(const struct options *o, struct report *r)
{
    struct crowd c;
    struct span span;
    uint32_t visits = 0;
    uint64_t topic = 0;

    crowd_init(&c, &o->target, o->clients);
    span_begin(&span, &o->server);
    for (uint64_t until = span.start_ns + o->seconds * S; now_ns() < until;) {
        for (uint32_t i = 0; i < c.len; i++) {
            if (c.clients[i].state == CLIENT_JOINED) {
                r->wrong += c.clients[i].viewers != 1;
                crowd_close(&c, i, true);
                visits++;
            }
            if (c.clients[i].state == CLIENT_CLOSED)
                crowd_open(&c, i, ++topic);
        }
        crowd_step(&c, 10);
        progress_show(o->progress, "visits", visits, 0);
    }
    span_end(&span);
    report_add(r, "visits", visits, "");
    report_add(r, "visits_per_second", visits / span.seconds, "");
    report_add(r, "server_us_per_visit", span.server_s / visits * 1e6, "us of CPU");
    report_load(r, &span);
    report_add(r, "failed", (double)c.errors, "connections");
    r->wrong += c.errors;
    crowd_release(&c);
}
