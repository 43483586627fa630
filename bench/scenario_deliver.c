/* SPDX-License-Identifier: MIT */
/*
 * scenario_deliver.c - how many count updates a server delivers in time.
 *
 * An update is one change made known to one member. Visitors come and go in a few topics, each a
 * wave between half and one and a half of its mean size, at a rate that grows in steps. A server
 * may tell a member of several changes with one number: they are as many updates, each late by its
 * own time. The highest rate counts of which no more than one update in a hundred came later than
 * 50 ms.
 */
#include <stdlib.h>

#include "scenario.h"
#include "wave.h"

enum { LATE_MS = 50, BEHIND_MS = 100, GROW_PERCENT = 125, STEPS_MAX = 40, LEAST_RATE = 20 };
static const uint64_t MS = 1000000, S = 1000000000;

struct deliver {
    struct wave *waves; /* one a topic */
    uint32_t *told;     /* by client: see wave.h */
    uint32_t topics, observers, visitors /* of one topic */, next;
    uint64_t skipped, impossible;
    struct times *times;
};

/* One step of the rate. */
struct step {
    double rate, delivered; /* asked for, changes per second; reached, updates per second */
    double changes, frames; /* per second */
    uint64_t p99_ns;
    struct span span;
};

static uint32_t visitor_index(const struct deliver *d, uint32_t topic, uint32_t i)
{
    return d->topics * (d->observers + i) + topic;
}

static void on_number(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now)
{
    struct deliver *d = c->data;

    if (!wave_tell(&d->waves[cl->topic], &d->told[cl->index], (uint32_t)viewers, now, d->times))
        d->impossible++;
}

/* The other way, if everyone who is there was shown the end of this phase. */
static void turn_if_due(struct deliver *d, uint32_t topic)
{
    struct wave *w = &d->waves[topic];

    if (w->made < w->size || w->reached < w->base + (w->rising ? w->size : 0))
        return;
    wave_turn(w, !w->rising);
    for (uint32_t i = 0; i < d->observers + d->visitors; i++)
        d->told[d->topics * i + topic] = w->rising && i >= d->observers ? WAVE_NEW : 0;
}

/* The next change, in the next topic that is not waiting to turn. */
static void change(struct crowd *c)
{
    struct deliver *d = c->data;

    for (uint32_t tries = 0; tries < d->topics; tries++) {
        uint32_t topic = d->next++ % d->topics;
        struct wave *w = &d->waves[topic];
        turn_if_due(d, topic);
        if (w->made == w->size)
            continue;
        uint32_t visitor = visitor_index(d, topic, w->made);
        wave_change(w, now_ns());
        if (w->rising)
            crowd_open(c, visitor, topic);
        else
            crowd_close(c, visitor, true);
        return;
    }
    d->skipped++;
}

/* What is late already and has not come at all. */
static void add_missing(struct crowd *c, uint64_t now)
{
    struct deliver *d = c->data;

    for (uint32_t i = 0; i < c->len; i++) {
        const struct wave *w = &d->waves[i % d->topics];
        if (c->clients[i].state != CLIENT_JOINED || d->told[i] == WAVE_NEW)
            continue;
        for (uint32_t k = d->told[i]; k < w->made && now - w->at_ns[k] > LATE_MS * MS; k++)
            times_add(d->times, now - w->at_ns[k]);
    }
}

static uint64_t made(const struct deliver *d, uint64_t total)
{
    return total - d->skipped;
}

static void run_step(struct crowd *c, const struct options *o, struct step *s)
{
    struct deliver *d = c->data;
    uint64_t interval = (uint64_t)(1e9 / s->rate), frames = c->frames, total = 0;

    times_clear(d->times);
    d->skipped = 0;
    span_begin(&s->span, &o->server);
    uint64_t until = s->span.start_ns + o->seconds * S, due = s->span.start_ns;
    for (uint64_t now = due; now < until; now = now_ns()) {
        if (now > due + BEHIND_MS * MS)
            due = now; /* this rate is too much for the bench: no use to catch up */
        for (; due <= now; due += interval, total++)
            change(c);
        crowd_step(c, 1);
        progress_show(o->progress, "changes per second", (uint64_t)s->rate, 0);
    }
    span_end(&s->span);
    s->delivered = (double)d->times->len / s->span.seconds;
    s->changes = (double)made(d, total) / s->span.seconds;
    s->frames = (double)(c->frames - frames) / s->span.seconds;
    add_missing(c, now_ns());
    s->p99_ns = times_at(d->times, 0.99);
}

/* Raises the rate until, twice in a row, numbers come too late or do not come faster. The best step
 * is the result, and the last was beyond it. */
static void find_best(struct crowd *c, const struct options *o, struct step *result,
                      struct step *beyond)
{
    struct step best = {0}, s = {.rate = o->rate};

    for (int failed = 0, i = 0; failed < 2 && i < STEPS_MAX; i++) {
        run_step(c, o, &s);
        if (s.p99_ns <= LATE_MS * MS && s.delivered > best.delivered * 1.02) {
            best = s;
            s.rate = s.rate * GROW_PERCENT / 100;
            failed = 0;
        } else if (++failed == 2 && best.delivered <= 0 && s.rate >= LEAST_RATE * 4) {
            s.rate /= 4; /* too much to begin with */
            failed = 0;
        }
    }
    *result = best;
    *beyond = s;
}

/* How many members do not show the right number when nothing changes any more. */
static uint64_t await_right(struct crowd *c, const struct options *o)
{
    const struct deliver *d = c->data;
    uint64_t until = now_ns() + o->patience * S, wrong;

    do {
        wrong = 0;
        for (uint32_t i = 0; i < c->len; i++) {
            const struct wave *w = &d->waves[i % d->topics];
            uint32_t here = w->base + (w->rising ? w->made : w->size - w->made);
            wrong += c->clients[i].state == CLIENT_JOINED && c->clients[i].viewers != here;
        }
        crowd_step(c, 5);
    } while (wrong && now_ns() < until);
    return wrong;
}

static void deliver_init(struct deliver *d, const struct options *o)
{
    uint32_t members = o->clients / o->topics;

    *d = (struct deliver){.topics = o->topics,
                          .observers = members - members / 2,
                          .visitors = members / 2 * 2,
                          .times = times_new()};
    d->waves = calloc(d->topics, sizeof(*d->waves));
    d->told = calloc(d->topics * (d->observers + d->visitors), sizeof(*d->told));
    for (uint32_t i = 0; i < d->topics; i++) {
        wave_init(&d->waves[i], d->observers, d->visitors);
        wave_turn(&d->waves[i], i % 2 == 0);
        for (uint32_t k = 0; i % 2 == 0 && k < d->visitors; k++)
            d->told[visitor_index(d, i, k)] = WAVE_NEW;
    }
}

/* Every other topic begins with all of its visitors and loses them first, so that the members of
 * all topics together are always about as many. Returns how many show a wrong number then. */
static uint64_t fill(struct crowd *c, const struct options *o)
{
    const struct deliver *d = c->data;
    uint64_t until = now_ns() + o->patience * S;

    open_all(c, o, 0, d->topics * d->observers);
    for (uint32_t i = 0; i < d->visitors; i++) {
        uint32_t before = c->joined;
        for (uint32_t topic = 1; topic < d->topics; topic += 2)
            crowd_open(c, visitor_index(d, topic, i), topic);
        while (c->joined < before + d->topics / 2 && now_ns() < until)
            crowd_step(c, 5);
    }
    return await_right(c, o);
}

void scenario_deliver(const struct options *o, struct report *r)
{
    struct deliver d;
    struct crowd c;
    struct step best, beyond;

    deliver_init(&d, o);
    crowd_init(&c, &o->target, d.topics * (d.observers + d.visitors));
    c.data = &d;
    r->wrong = fill(&c, o);
    c.on_number = on_number;
    find_best(&c, o, &best, &beyond);
    report_add(r, "updates_per_second", best.delivered, "delivered in time");
    report_add(r, "changes_per_second", best.changes, "");
    report_add(r, "frames_per_second", best.frames, "");
    report_add(r, "p99_ms", (double)best.p99_ns / 1e6, "ms");
    report_load(r, &best.span);
    report_add(r, "beyond_rate", beyond.rate, "changes per second, too many");
    report_add(r, "beyond_updates_per_second", beyond.delivered, "");
    report_add(r, "beyond_p99_ms", (double)beyond.p99_ns / 1e6, "ms");
    report_add(r, "beyond_server_load", beyond.span.server_s / beyond.span.seconds * 100,
               "% of a core");
    report_add(r, "beyond_own_load", beyond.span.own_s / beyond.span.seconds * 100,
               "% of a core, of the bench");
    r->wrong += await_right(&c, o) + d.impossible + c.errors;
    report_add(r, "impossible", (double)d.impossible, "numbers");
    report_add(r, "failed", (double)c.errors, "connections");
    crowd_release(&c);
    for (uint32_t i = 0; i < d.topics; i++)
        wave_release(&d.waves[i]);
    free(d.waves);
    free(d.told);
    times_free(d.times);
}
