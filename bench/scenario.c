/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 500, SETTLE_MS = 1500, JOIN_SECONDS = 60 };

static const uint64_t MS = 1000000, S = 1000000000;

static void progress(const struct options *o, const char *what, uint32_t n)
{
    if (!o->quiet)
        fprintf(stderr, "\r%s: %s %u   ",
                o->target.speech == ROOMS    ? "rooms"
                : o->target.speech == NATIVE ? "native"
                                             : "phoenix",
                what, n);
}

void open_all(struct crowd *c, const struct options *o, uint32_t from, uint32_t to)
{
    uint64_t until = now_ns() + JOIN_SECONDS * S, failed = c->errors;
    uint32_t next = from, before = c->joined;

    while (now_ns() < until) {
        uint32_t done = c->joined - before + (uint32_t)(c->errors - failed);
        if (done >= to - from)
            break;
        while (next < to && next - from - done < IN_FLIGHT) {
            crowd_open(c, next, o->topics ? next % o->topics : 0);
            next++;
        }
        crowd_step(c, 100);
        if (next % 100 == 0)
            progress(o, "joined", c->joined);
    }
}

static uint32_t count_other(const struct crowd *c, int64_t viewers)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->len; i++)
        n += c->clients[i].state == CLIENT_JOINED && c->clients[i].viewers != viewers;
    return n;
}

uint32_t await_viewers(struct crowd *c, int64_t viewers, uint32_t seconds)
{
    uint64_t until = now_ns() + seconds * S;

    while (count_other(c, viewers) && now_ns() < until)
        for (int i = 0; i < 16 && crowd_step(c, 2); i++)
            ;
    return count_other(c, viewers);
}

void scenario_idle(const struct options *o, struct report *r)
{
    const uint32_t first = o->clients > 2000 ? 1000 : o->clients / 10;
    struct crowd c;

    crowd_init(&c, &o->target, o->clients);
    open_all(&c, o, 0, first);
    crowd_run(&c, now_ns() + SETTLE_MS * MS);
    double pss = process_pss_bytes(o->pid), kernel = kernel_tcp_bytes();
    open_all(&c, o, first, o->clients);
    crowd_run(&c, now_ns() + 2 * SETTLE_MS * MS);
    double more = (double)(c.joined - first);
    report_add(r, "viewers", c.joined, "");
    report_add(r, "pss_bytes_per_viewer", (process_pss_bytes(o->pid) - pss) / more,
               "bytes, beyond the first");
    report_add(r, "kernel_bytes_per_viewer", (kernel_tcp_bytes() - kernel) / more,
               "bytes, both ends");
    double cpu = process_cpu_s(o->pid);
    crowd_run(&c, now_ns() + 5 * S);
    report_add(r, "idle_cpu", (process_cpu_s(o->pid) - cpu) / 5 * 100, "% of a core");
    r->wrong = o->clients - c.joined;
    for (uint32_t i = 0; o->topics && i < c.len; i++) {
        uint32_t here = (o->clients - c.clients[i].topic + o->topics - 1) / o->topics;
        r->wrong += c.clients[i].viewers != (int64_t)here;
    }
    crowd_release(&c);
}

void scenario_storm(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct crowd c;
    uint64_t most = 0;

    one.topics = 1;
    crowd_init(&c, &o->target, o->clients);
    double cpu = process_cpu_s(o->pid);
    uint64_t start = now_ns();
    open_all(&c, &one, 0, o->clients);
    uint32_t wrong = await_viewers(&c, o->clients, 30);
    report_add(r, "joined", c.joined, "");
    report_add(r, "failed", (double)c.errors, "connections");
    report_add(r, "join_seconds", (double)(now_ns() - start) / 1e9, "s until all show all");
    crowd_run(&c, now_ns() + 300 * MS);
    report_add(r, "join_cpu", process_cpu_s(o->pid) - cpu, "s of the server");
    for (uint32_t i = 0; i < c.len; i++)
        most = c.clients[i].frames > most ? c.clients[i].frames : most;
    report_add(r, "frames_per_client", (double)c.frames / o->clients, "on average");
    report_add(r, "frames_per_client_max", (double)most, "");

    uint64_t frames = c.frames;
    cpu = process_cpu_s(o->pid);
    start = now_ns();
    for (uint32_t i = 0; i < o->clients / 2; i++)
        crowd_close(&c, i, false);
    wrong += await_viewers(&c, o->clients - o->clients / 2, 30);
    report_add(r, "vanish_seconds", (double)(now_ns() - start) / 1e9,
               "s until the rest show the rest");
    report_add(r, "vanish_cpu", process_cpu_s(o->pid) - cpu, "s of the server");
    report_add(r, "vanish_frames_per_client",
               (double)(c.frames - frames) / (o->clients - o->clients / 2), "");
    r->wrong = wrong + (uint32_t)c.errors;
    crowd_release(&c);
}

/* Lets one more client of the native dialect join and leave, on one connection, as fast as its
 * changes are shown. */
struct toggle {
    struct crowd one;
    bool here;
};

static void toggle_init(struct toggle *t, const struct options *o)
{
    struct options mine = *o;

    mine.target.speech = NATIVE;
    mine.target.secret = o->target.secret;
    mine.clients = mine.topics = 1;
    mine.quiet = true;
    crowd_init(&t->one, &mine.target, 1);
    open_all(&t->one, &mine, 0, 1);
    t->here = true;
}

static void toggle(struct toggle *t)
{
    static const char join[] = "[\"join\",1,\"post:0\",{}]";
    char text[64];

    if (t->here) {
        int len = snprintf(text, sizeof(text), "[\"leave\",1,%llu]",
                           (unsigned long long)t->one.clients[0].number_id);
        crowd_say(&t->one, 0, text, (size_t)len);
    } else {
        crowd_say(&t->one, 0, join, sizeof(join) - 1);
    }
    t->here = !t->here;
    while (crowd_step(&t->one, 0))
        ;
}

static bool all_show(const struct crowd *c, int64_t viewers)
{
    for (uint32_t i = 0; i < c->len; i++)
        if (c->clients[i].viewers != viewers)
            return false;
    return true;
}

void scenario_fanout(const struct options *o, struct report *r)
{
    struct options one = *o;
    struct toggle t;
    struct crowd c;
    uint32_t rounds = 0;

    one.topics = 1;
    crowd_init(&c, &o->target, o->clients);
    open_all(&c, &one, 0, o->clients);
    toggle_init(&t, o);
    await_viewers(&c, o->clients + 1, 10);

    uint64_t start = now_ns(), until = start + o->seconds * S, frames = c.frames;
    double cpu = process_cpu_s(o->pid);
    while (now_ns() < until) {
        toggle(&t);
        uint64_t patience = now_ns() + 5 * S;
        while (c.clients[0].viewers != (int64_t)o->clients + t.here && now_ns() < patience)
            crowd_step(&c, 5);
        while (crowd_step(&c, 0))
            ;
        /* Its own answer must be read before it may speak of the topic again. */
        while (crowd_step(&t.one, 0))
            ;
        rounds++;
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    crowd_run(&c, now_ns() + 200 * MS);
    double used = process_cpu_s(o->pid) - cpu, sent = (double)(c.frames - frames);
    report_add(r, "rounds", rounds, "");
    report_add(r, "frames", sent, "");
    report_add(r, "frames_per_second", sent / seconds, "");
    report_add(r, "server_us_per_frame", used / sent * 1e6, "us of CPU");
    report_add(r, "server_load", used / seconds * 100, "% of a core");
    r->wrong = !all_show(&c, (int64_t)o->clients + t.here) + (uint32_t)c.errors;
    crowd_release(&t.one);
    crowd_release(&c);
}

void scenario_connect(const struct options *o, struct report *r)
{
    struct crowd c;
    uint32_t slots = o->clients, visits = 0;

    crowd_init(&c, &o->target, slots);
    double cpu = process_cpu_s(o->pid);
    uint64_t start = now_ns(), until = start + o->seconds * S;
    while (now_ns() < until) {
        for (uint32_t i = 0; i < slots; i++) {
            if (c.clients[i].state == CLIENT_JOINED) {
                crowd_close(&c, i, true);
                visits++;
            }
            if (c.clients[i].state == CLIENT_CLOSED)
                crowd_open(&c, i, i);
        }
        crowd_step(&c, 10);
    }
    double seconds = (double)(now_ns() - start) / 1e9, used = process_cpu_s(o->pid) - cpu;
    report_add(r, "visits", visits, "");
    report_add(r, "visits_per_second", visits / seconds, "");
    report_add(r, "server_us_per_visit", used / visits * 1e6, "us of CPU");
    report_add(r, "server_load", used / seconds * 100, "% of a core");
    r->wrong = (uint32_t)c.errors;
    crowd_release(&c);
}
