/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

enum { TIMES_MAX = 4000000 };
static const uint64_t S = 1000000000;

/* One topic with its observers and at most one visitor. */
struct place {
    uint32_t observers;
    uint32_t unseen; /* observers that do not show `expected` yet */
    int64_t expected;
    uint64_t changed_ns; /* 0: nothing is under way */
    enum { EMPTY, COMING, HERE } visitor;
};

struct churn {
    struct place *places;
    struct times times;
    uint32_t observers; /* clients below this index; the others are visitors, one per topic */
    uint64_t changes, late;
};

/* The visitor's request is the change, or its close is. */
static void begin_change(struct crowd *c, struct place *p, uint32_t topic, int64_t expected,
                         uint64_t now)
{
    const struct churn *churn = c->data;

    p->expected = expected;
    p->changed_ns = now;
    p->unseen = 0;
    for (uint32_t i = topic; i < churn->observers; i += (c->len - churn->observers))
        p->unseen += c->clients[i].state == CLIENT_JOINED && c->clients[i].viewers != expected;
}

static void on_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct churn *churn = c->data;
    struct place *p = &churn->places[cl->topic];

    if (cl->index >= churn->observers || !p->changed_ns || viewers != p->expected || !p->unseen)
        return;
    if (--p->unseen)
        return;
    /* A visitor that is still connecting when its change is seen everywhere has sent its request,
     * at asked_ns. */
    const struct client *visitor = &c->clients[churn->observers + cl->topic];
    uint64_t from = p->visitor == COMING ? visitor->asked_ns : p->changed_ns;
    times_add(&churn->times, now - from);
    p->changed_ns = 0;
    churn->changes++;
    p->visitor = p->visitor == COMING ? HERE : EMPTY;
}

/* The next change of a topic: its visitor comes or goes. */
static void change(struct crowd *c, uint32_t topic, uint64_t now)
{
    struct churn *churn = c->data;
    struct place *p = &churn->places[topic];
    uint32_t visitor = churn->observers + topic;

    if (p->changed_ns) {
        churn->late++; /* the last change is not everywhere yet */
        return;
    }
    if (p->visitor == EMPTY) {
        p->visitor = COMING;
        begin_change(c, p, topic, p->observers + 1, now);
        crowd_open(c, visitor, topic);
    } else {
        begin_change(c, p, topic, p->observers, now);
        crowd_close(c, visitor, true);
    }
}

static uint64_t count_wrong(const struct crowd *c)
{
    const struct churn *churn = c->data;
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < churn->observers; i++) {
        const struct place *p = &churn->places[c->clients[i].topic];
        wrong += c->clients[i].viewers != (int64_t)p->observers + (p->visitor == HERE);
    }
    return wrong;
}

void scenario_churn(const struct options *o, struct report *r)
{
    uint32_t topics = o->topics ? o->topics : 1;
    struct churn churn = {.places = calloc(topics, sizeof(struct place)), .observers = o->clients};
    struct crowd c;
    uint32_t random = 1;

    times_init(&churn.times, TIMES_MAX);
    crowd_init(&c, &o->target, o->clients + topics);
    c.data = &churn;
    open_all(&c, o, 0, o->clients);
    crowd_run(&c, now_ns() + S);
    for (uint32_t i = 0; i < o->clients; i++)
        churn.places[c.clients[i].topic].observers++;
    c.on_number = on_number;

    uint64_t start = now_ns(), until = start + o->seconds * S, frames = c.frames, due = start;
    double cpu = process_cpu_s(o->pid);
    for (uint64_t now = start; now < until; now = now_ns()) {
        for (; due <= now; due += S / o->rate) {
            random = random * 1664525 + 1013904223;
            change(&c, (random >> 8) % topics, now);
        }
        crowd_step(&c, 1);
    }
    crowd_run(&c, now_ns() + 2 * S);
    double used = process_cpu_s(o->pid) - cpu;
    report_add(r, "changes", (double)churn.changes, "");
    report_add(r, "skipped", (double)churn.late, "changes, because the last one was not shown yet");
    report_add(r, "frames_per_change", (double)(c.frames - frames) / (double)churn.changes, "");
    report_add(r, "server_load", used / o->seconds * 100, "% of a core");
    report_add(r, "server_us_per_change", used / (double)churn.changes * 1e6, "us of CPU");
    times_report(&churn.times, r, "last_observer");
    r->wrong = count_wrong(&c) + c.errors;
    crowd_release(&c);
    times_release(&churn.times);
    free(churn.places);
}

/* One topic: the numbers only rise, then only fall, so that each belongs to one moment. */

struct busy {
    uint64_t *came_ns, *went_ns; /* when the first, second... visitor came and went */
    struct times ages;
    uint32_t observers, visitors, came, went;
};

static void on_busy_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct busy *b = c->data;
    int64_t counted = viewers - b->observers;
    uint64_t outdated_ns = 0;

    if (cl->index >= b->observers || counted < 0 || counted > b->visitors)
        return;
    /* The number was right until the next visitor came, or went. */
    if (b->went == 0 && counted < b->came)
        outdated_ns = b->came_ns[counted];
    else if (b->went && b->visitors - counted < b->went)
        outdated_ns = b->went_ns[b->visitors - counted];
    times_add(&b->ages, outdated_ns && outdated_ns < now ? now - outdated_ns : 0);
}

/* All visitors come, or all go, at the rate. */
static void ramp(struct crowd *c, const struct options *o, bool up)
{
    struct busy *b = c->data;
    uint64_t due = now_ns();

    for (uint32_t i = 0; i < b->visitors; due += S / o->rate) {
        while (now_ns() < due)
            crowd_step(c, 1);
        for (; i < b->visitors && due <= now_ns(); i++, due += S / o->rate) {
            uint32_t visitor = b->observers + i;
            if (up) {
                crowd_open(c, visitor, 0);
                b->came_ns[b->came++] = now_ns();
            } else {
                b->went_ns[b->went++] = now_ns();
                crowd_close(c, visitor, true);
            }
        }
        crowd_step(c, 0);
    }
    crowd_run(c, now_ns() + 2 * S);
}

void scenario_busy(const struct options *o, struct report *r)
{
    struct busy b = {.observers = o->clients, .visitors = o->rate * o->seconds / 2};
    struct options one = *o;
    struct crowd c;

    one.topics = 1;
    b.came_ns = calloc(b.visitors, sizeof(uint64_t));
    b.went_ns = calloc(b.visitors, sizeof(uint64_t));
    times_init(&b.ages, TIMES_MAX);
    crowd_init(&c, &o->target, o->clients + b.visitors);
    c.data = &b;
    open_all(&c, &one, 0, o->clients);
    r->wrong = await_viewers(&c, o->clients, 10);
    c.on_number = on_busy_number;

    uint64_t start = now_ns(), frames = c.frames;
    double cpu = process_cpu_s(o->pid);
    ramp(&c, o, true);
    r->wrong += await_viewers(&c, o->clients + b.visitors, 10);
    ramp(&c, o, false);
    double seconds = (double)(now_ns() - start) / 1e9 - 4, used = process_cpu_s(o->pid) - cpu;
    double sent = (double)(c.frames - frames);
    report_add(r, "changes_per_second", 2 * b.visitors / seconds, "");
    report_add(r, "frames_per_second", sent / seconds, "");
    report_add(r, "frames_per_change", sent / (2 * b.visitors), "");
    report_add(r, "server_load", used / seconds * 100, "% of a core");
    times_report(&b.ages, r, "age");
    r->wrong += await_viewers(&c, o->clients, 10) + (uint32_t)c.errors;
    crowd_release(&c);
    times_release(&b.ages);
    free(b.came_ns);
    free(b.went_ns);
}

/* Readers that stop. */

struct watch_times {
    struct times times;
    uint64_t changed_ns;
    int64_t expected;
};

static void on_slow_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct watch_times *w = c->data;

    if (cl->index && viewers == w->expected)
        times_add(&w->times, now - w->changed_ns);
}

/* The last client comes and goes, `rate` times a second. */
static void flap(struct crowd *c, const struct options *o, uint32_t seconds)
{
    struct watch_times *w = c->data;
    struct client *visitor = &c->clients[c->len - 1];
    uint64_t until = now_ns() + seconds * S, due = now_ns();

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
    }
    while (visitor->state != CLIENT_JOINED && visitor->state != CLIENT_CLOSED)
        crowd_step(c, 1);
}

void scenario_slow(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct watch_times before = {0}, during = {0};
    struct crowd c;
    uint32_t deaf = o->clients / 10;

    one.topics = 1;
    times_init(&before.times, TIMES_MAX);
    times_init(&during.times, TIMES_MAX);
    crowd_init(&c, &o->target, o->clients + 1);
    open_all(&c, &one, 0, o->clients);
    await_viewers(&c, o->clients, 10);
    c.on_number = on_slow_number;
    c.data = &before;
    flap(&c, o, o->seconds / 4 + 1);
    double pss = process_pss_bytes(o->pid), kernel = kernel_tcp_bytes();
    for (uint32_t i = 0; i < deaf; i++)
        crowd_deafen(&c, 1 + i * 10 % o->clients, true);
    c.data = &during;
    flap(&c, o, o->seconds);
    report_add(r, "deaf", deaf, "clients");
    report_add(r, "process_growth", (process_pss_bytes(o->pid) - pss) / 1024, "KiB");
    double growth = kernel_tcp_bytes() - kernel, theirs = crowd_receive_bytes(&c);
    report_add(r, "kernel_growth_per_deaf", (growth - theirs) / deaf / 1024,
               "KiB, the server's end");
    report_add(r, "kernel_growth_both", growth / deaf / 1024, "KiB, both ends");
    c.on_number = NULL;
    for (uint32_t i = 0; i < deaf; i++)
        crowd_deafen(&c, 1 + i * 10 % o->clients, false);
    int64_t here = o->clients + (c.clients[o->clients].state == CLIENT_JOINED);
    r->wrong = await_viewers(&c, here, 10) + c.errors;
    times_report(&before.times, r, "before");
    times_report(&during.times, r, "during");
    crowd_release(&c);
    times_release(&before.times);
    times_release(&during.times);
}
