/* SPDX-License-Identifier: MIT */
/*
 * simulator_sim.h - the simulated world of simulator_test.c: homes, workers, their subscribers, and
 * the messages between them, which arrive in order per pair after random delays.
 *
 * Everything that is random comes from the seed.
 */
#ifndef CORE_SIMULATOR_SIM_H
#define CORE_SIMULATOR_SIM_H

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
#include "core/hub.h"
#include "core/simulator_model.h"

enum { HOMES = 3, WORKERS = 3, TOPICS = 4, SUBS = 16, PERSONS = 5, METAS = 4, STEPS = 300 };
enum { FORMATS = 4 }; /* even ones are counts, odd ones are lists */

struct numbers {
    uint32_t viewers, people, seq;
};

/* The state as of the last announcement. */
struct snapshot {
    struct rows rows;
    struct numbers numbers;
};

/* To a home: JOIN to RESYNC. To a worker: the others. */
enum kind { JOIN, LEAVE, UPDATE, RESYNC, REPLY, STATE, ANNOUNCE };

struct message {
    struct message *next;
    uint64_t at_ms;
    enum kind kind;
    unsigned topic, sub;
    uint32_t serial; /* of the subscriber */
    struct id audience, topic_id, presence;
    char meta[TEXT_MAX], person[TEXT_MAX];
    bool counted, lasting, broken, counts_changed, late;
    uint8_t format;
    enum hub_result result;
    struct numbers numbers;
    struct rows joined, left, updated; /* `joined` is also the list of a state */
};

struct queue {
    struct message *first, **end;
    uint64_t last_ms;
};

enum sub_state { SUB_FREE, SUB_JOINING, SUB_JOINED };

struct sub {
    enum sub_state state;
    bool counted, lasting, behind, resyncing;
    bool ending, broken; /* leaves as soon as its join is answered */
    uint8_t format;
    unsigned worker, topic;
    uint32_t serial;
    uint32_t seen; /* the seq of a live number, until the next announcement */
    struct id audience, topic_id, presence;
    char person[TEXT_MAX];
    struct numbers shown;
    struct rows list;
};

struct audience {
    struct id id;
    unsigned members;
    struct numbers last; /* announced */
};

struct home {
    struct hub hub;
    uint64_t period_ms; /* its turns come at multiples of it */
};

/* How often the simulation came to what it is for. */
struct tally {
    uint64_t announcements, late_only, known, checked_lists, checked_counts;
    uint64_t returned_held, returned_left, refused, updates, caught_up;
};

struct sim {
    uint64_t seed, random, now;
    struct tally *tally;
    bool trace;
    unsigned topics, homes, workers;
    uint32_t serials, audiences, delay_max_ms;
    struct home home[HOMES];
    struct audience audience[WORKERS][TOPICS];
    struct queue to_home[HOMES][WORKERS], to_worker[WORKERS][HOMES];
    struct sub subs[SUBS];
    struct model models[TOPICS];
    struct topic_settings settings[TOPICS];
    char names[TOPICS][TEXT_MAX];
};

NORETURN static inline void sim_failed(const struct sim *s, const char *where, int line,
                                       const char *what)
{
    fprintf(stderr, "\n%s:%d: %s\nat %" PRIu64 " ms; to see it: SEED=%" PRIu64 " TRACE=1\n", where,
            line, what, s->now, s->seed);
    abort();
}

static inline void check_text(const struct sim *s, const char *where, int line, const char *fault)
{
    if (fault)
        sim_failed(s, where, line, fault);
}

#define CHECK(s, condition) ((condition) ? (void)0 : sim_failed(s, __FILE__, __LINE__, #condition))
/* A fault that the model found, or NULL. */
#define CHECK_TEXT(s, fault) check_text(s, __FILE__, __LINE__, fault)
#define TRACE(s, ...) ((s)->trace ? trace(s, __VA_ARGS__) : (void)0)

PRINTF_LIKE(2, 3) static inline void trace(const struct sim *s, const char *format, ...)
{
    va_list args;

    printf("%10" PRIu64 "  ", s->now);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static inline uint32_t below(struct sim *s, uint32_t n)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % n);
}

static inline bool chance(struct sim *s, uint32_t percent)
{
    return below(s, 100) < percent;
}

static inline bool is_list(uint8_t format)
{
    return format & 1;
}

static inline unsigned home_of(const struct sim *s, unsigned topic)
{
    return topic % s->homes;
}

static inline void text_set(char to[TEXT_MAX], struct bytes text)
{
    assert(text.len < TEXT_MAX);
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

/* Messages. */

static inline void post(struct sim *s, struct queue *q, const struct message *message)
{
    struct message *m = heap_alloc(sizeof(*m));

    *m = *message;
    m->next = NULL;
    m->at_ms = s->now + below(s, s->delay_max_ms + 1);
    if (m->at_ms < q->last_ms)
        m->at_ms = q->last_ms;
    q->last_ms = m->at_ms;
    if (!q->first)
        q->end = &q->first;
    *q->end = m;
    q->end = &m->next;
}

static inline struct message *arrived(struct queue *q, uint64_t now)
{
    struct message *m = q->first;

    if (!m || m->at_ms > now)
        return NULL;
    q->first = m->next;
    return m;
}

static inline void post_home(struct sim *s, const struct sub *sub, struct message m)
{
    m.topic = sub->topic;
    m.sub = (unsigned)(sub - s->subs);
    m.serial = sub->serial;
    m.audience = sub->audience;
    m.topic_id = sub->topic_id;
    m.presence = sub->presence;
    m.counted = sub->counted;
    m.lasting = sub->lasting;
    m.format = sub->format;
    memcpy(m.person, sub->person, TEXT_MAX);
    post(s, &s->to_home[home_of(s, sub->topic)][sub->worker], &m);
}

static inline uint64_t queue_ms(const struct queue *q)
{
    return q->first ? q->first->at_ms : UINT64_MAX;
}

static inline uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline bool is_quiet(struct sim *s)
{
    for (unsigned h = 0; h < s->homes; h++)
        for (unsigned w = 0; w < s->workers; w++)
            if (s->to_home[h][w].first || s->to_worker[w][h].first)
                return false;
    return true;
}

static inline void forget_queue(struct queue *q)
{
    struct message *m;

    while ((m = arrived(q, UINT64_MAX)))
        heap_free(m);
}

#endif
