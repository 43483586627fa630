/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "scenario.h"

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
    struct times *times;
    uint32_t observers; /* clients below this index; the others are visitors, one per topic */
    uint64_t changes, late, impossible;
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

    if (cl->index >= churn->observers)
        return;
    if (viewers != p->observers && viewers != p->observers + 1)
        churn->impossible++;
    if (!p->changed_ns || viewers != p->expected || !p->unseen)
        return;
    if (--p->unseen)
        return;
    /* A visitor that is still connecting when its change is seen everywhere has sent its request,
     * at asked_ns. */
    const struct client *visitor = &c->clients[churn->observers + cl->topic];
    uint64_t from = p->visitor == COMING ? visitor->asked_ns : p->changed_ns;
    times_add(churn->times, now - from);
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

/* How many observers do not show the right number when nothing changes any more. */
static uint64_t await_right(struct crowd *c, const struct options *o)
{
    const struct churn *churn = c->data;
    uint64_t until = now_ns() + o->patience * S, wrong;

    do {
        wrong = 0;
        for (uint32_t i = 0; i < churn->observers; i++) {
            const struct place *p = &churn->places[c->clients[i].topic];
            int64_t right = p->changed_ns ? p->expected : p->observers + (p->visitor == HERE);
            wrong += c->clients[i].viewers != right;
        }
        crowd_step(c, 5);
    } while (wrong && now_ns() < until);
    return wrong;
}

/* Visitors come and go at the rate, each in a topic by chance, until the time is over. */
static void drive(struct crowd *c, const struct options *o)
{
    uint64_t start = now_ns(), until = start + o->seconds * S, due = start;
    uint32_t random = 1;

    for (uint64_t now = start; now < until; now = now_ns()) {
        for (; due <= now; due += S / o->rate) {
            random = random * 1664525 + 1013904223;
            change(c, (random >> 8) % o->topics, now);
        }
        crowd_step(c, 1);
        progress_show(o->progress, "ms", (now - start) / 1000000, o->seconds * 1000);
    }
}

void scenario_churn(const struct options *o, struct report *r)
{
    struct churn churn = {.places = calloc(o->topics, sizeof(struct place)),
                          .observers = o->clients,
                          .times = times_new()};
    struct crowd c;
    struct span span;

    crowd_init(&c, &o->target, o->clients + o->topics);
    c.data = &churn;
    open_all(&c, o, 0, o->clients);
    crowd_run(&c, now_ns() + S);
    for (uint32_t i = 0; i < o->clients; i++)
        churn.places[c.clients[i].topic].observers++;
    c.on_number = on_number;

    uint64_t frames = c.frames;
    span_begin(&span, &o->server);
    drive(&c, o);
    span_end(&span);
    uint64_t wrong = await_right(&c, o);
    double changes = (double)churn.changes;
    report_add(r, "changes", changes, "");
    report_add(r, "skipped", (double)churn.late, "changes, because the last one was not shown yet");
    report_add(r, "frames_per_change", (double)(c.frames - frames) / changes, "");
    report_add(r, "server_us_per_change", span.server_s / changes * 1e6, "us of CPU");
    report_load(r, &span);
    report_times(r, "last_observer", churn.times);
    report_add(r, "failed", (double)c.errors, "connections");
    r->wrong = churn.impossible + wrong + c.errors;
    crowd_release(&c);
    times_free(churn.times);
    free(churn.places);
}
