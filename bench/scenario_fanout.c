/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

static const uint64_t S = 1000000000;

/* One more member, of the native dialect, who joins and leaves, or says events, as fast as the
 * others are told of it. */
struct speaker {
    struct crowd one;
    bool here;
    uint32_t events;
};

static void speaker_init(struct speaker *s, const struct options *o)
{
    struct options mine = *o;
    struct crew alone = {.size = 1};

    mine.target.speech = NATIVE;
    mine.topics = 1;
    mine.crew = &alone;
    crowd_init(&s->one, &mine.target, 1);
    s->one.first = o->clients; /* not one of the others */
    open_all(&s->one, &mine, 0, 1);
    s->here = true;
    s->events = 0;
}

/* It may be told later than the others that it has joined, and must know before it leaves. */
static void speaker_read(struct speaker *s, uint64_t until)
{
    while (s->one.clients[0].viewers < 0 && now_ns() < until)
        crowd_step(&s->one, 5);
    while (crowd_step(&s->one, 0))
        ;
}

static void say_event(struct speaker *s)
{
    char text[96];
    int len = snprintf(text, sizeof(text), "[\"publish\",1,%llu,\"tick\",{\"n\":%u}]",
                       (unsigned long long)s->one.clients[0].number_id, ++s->events);

    crowd_say(&s->one, 0, text, (size_t)len);
}

static void toggle(struct speaker *s)
{
    static const char join[] = "[\"join\",1,\"post:0\",{}]";
    char text[64];

    if (s->here) {
        int len = snprintf(text, sizeof(text), "[\"leave\",1,%llu]",
                           (unsigned long long)s->one.clients[0].number_id);
        crowd_say(&s->one, 0, text, (size_t)len);
    } else {
        s->one.clients[0].viewers = -1;
        crowd_say(&s->one, 0, join, sizeof(join) - 1);
    }
    s->here = !s->here;
}

/* Each event is shown once, in order. */
static void on_event(struct crowd *c, struct client *cl, int64_t number)
{
    uint64_t *wrong = c->data;

    *wrong += number != (cl->event < 0 ? 1 : cl->event + 1);
}

static bool shown(const struct client *cl, const struct options *o, const struct speaker *s)
{
    return o->events ? cl->event == (int64_t)s->events
                     : cl->viewers == (int64_t)o->clients + s->here;
}

/* Rounds until the time is over; returns how many. */
static uint32_t speak(struct crowd *c, const struct options *o, struct speaker *s)
{
    uint64_t until = now_ns() + o->seconds * S;
    uint32_t rounds = 0;

    for (; now_ns() < until; rounds++) {
        if (o->events)
            say_event(s);
        else
            toggle(s);
        uint64_t patience = now_ns() + o->patience * S;
        while (!shown(&c->clients[0], o, s) && now_ns() < patience)
            crowd_step(c, 5);
        while (crowd_step(c, 0))
            ;
        speaker_read(s, patience);
        progress_show(o->progress, "rounds", rounds, 0);
    }
    return rounds;
}

/* Reads until all show what was said last; returns how many do not. */
static uint64_t settle(struct crowd *c, const struct options *o, double last)
{
    uint64_t until = now_ns() + o->patience * S, wrong;

    do {
        wrong = 0;
        for (uint32_t i = 0; i < c->len; i++)
            wrong += (o->events ? c->clients[i].event : c->clients[i].viewers) != (int64_t)last;
    } while (wrong && now_ns() < until && (crowd_step(c, 5) || true));
    return wrong;
}

void scenario_fanout(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct speaker s = {0};
    struct crowd c;
    struct span span;
    uint32_t rounds = 0;
    uint64_t wrong = 0;
    bool leads = o->crew->rank == 0;

    one.topics = 1;
    crowd_init(&c, &o->target, o->crew->clients);
    c.first = o->crew->first;
    c.on_event = on_event;
    c.data = &wrong;
    open_all(&c, &one, 0, c.len);
    crew_meet(o->crew, &c);
    if (leads)
        speaker_init(&s, o);
    await_viewers(&c, o, (int64_t)o->clients + 1);
    crew_meet(o->crew, &c);

    uint64_t frames = c.frames;
    span_begin(&span, &o->server);
    if (leads)
        rounds = speak(&c, o, &s);
    /* Where the others, who only read, wait. */
    double last = crew_max(o->crew, &c, o->events ? s.events : (double)o->clients + s.here);
    wrong += settle(&c, o, last) + c.errors;
    double sent = crew_sum(o->crew, &c, (double)(c.frames - frames));
    span_end(&span);
    span.own_s = crew_max(o->crew, &c, span.own_s);
    report_add(r, "rounds", rounds, "");
    report_add(r, "frames", sent, "");
    report_add(r, "frames_per_second", sent / span.seconds, "");
    report_add(r, "server_us_per_frame", span.server_s / sent * 1e6, "us of CPU");
    report_load(r, &span);
    r->wrong = (uint64_t)crew_sum(o->crew, &c, (double)wrong);
    if (leads)
        crowd_release(&s.one);
    crowd_release(&c);
}
