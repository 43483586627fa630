/* SPDX-License-Identifier: MIT */
/*
 * simulator_node.h - a simulated node of simulator_test.c: its homes do what app/home.c and
 * app/clustering.c do in a turn.
 */
#ifndef CLUSTER_SIMULATOR_NODE_H
#define CLUSTER_SIMULATOR_NODE_H

#include "cluster/interest.h"
#include "cluster/simulator_bus.h"

enum { TICK_MS = 50, LEAVE_MS = 1000 };

static inline uint64_t node_now(const struct node *n, uint64_t now)
{
    return now + n->clock_ms;
}

static inline struct home *node_home(struct node *n, unsigned topic)
{
    return &n->home[topic % n->homes];
}

static inline struct topic *node_topic(const struct world *w, struct node *n, unsigned topic)
{
    struct hub *hub = &node_home(n, topic)->hub;
    struct bytes name = bytes_str(w->names[topic]);

    return hub_find(hub, name, hash_bytes(&hub->tables.seed, name));
}

static inline void on_event(void *owner, struct topic *t, struct bytes name, struct bytes payload)
{
    struct home *h = owner;

    CHECK(h->w, bytes_equal(name, B("wave")) && bytes_equal(payload, B("{\"n\":1}")));
    h->events[topic_number(h->w, t->name)]++;
}

static inline void node_start(struct world *w, struct node *n)
{
    *n = (struct node){.alive = true, .id = ++w->ids, .homes = 1 + below(w, HOMES)};
    n->clock_ms = 1 + below(w, 100000);
    n->member.node = n->id;
    n->member.lease_ms = w->lease_ms;
    for (unsigned i = 0; i < n->homes; i++) {
        struct home *h = &n->home[i];
        h->bus.ops = &sim_ops;
        h->w = w;
        h->node = n;
        hub_init(&h->hub, (struct hash_seed){n->id, i}, n->id, (uint16_t)i);
        cluster_init(&h->cluster, &n->member, &h->hub, i == 0);
        h->cluster.bus = &h->bus;
        h->cluster.owner = h;
        h->cluster.on_event = on_event;
        h->tick_ms = w->now;
    }
    TRACE(w, "node %u starts with %u homes", n->id, n->homes);
}

/* It is gone at once, whatever it was doing. */
static inline void node_kill(struct world *w, struct node *n)
{
    TRACE(w, "node %u is gone", n->id);
    for (unsigned i = 0; i < n->homes; i++) {
        struct home *h = &n->home[i];
        w->tally->reads += h->cluster.counts.reads;
        w->tally->gaps += h->cluster.counts.gaps;
        w->tally->repairs += h->cluster.counts.repairs;
        h->bus.ops->close(&h->bus);
        cluster_release(&h->cluster);
        hub_release(&h->hub);
    }
    for (unsigned i = 0; i < SUBS; i++)
        if (w->subs[i].used && &w->node[w->subs[i].node] == n)
            w->subs[i] = (struct sub){0};
    *n = (struct node){0};
}

/* Nobody is told of one ref twice. */
static inline void check_diff(struct world *w, const struct diff *d)
{
    for (const struct presence *p = d->joined; p; p = p->next_change)
        for (const struct presence *q = d->left; q; q = q->next_change)
            CHECK(w, p->ref != q->ref || p->node != q->node);
    for (const struct presence *p = d->joined; p; p = p->next_change)
        for (const struct presence *q = p->next_change; q; q = q->next_change)
            CHECK(w, p->ref != q->ref || p->node != q->node);
}

static inline void home_turn(struct home *h)
{
    struct world *w = h->w;
    uint64_t now_ms = node_now(h->node, w->now);
    struct topic *t;

    bus_hear(h);
    if (w->now >= h->tick_ms) {
        h->tick_ms = w->now + TICK_MS;
        cluster_tick(&h->cluster, now_ms);
    }
    hub_expire(&h->hub, now_ms);
    while ((t = hub_due(&h->hub))) {
        const struct diff *d = topic_diff(t);
        if (d)
            check_diff(w, d);
        cluster_tell(&h->cluster, t, d);
        hub_announced(&h->hub, t, now_ms);
    }
    while ((t = hub_idle(&h->hub)))
        cluster_forget(&h->cluster, t);
}

static inline uint64_t home_next_ms(struct home *h)
{
    uint64_t at = hub_next_ms(&h->hub), clock_ms = h->node->clock_ms;

    if (at != UINT64_MAX)
        at = at > clock_ms ? at - clock_ms : 0;
    at = min_ms(at, h->tick_ms);
    at = min_ms(at, queue_ms(&h->commands.in));
    return min_ms(at, queue_ms(&h->messages.in));
}

static inline bool node_runs(const struct node *n)
{
    return n->alive && !n->paused;
}

static inline uint64_t world_next_ms(struct world *w)
{
    uint64_t at = server_next_ms(w);

    for (unsigned i = 0; i < w->nodes; i++)
        for (unsigned h = 0; node_runs(&w->node[i]) && h < w->node[i].homes; h++)
            at = min_ms(at, home_next_ms(&w->node[i].home[h]));
    return at;
}

static inline void advance(struct world *w, uint64_t by_ms)
{
    uint64_t until = w->now + by_ms, at;

    while ((at = world_next_ms(w)) <= until) {
        if (at > w->now)
            w->now = at;
        server_turn(w);
        for (unsigned i = 0; i < w->nodes; i++)
            for (unsigned h = 0; node_runs(&w->node[i]) && h < w->node[i].homes; h++)
                if (home_next_ms(&w->node[i].home[h]) <= w->now)
                    home_turn(&w->node[i].home[h]);
    }
    w->now = until;
}

/* Who is in a topic. */

static inline void sub_start(struct world *w, struct sub *s, unsigned node, unsigned topic)
{
    struct home *h = node_home(&w->node[node], topic);
    char meta[NAME_MAX_LEN] = "";
    uint32_t kind = below(w, 3);

    *s = (struct sub){.used = true, .counted = chance(w, 75), .node = node, .topic = topic};
    snprintf(s->person, sizeof(s->person), "p%hhu", (unsigned char)below(w, w->persons));
    if (kind)
        snprintf(meta, sizeof(meta), "{\"n\":%hhu}", (unsigned char)kind);
    struct hub_join in = {
        .topic = bytes_str(w->names[topic]),
        .hash = hash_bytes(&h->hub.tables.seed, bytes_str(w->names[topic])),
        .settings = &w->settings[topic],
        .person = bytes_str(s->person),
        .meta = bytes_str(meta),
        .owner = {{(uint32_t)(s - w->subs), 1}, 0},
        .audience = {topic, 1},
        .counted = s->counted,
        .lasting = true,
    };
    struct hub_joined out;
    CHECK(w, hub_join(&h->hub, &in, &out) == HUB_OK);
    s->topic_id = out.topic;
    s->presence = out.presence;
    cluster_follow(&h->cluster, hub_topic(&h->hub, out.topic));
    TRACE(w, "node %u: %s %s %s", h->node->id, s->person, s->counted ? "joins" : "watches",
          w->names[topic]);
}

static inline void sub_end(struct world *w, struct sub *s, bool broken)
{
    struct home *h = node_home(&w->node[s->node], s->topic);
    struct hub_leave in = {.topic = s->topic_id,
                           .presence = s->presence,
                           .audience = {s->topic, 1},
                           .person = bytes_str(s->person),
                           .broken = broken};

    TRACE(w, "node %u: %s leaves %s", h->node->id, s->person, w->names[s->topic]);
    hub_leave(&h->hub, node_now(h->node, w->now), &in);
    *s = (struct sub){0};
}

static inline void node_end_subs(struct world *w, unsigned node)
{
    for (unsigned i = 0; i < SUBS; i++)
        if (w->subs[i].used && w->subs[i].node == node)
            sub_end(w, &w->subs[i], false);
}

/* As clustering_leave(): within a moment, or not at all. */
static inline void node_leave(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];

    TRACE(w, "node %u leaves", n->id);
    node_end_subs(w, node);
    advance(w, below(w, 20));
    cluster_leave(&n->home[0].cluster);
    for (uint64_t until_ms = w->now + LEAVE_MS; w->now < until_ms && sim_waiting(&n->home[0].bus);)
        advance(w, 10);
    node_kill(w, n);
}

#endif
