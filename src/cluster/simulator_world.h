/* SPDX-License-Identifier: MIT */
/*
 * simulator_world.h - what the parts of simulator_test.c share: the clock, the dice, the packets
 * between nodes and server, and how a fault is reported.
 *
 * Everything that is random comes from the seed.
 */
#ifndef CLUSTER_SIMULATOR_WORLD_H
#define CLUSTER_SIMULATOR_WORLD_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "cluster/bus.h"
#include "cluster/cluster.h"
#include "core/hub.h"

enum { NODES = 4, HOMES = 2, TOPICS = 4, SUBS = 24, PERSONS = 5, STEPS = 70, LEASES = 512 };
enum { NAME_MAX_LEN = 16, EXPIRED_MAX = 16 };

enum kind { WRITE, READ, CHECK_SHARES, RENEW, REAP, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, MESSAGE };

struct texts {
    struct bytes *list; /* each is a copy */
    size_t len;
};

/* A share in the server. Each of the three may be lost alone. */
struct record {
    struct record *next;
    struct life life;
    unsigned topic;
    uint64_t version;
    bool in_topic;        /* the topic's hash names the life, with the version */
    bool in_set;          /* the life's set names the topic */
    struct texts entries; /* ref, text...; none: there is no such key */
};

/* A question, an answer, or a message on a channel. */
struct packet {
    struct packet *next;
    uint64_t at_ms;
    enum kind kind;
    unsigned topic;
    struct life life;
    uint32_t home, connection, lease_ms;
    bool flag; /* whole, fresh, leaving */
    bool failed;
    uint64_t version, ticket, epoch;
    struct texts set, removed, message; /* one message */
    enum bus_lease lease;
    struct record *shares;
    struct life expired[EXPIRED_MAX];
    size_t expired_len;
};

struct queue {
    struct packet *first, **end;
    uint64_t last_ms;
};

/* One connection. */
struct line {
    struct queue out, in; /* to the server, from it */
    struct queue asked;   /* what is not answered yet; only the head of each */
    uint64_t asked_ms;    /* when the oldest of them was asked, or the last was answered */
    uint64_t open_ms;     /* when it stands, while `opening` */
    bool open, opening;
    bool subscribed[TOPICS]; /* in the server */
};

/* What the server still finds of a connection that ended. */
struct remains {
    struct remains *next;
    struct queue out;
};

struct lease {
    struct life life;
    uint64_t until_ms; /* 0: is being reaped */
};

struct fence {
    struct life life;
    uint32_t home, connection;
};

struct server {
    bool down, stuck;
    uint32_t fails_percent; /* commands that are answered with an error */
    uint64_t epoch;
    struct record *records;
    struct remains *remains;
    struct lease leases[LEASES];
    struct fence fences[LEASES];
    size_t leases_len, fences_len;
};

struct sub {
    bool used, counted;
    unsigned node, topic;
    struct id topic_id, presence;
    char person[NAME_MAX_LEN];
};

struct home {
    struct bus bus; /* the cluster's */
    struct world *w;
    struct node *node;
    struct line commands, messages;
    bool told_up;
    uint64_t retry_ms, tick_ms;
    struct hub hub;
    struct cluster cluster;
    uint32_t events[TOPICS]; /* that came */
};

struct node {
    bool alive, paused, cut_off;
    uint32_t id;
    unsigned homes;
    uint64_t clock_ms; /* is ahead of the world's by so much */
    struct membership member;
    struct home home[HOMES];
};

/* How often the simulation came to what it is for. */
struct tally {
    uint64_t quiet, brief, topics, empty, writes, reads, gaps, repairs, reaped, refused, fenced,
        late, events, orphans;
};

struct world {
    uint64_t seed, random, now, tickets;
    struct tally *tally;
    bool trace;
    bool evicted; /* since the last quiet time */
    bool ever_evicted;
    unsigned nodes, topics;
    uint32_t lease_ms, delay_max_ms, ids, persons;
    struct server server;
    struct node node[NODES];
    struct sub subs[SUBS];
    struct topic_settings settings[TOPICS];
    char names[TOPICS][NAME_MAX_LEN];
};

NORETURN static inline void sim_failed(const struct world *w, const char *where, int line,
                                       const char *what)
{
    fprintf(stderr, "\n%s:%d: %s\nat %" PRIu64 " ms; to see it: SEED=%" PRIu64 " TRACE=1\n", where,
            line, what, w->now, w->seed);
    abort();
}

#define CHECK(w, condition) ((condition) ? (void)0 : sim_failed(w, __FILE__, __LINE__, #condition))
#define TRACE(w, ...) ((w)->trace ? trace(w, __VA_ARGS__) : (void)0)

PRINTF_LIKE(2, 3) static inline void trace(const struct world *w, const char *format, ...)
{
    va_list args;

    printf("%10" PRIu64 "  ", w->now);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

static inline uint32_t below(struct world *w, uint32_t n)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % n);
}

static inline bool chance(struct world *w, uint32_t percent)
{
    return below(w, 100) < percent;
}

static inline bool same_life(struct life a, struct life b)
{
    return a.node == b.node && a.number == b.number;
}

static inline uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline unsigned topic_number(const struct world *w, struct bytes name)
{
    for (unsigned i = 0; i < w->topics; i++)
        if (bytes_equal(name, bytes_str(w->names[i])))
            return i;
    sim_failed(w, __FILE__, __LINE__, "a topic that nobody named");
}

/* Texts. */

static inline void texts_add(struct texts *t, struct bytes text)
{
    t->list = heap_realloc(t->list, (t->len + 1) * sizeof(*t->list));
    t->list[t->len++] = bytes_of(heap_copy(text.ptr, text.len), text.len);
}

static inline void texts_release(struct texts *t)
{
    for (size_t i = 0; i < t->len; i++)
        heap_free((char *)(uintptr_t)t->list[i].ptr);
    heap_free(t->list);
    *t = (struct texts){0};
}

static inline struct texts texts_copy(const struct bytes *list, size_t len)
{
    struct texts t = {0};

    for (size_t i = 0; i < len; i++)
        texts_add(&t, list[i]);
    return t;
}

/* Packets. */

static inline void records_free(struct record *r)
{
    for (struct record *next; r; r = next) {
        next = r->next;
        texts_release(&r->entries);
        heap_free(r);
    }
}

static inline void packet_free(struct packet *p)
{
    texts_release(&p->set);
    texts_release(&p->removed);
    texts_release(&p->message);
    records_free(p->shares);
    heap_free(p);
}

static inline void queue_put(struct queue *q, struct packet *p)
{
    if (!q->first)
        q->end = &q->first;
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
}

static inline struct packet *queue_take(struct queue *q)
{
    struct packet *p = q->first;

    if (p)
        q->first = p->next;
    return p;
}

static inline void queue_clear(struct queue *q)
{
    struct packet *p;

    while ((p = queue_take(q)))
        packet_free(p);
}

/* In order, after a random delay. */
static inline void queue_post(struct world *w, struct queue *q, struct packet *p)
{
    p->at_ms = w->now + below(w, w->delay_max_ms + 1);
    if (p->at_ms < q->last_ms)
        p->at_ms = q->last_ms;
    q->last_ms = p->at_ms;
    queue_put(q, p);
}

static inline uint64_t queue_ms(const struct queue *q)
{
    return q->first ? q->first->at_ms : UINT64_MAX;
}

static inline struct packet *packet_new(enum kind kind)
{
    struct packet *p = heap_zalloc(1, sizeof(*p));

    p->kind = kind;
    return p;
}

#endif
