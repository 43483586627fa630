/* SPDX-License-Identifier: MIT */
/*
 * simulator_bus.h - the bus of a simulated home: two connections to the simulated server, with what
 * bus_redis.c and net/redis.c do about them.
 */
#ifndef CLUSTER_SIMULATOR_BUS_H
#define CLUSTER_SIMULATOR_BUS_H

#include "cluster/simulator_server.h"

enum { STUCK_MS = 3000, RETRY_MS = 250 };

static inline struct home *home_of_bus(struct bus *b)
{
    return CONTAINER_OF(b, struct home, bus);
}

/* A question goes out; its head is kept until the answer. */
static inline bool sim_ask(struct home *h, struct packet *p)
{
    struct line *line = &h->commands;

    if (!line->open) {
        packet_free(p);
        return false;
    }
    struct packet *head = packet_new(p->kind);
    head->topic = p->topic;
    head->life = p->life;
    head->ticket = p->ticket;
    if (!line->asked.first)
        line->asked_ms = h->w->now;
    queue_put(&line->asked, head);
    queue_post(h->w, &line->out, p);
    return true;
}

static inline bool sim_write(struct bus *b, const struct bus_write *w)
{
    struct home *h = home_of_bus(b);
    struct packet *p = packet_new(WRITE);

    p->life = w->life;
    p->home = w->home;
    p->connection = w->connection;
    p->topic = topic_number(h->w, w->topic);
    p->version = w->version;
    p->flag = w->whole;
    p->set = texts_copy(w->set, w->set_len);
    p->removed = texts_copy(w->removed, w->removed_len);
    texts_add(&p->message, w->message);
    TRACE(h->w, "node %u writes %.*s: %.*s", h->node->id, (int)w->topic.len, w->topic.ptr,
          (int)w->message.len, w->message.ptr);
    return sim_ask(h, p);
}

static inline bool sim_publish(struct bus *b, struct bytes topic, struct bytes message)
{
    struct home *h = home_of_bus(b);
    struct packet *p = packet_new(PUBLISH);

    p->topic = topic_number(h->w, topic);
    texts_add(&p->message, message);
    return sim_ask(h, p);
}

static inline bool sim_subscription(struct home *h, enum kind kind, struct bytes topic,
                                    uint64_t ticket)
{
    struct packet *p;

    if (!h->messages.open)
        return false;
    p = packet_new(kind);
    p->topic = topic_number(h->w, topic);
    p->ticket = ticket;
    queue_post(h->w, &h->messages.out, p);
    return true;
}

static inline uint64_t sim_subscribe(struct bus *b, struct bytes topic)
{
    struct home *h = home_of_bus(b);
    uint64_t ticket = ++h->w->tickets;

    return sim_subscription(h, SUBSCRIBE, topic, ticket) ? ticket : 0;
}

static inline bool sim_unsubscribe(struct bus *b, struct bytes topic)
{
    return sim_subscription(home_of_bus(b), UNSUBSCRIBE, topic, 0);
}

static inline bool sim_question(struct home *h, enum kind kind, const struct bus_question *q)
{
    struct packet *p = packet_new(kind);

    p->life = q->life;
    p->topic = topic_number(h->w, q->topic);
    p->ticket = q->ticket;
    return sim_ask(h, p);
}

static inline bool sim_read(struct bus *b, const struct bus_question *q)
{
    return sim_question(home_of_bus(b), READ, q);
}

static inline bool sim_check(struct bus *b, const struct bus_question *q)
{
    return sim_question(home_of_bus(b), CHECK_SHARES, q);
}

static inline bool sim_renew(struct bus *b, struct life life, uint32_t lease_ms, bool fresh)
{
    struct home *h = home_of_bus(b);
    struct packet *p = packet_new(RENEW);

    p->life = life;
    p->lease_ms = lease_ms;
    p->flag = fresh;
    if (fresh)
        TRACE(h->w, "node %u wants lease %u", life.node, life.number);
    return sim_ask(h, p);
}

static inline bool sim_reap(struct bus *b, struct life life, bool leaving)
{
    struct home *h = home_of_bus(b);
    struct packet *p = packet_new(REAP);

    p->life = life;
    p->flag = leaving;
    TRACE(h->w, "node %u reaps %u.%u", h->node->id, life.node, life.number);
    return sim_ask(h, p);
}

static inline uint32_t sim_waiting(const struct bus *b)
{
    uint32_t n = 0;

    for (const struct packet *p = home_of_bus((struct bus *)(uintptr_t)b)->commands.asked.first; p;
         p = p->next)
        n++;
    return n;
}

/* Answers. */

static inline void tell_reading(struct home *h, const struct packet *a)
{
    struct bus_share shares[NODES * 8];
    struct bus_reading reading = {.epoch = a->epoch, .shares = shares};
    struct bytes name = bytes_str(h->w->names[a->topic]);
    const struct bus_reading *r = a->failed ? NULL : &reading;

    for (const struct record *k = a->shares; k; k = k->next) {
        CHECK(h->w, reading.len < ARRAY_LEN(shares));
        bool read = a->kind == READ;
        shares[reading.len++] = (struct bus_share){
            .life = k->life,
            .version = k->version,
            .size = k->entries.len / 2,
            .entries = read ? k->entries.list : NULL,
            .entries_len = read ? k->entries.len : 0,
        };
    }
    if (a->kind == READ)
        cluster_bus_handler.on_read(&h->cluster, name, a->ticket, r);
    else
        cluster_bus_handler.on_checked(&h->cluster, name, a->ticket, r);
}

/* Of a question, or its lack. */
static inline void tell_answer(struct home *h, const struct packet *a)
{
    struct bytes name = bytes_str(h->w->names[a->topic]);
    struct bus_renewal r = {.life = a->life,
                            .lease = a->lease,
                            .epoch = a->epoch,
                            .expired = a->expired,
                            .expired_len = a->expired_len};

    if (a->kind == WRITE)
        cluster_bus_handler.on_written(&h->cluster, name, a->life, a->lease);
    else if (a->kind == READ || a->kind == CHECK_SHARES)
        tell_reading(h, a);
    else if (a->kind == RENEW)
        cluster_bus_handler.on_renewed(&h->cluster, &r);
    else if (a->kind == REAP && a->expired_len)
        sim_reap(&h->bus, a->life, a->flag);
}

/* Connections. */

/* The server finds some of what was sent, perhaps much later. */
static inline void leave_remains(struct world *w, struct line *line)
{
    uint64_t later_ms = chance(w, 50) ? below(w, 6000) : 0;
    struct remains *r;
    struct packet *p;

    if (line->out.first && !w->server.down && chance(w, 70)) {
        r = heap_zalloc(1, sizeof(*r));
        while ((p = queue_take(&line->out)) && chance(w, 90)) {
            p->at_ms += later_ms;
            queue_put(&r->out, p);
        }
        if (p)
            packet_free(p);
        r->next = w->server.remains;
        w->server.remains = r;
    }
    queue_clear(&line->out);
}

static inline void line_close(struct world *w, struct line *line)
{
    leave_remains(w, line);
    queue_clear(&line->in);
    queue_clear(&line->asked);
    *line = (struct line){0};
}

/* The connection is lost; what waits is answered with "unknown". */
static inline void line_cut(struct home *h, struct line *line, const char *why)
{
    struct packet *p;
    struct queue asked = line->asked;

    if (!line->open && !line->opening)
        return;
    TRACE(h->w, "node %u loses its %s: %s", h->node->id,
          line == &h->commands ? "commands" : "messages", why);
    line->asked = (struct queue){0};
    line_close(h->w, line);
    h->retry_ms = h->w->now + RETRY_MS;
    while ((p = queue_take(&asked))) {
        p->failed = true;
        p->lease = BUS_LEASE_UNKNOWN;
        tell_answer(h, p);
        packet_free(p);
    }
    h->told_up = false;
    cluster_bus_handler.on_down(&h->cluster, why);
}

static inline void line_tick(struct home *h, struct line *line)
{
    struct world *w = h->w;

    if (line->opening && server_works(w) && !h->node->cut_off && w->now >= line->open_ms) {
        line->opening = false;
        line->open = true;
    } else if (line->opening && w->now >= line->open_ms + STUCK_MS) {
        line_cut(h, line, "no connection");
    } else if (!line->open && !line->opening && w->now >= h->retry_ms) {
        if (w->server.down) {
            h->retry_ms = w->now + RETRY_MS;
            cluster_bus_handler.on_down(&h->cluster, "refused");
            return;
        }
        line->opening = true;
        line->open_ms = w->now + below(w, w->delay_max_ms + 1);
    } else if (line->open && line->asked.first && w->now - line->asked_ms > STUCK_MS) {
        line_cut(h, line, "it does not answer");
    }
}

static inline void sim_tick(struct bus *b, uint64_t now_ms)
{
    struct home *h = home_of_bus(b);

    (void)now_ms;
    line_tick(h, &h->commands);
    line_tick(h, &h->messages);
    if (!h->told_up && h->commands.open && h->messages.open) {
        h->told_up = true;
        TRACE(h->w, "node %u is connected", h->node->id);
        cluster_bus_handler.on_up(&h->cluster);
    }
}

/* What has arrived. */
static inline void bus_hear(struct home *h)
{
    struct world *w = h->w;
    struct packet *p;
    bool first = chance(w, 50);

    for (unsigned k = 0; k < 2; k++) {
        struct line *line = (k == 0) == first ? &h->commands : &h->messages;
        while (queue_ms(&line->in) <= w->now && (p = queue_take(&line->in))) {
            struct bytes name = bytes_str(w->names[p->topic]);
            if (line == &h->commands) {
                packet_free(queue_take(&line->asked));
                line->asked_ms = w->now;
                tell_answer(h, p);
            } else if (p->kind == SUBSCRIBE) {
                cluster_bus_handler.on_subscribed(&h->cluster, name, p->ticket);
            } else {
                cluster_bus_handler.on_message(&h->cluster, name, p->message.list[0]);
            }
            packet_free(p);
        }
    }
}

static inline void sim_close(struct bus *b)
{
    struct home *h = home_of_bus(b);

    line_close(h->w, &h->commands);
    line_close(h->w, &h->messages);
}

static const struct bus_ops sim_ops = {
    .write = sim_write,
    .publish = sim_publish,
    .subscribe = sim_subscribe,
    .unsubscribe = sim_unsubscribe,
    .read = sim_read,
    .check = sim_check,
    .renew = sim_renew,
    .reap = sim_reap,
    .tick = sim_tick,
    .waiting = sim_waiting,
    .close = sim_close,
};

#endif
