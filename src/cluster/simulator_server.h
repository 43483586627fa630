/* SPDX-License-Identifier: MIT */
/*
 * simulator_server.h - the simulated server of simulator_test.c: what scripts.c does, without Lua.
 *
 * A command is done in one step. Its answer, and what it publishes, arrive after a random delay, in
 * order per connection.
 */
#ifndef CLUSTER_SIMULATOR_SERVER_H
#define CLUSTER_SIMULATOR_SERVER_H

#include "cluster/share_text.h"
#include "cluster/simulator_world.h"

static inline struct lease *server_lease(struct server *s, struct life life)
{
    for (size_t i = 0; i < s->leases_len; i++)
        if (same_life(s->leases[i].life, life))
            return &s->leases[i];
    return NULL;
}

/* The record, made if need be. */
static inline struct record *server_record(struct server *s, struct life life, unsigned topic)
{
    struct record *r = s->records;

    while (r && !(same_life(r->life, life) && r->topic == topic))
        r = r->next;
    if (!r) {
        r = heap_zalloc(1, sizeof(*r));
        r->life = life;
        r->topic = topic;
        r->next = s->records;
        s->records = r;
    }
    return r;
}

/* Records of which nothing is left. */
static inline void server_tidy(struct server *s)
{
    for (struct record **at = &s->records; *at;) {
        struct record *r = *at;
        if (r->in_topic || r->in_set || r->entries.len) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        r->next = NULL;
        records_free(r);
    }
}

static inline void server_clear(struct server *s)
{
    records_free(s->records);
    s->records = NULL;
    s->leases_len = s->fences_len = 0;
    s->epoch = 0;
}

static inline void server_publish(struct world *w, unsigned topic, struct bytes message)
{
    for (unsigned n = 0; n < NODES; n++) {
        for (unsigned h = 0; h < w->node[n].homes; h++) {
            struct line *line = &w->node[n].home[h].messages;
            if (!line->open || !line->subscribed[topic])
                continue;
            struct packet *p = packet_new(MESSAGE);
            p->topic = topic;
            texts_add(&p->message, message);
            queue_post(w, &line->in, p);
        }
    }
}

static inline void server_publish_gone(struct world *w, unsigned topic, struct life life)
{
    struct share_message m = {.life = life, .gone = true};
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    share_message_put(&text, &m);
    server_publish(w, topic, buf_bytes(&text));
    buf_release(&text);
}

static inline void entries_remove(struct texts *t, struct bytes ref)
{
    for (size_t i = 0; i < t->len; i += 2) {
        if (!bytes_equal(t->list[i], ref))
            continue;
        heap_free((char *)(uintptr_t)t->list[i].ptr);
        heap_free((char *)(uintptr_t)t->list[i + 1].ptr);
        t->list[i] = t->list[t->len - 2];
        t->list[i + 1] = t->list[t->len - 1];
        t->len -= 2;
        if (!t->len)
            texts_release(t);
        return;
    }
}

/* Whether a later connection of the same home has written. */
static inline bool server_fenced(struct world *w, const struct packet *q)
{
    struct server *s = &w->server;

    for (size_t i = 0; i < s->fences_len; i++) {
        struct fence *f = &s->fences[i];
        if (!same_life(f->life, q->life) || f->home != q->home)
            continue;
        if (q->connection > f->connection)
            f->connection = q->connection;
        return q->connection < f->connection;
    }
    CHECK(w, s->fences_len < LEASES);
    s->fences[s->fences_len++] = (struct fence){q->life, q->home, q->connection};
    return false;
}

static inline void server_write(struct world *w, const struct packet *q, struct packet *answer)
{
    struct server *s = &w->server;
    const struct lease *l = server_lease(s, q->life);

    answer->lease = BUS_LEASE_LOST;
    if (!l || !l->until_ms) {
        w->tally->refused++;
        return;
    }
    answer->lease = BUS_LEASE_HELD;
    if (server_fenced(w, q)) {
        w->tally->fenced++;
        return;
    }
    struct record *r = server_record(s, q->life, q->topic);
    if (q->flag)
        texts_release(&r->entries);
    for (size_t i = 0; i < q->set.len; i += 2) {
        entries_remove(&r->entries, q->set.list[i]);
        texts_add(&r->entries, q->set.list[i]);
        texts_add(&r->entries, q->set.list[i + 1]);
    }
    for (size_t i = 0; i < q->removed.len; i++)
        entries_remove(&r->entries, q->removed.list[i]);
    r->in_topic = r->in_set = r->entries.len > 0;
    if (r->in_topic)
        r->version = q->version;
    server_tidy(s);
    w->tally->writes++;
    server_publish(w, q->topic, q->message.list[0]);
}

/* read() and check(): `size` alone is told by texts that are not there. */
static inline void server_read(struct world *w, const struct packet *q, struct packet *answer)
{
    struct server *s = &w->server;

    answer->epoch = s->epoch;
    if (q->kind == CHECK_SHARES) {
        const struct lease *l = server_lease(s, q->life);
        struct record *own = server_record(s, q->life, q->topic);
        own->in_set |= l && l->until_ms && own->entries.len > 0;
    }
    for (struct record *r = s->records; r; r = r->next) {
        if (r->topic != q->topic || !r->in_topic)
            continue;
        if (!server_lease(s, r->life)) {
            texts_release(&r->entries);
            r->in_topic = false;
            w->tally->orphans++;
            server_publish_gone(w, q->topic, r->life);
            continue;
        }
        struct record *copy = heap_zalloc(1, sizeof(*copy));
        *copy = *r;
        copy->entries = texts_copy(r->entries.list, r->entries.len);
        copy->next = answer->shares;
        answer->shares = copy;
    }
    server_tidy(s);
}

static inline void server_renew(struct world *w, const struct packet *q, struct packet *answer)
{
    struct server *s = &w->server;
    struct lease *l = server_lease(s, q->life);

    answer->lease = BUS_LEASE_LOST;
    if ((l && !l->until_ms) || (!l && !q->flag)) {
        answer->epoch = s->epoch;
        return;
    }
    if (!s->epoch)
        s->epoch = (uint64_t)below(w, UINT32_MAX) << 8 | 1;
    if (!l) {
        CHECK(w, s->leases_len < LEASES);
        l = &s->leases[s->leases_len++];
        l->life = q->life;
    }
    l->until_ms = w->now + q->lease_ms;
    answer->lease = BUS_LEASE_HELD;
    answer->epoch = s->epoch;
    for (size_t i = 0; i < s->leases_len && answer->expired_len < EXPIRED_MAX; i++)
        if (s->leases[i].until_ms <= w->now)
            answer->expired[answer->expired_len++] = s->leases[i].life;
}

/* Returns whether topics are left. */
static inline bool server_reap(struct world *w, const struct packet *q)
{
    struct server *s = &w->server;
    struct lease *l = server_lease(s, q->life);
    unsigned left = 0, most = 1 + below(w, 3);

    if (!q->flag && (!l || l->until_ms > w->now))
        return false;
    for (struct record *r = s->records; r; r = r->next) {
        if (!same_life(r->life, q->life) || !r->in_set)
            continue;
        if (most == 0) {
            left++;
            continue;
        }
        most--;
        r->in_set = r->in_topic = false;
        texts_release(&r->entries);
        server_publish_gone(w, r->topic, q->life);
    }
    server_tidy(s);
    w->tally->reaped++;
    if (!l && left) {
        CHECK(w, s->leases_len < LEASES);
        l = &s->leases[s->leases_len++];
        l->life = q->life;
    }
    if (l)
        l->until_ms = 0;
    if (l && !left)
        *l = s->leases[--s->leases_len];
    for (size_t i = 0; !left && i < s->fences_len;)
        if (same_life(s->fences[i].life, q->life))
            s->fences[i] = s->fences[--s->fences_len];
        else
            i++;
    if (s->leases_len == 0)
        s->epoch = 0;
    return left > 0;
}

/* Does one command; `line` is NULL if its connection has ended. */
static inline void server_do(struct world *w, struct line *line, const struct packet *q)
{
    struct packet *answer = packet_new(q->kind);

    answer->topic = q->topic;
    answer->life = q->life;
    answer->ticket = q->ticket;
    answer->flag = q->flag;
    answer->lease = BUS_LEASE_UNKNOWN;
    if (q->kind < PUBLISH && chance(w, w->server.fails_percent))
        answer->failed = true;
    else if (q->kind == WRITE)
        server_write(w, q, answer);
    else if (q->kind == READ || q->kind == CHECK_SHARES)
        server_read(w, q, answer);
    else if (q->kind == RENEW)
        server_renew(w, q, answer);
    else if (q->kind == REAP)
        answer->expired_len = server_reap(w, q);
    else if (q->kind == PUBLISH)
        server_publish(w, q->topic, q->message.list[0]);
    else if (line)
        line->subscribed[q->topic] = q->kind == SUBSCRIBE;
    if (line && q->kind != UNSUBSCRIBE)
        queue_post(w, &line->in, answer);
    else
        packet_free(answer);
}

static inline bool server_works(const struct world *w)
{
    return !w->server.down && !w->server.stuck;
}

/* What arrived over one connection. */
static inline void server_hear(struct world *w, struct line *line, struct queue *q)
{
    while (server_works(w) && queue_ms(q) <= w->now) {
        struct packet *p = queue_take(q);
        w->tally->late += !line;
        server_do(w, line, p);
        packet_free(p);
    }
}

static inline void server_bury(struct world *w)
{
    for (struct remains **at = &w->server.remains; *at;) {
        struct remains *r = *at;
        if (r->out.first && !w->server.down) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        queue_clear(&r->out);
        heap_free(r);
    }
}

/* Who is heard first is not said: each pass begins somewhere else. */
static inline void server_turn(struct world *w)
{
    unsigned first = below(w, NODES);
    bool remains_first = chance(w, 50);

    for (struct remains *r = w->server.remains; r && remains_first; r = r->next)
        server_hear(w, NULL, &r->out);
    for (unsigned k = 0; k < NODES; k++) {
        struct node *n = &w->node[(first + k) % NODES];
        for (unsigned h = 0; h < n->homes && !n->cut_off; h++) {
            server_hear(w, &n->home[h].messages, &n->home[h].messages.out);
            server_hear(w, &n->home[h].commands, &n->home[h].commands.out);
        }
    }
    for (struct remains *r = w->server.remains; r; r = r->next)
        server_hear(w, NULL, &r->out);
    server_bury(w);
}

static inline uint64_t server_next_ms(const struct world *w)
{
    uint64_t at = UINT64_MAX;

    if (!server_works(w))
        return at;
    for (const struct remains *r = w->server.remains; r; r = r->next)
        at = min_ms(at, queue_ms(&r->out));
    for (unsigned n = 0; n < NODES; n++) {
        if (w->node[n].cut_off)
            continue;
        for (unsigned h = 0; h < w->node[n].homes; h++) {
            at = min_ms(at, queue_ms(&w->node[n].home[h].commands.out));
            at = min_ms(at, queue_ms(&w->node[n].home[h].messages.out));
        }
    }
    return at;
}

#endif
