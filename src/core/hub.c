/* SPDX-License-Identifier: MIT */
#include "core/hub.h"

#include <stddef.h>

#include "base/heap.h"
#include "core/grace.h"

void hub_init(struct hub *h, struct hash_seed seed, uint32_t node, uint16_t home)
{
    *h = (struct hub){.topics_max = UINT32_MAX};
    h->tables.seed = seed;
    h->tables.node = node;
    h->tables.home = home;
    h->due_end = &h->due;
    pool_init(&h->tables.topics, sizeof(struct topic));
    pool_init(&h->tables.presences, sizeof(struct presence));
    wheel_init(&h->tables.wheel, 1, 0);
    wheel_init(&h->rests, 1, 0);
}

static void free_topic(struct hub *h, struct topic *t)
{
    HASH_DEL(h->topics, t);
    h->topics_len--;
    wheel_cancel(&h->rests, &t->rest);
    heap_free(t->audiences);
    topic_release(t);
    pool_put(&h->tables.topics, t);
}

void hub_release(struct hub *h)
{
    struct topic *t;
    uint32_t slot = 0;

    while ((t = pool_next(&h->tables.topics, &slot))) {
        for (uint32_t i = 0; i < t->list_len; i++) {
            struct presence *p = t->list[i];
            if (p->away && p->here)
                grace_drop(p);
            if (p->here)
                topic_leave(p);
        }
        topic_diff(t);
        topic_settle(t);
        free_topic(h, t);
    }
    pool_release(&h->tables.topics);
    pool_release(&h->tables.presences);
    keys_release(&h->tables.keys);
}

struct topic *hub_find(struct hub *h, struct bytes name, uint64_t hash)
{
    struct topic *t;

    HASH_FIND_BYHASHVALUE(hh, h->topics, name.ptr, name.len, (unsigned)hash, t);
    return t;
}

struct topic *hub_topic(struct hub *h, struct id id)
{
    return pool_get(&h->tables.topics, id);
}

static struct topic *add_topic(struct hub *h, struct bytes name, uint64_t hash,
                               const struct topic_settings *settings)
{
    struct topic *t = pool_take(&h->tables.topics);

    topic_init(t, &h->tables, name, settings);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, h->topics, t->name.ptr, t->name.len, (unsigned)hash, t);
    h->topics_len++;
    return t;
}

static void make_due(struct hub *h, struct topic *t)
{
    t->due = true;
    t->next_due = NULL;
    *h->due_end = t;
    h->due_end = &t->next_due;
}

/* The topic has changed: it is due, now or when its rest is over. Only then is there a timer, so a
 * topic that rests and does not change wakes nobody. The hub's time may be that of the last turn; a
 * timer that is due already is found by the hub_expire() of this one. */
static void changed(struct hub *h, struct topic *t)
{
    if (t->due || wheel_is_set(&t->rest))
        return;
    if (h->now_ms < t->rest_until_ms)
        wheel_set(&h->rests, &t->rest, t->rest_until_ms);
    else
        make_due(h, t);
}

static struct audience_link *link_find(struct topic *t, uint16_t worker, struct id audience)
{
    for (uint32_t i = 0; i < t->audiences_len; i++) {
        struct audience_link *l = &t->audiences[i];
        if (l->worker == worker && id_equal(l->audience, audience))
            return l;
    }
    return NULL;
}

static void subscribe(struct topic *t, const struct hub_join *in)
{
    struct audience_link *l = link_find(t, in->owner.worker, in->audience);

    assert(in->format < FORMATS_MAX);
    if (!l) {
        t->audiences = heap_realloc(t->audiences, (t->audiences_len + 1) * sizeof(*l));
        l = &t->audiences[t->audiences_len++];
        *l = (struct audience_link){.audience = in->audience, .worker = in->owner.worker};
    }
    l->subscribers[in->format]++;
    l->total++;
    t->subscribers[in->format]++;
    t->audience++;
    if (in->live)
        t->late++;
}

static void unsubscribe(struct topic *t, const struct hub_leave *in)
{
    struct audience_link *l = link_find(t, in->worker, in->audience);

    if (!l)
        return;
    assert(l->subscribers[in->format] > 0);
    l->subscribers[in->format]--;
    l->total--;
    t->subscribers[in->format]--;
    t->audience--;
    if (l->total == 0)
        *l = t->audiences[--t->audiences_len];
    if (t->subscribers[in->format] == 0) {
        blob_unref(t->state_cache[in->format]);
        t->state_cache[in->format] = NULL;
    }
}

/* The presence of one who is here from now on: its own that was absent, or a new one. NULL if the
 * topic is full. */
static struct presence *appear(struct topic *t, const struct hub_join *in)
{
    struct bytes key = t->settings->key.len ? t->settings->key : in->person;
    struct presence *p = in->lasting ? grace_take(t, in->person) : NULL;

    if (!p)
        return topic_join(t, key, in->meta, &p) == TOPIC_OK ? p : NULL;
    if (!p->here)
        topic_return(p);
    topic_update(p, in->meta);
    return p;
}

static bool is_empty(const struct topic *t)
{
    return t->list_len == t->remote_len && t->audience == 0 && t->visits == 0 && !t->due;
}

static void end_if_empty(struct hub *h, struct topic *t)
{
    if (!is_empty(t))
        return;
    if (!t->kept) {
        if (t->list_len == 0)
            free_topic(h, t);
    } else if (!t->idle) {
        t->idle = true;
        t->next_idle = h->idle;
        h->idle = t;
    }
}

struct topic *hub_idle(struct hub *h)
{
    struct topic *t;

    while ((t = h->idle)) {
        h->idle = t->next_idle;
        t->idle = false;
        if (is_empty(t))
            return t;
    }
    return NULL;
}

struct topic *hub_visit(struct hub *h, struct bytes name, uint64_t hash,
                        const struct topic_settings *settings)
{
    struct topic *t = hub_find(h, name, hash);

    if (!t && h->topics_len < h->topics_max)
        t = add_topic(h, name, hash, settings);
    if (t)
        t->visits++;
    return t;
}

void hub_visited(struct hub *h, struct topic *t)
{
    assert(t->visits > 0);
    t->visits--;
    end_if_empty(h, t);
}

void hub_end(struct hub *h, struct topic *t)
{
    assert(!t->kept && !t->shares);
    if (t->changes)
        changed(h, t); /* those of other nodes leave with an announcement that nobody hears */
    else
        end_if_empty(h, t);
}

void hub_changed(struct hub *h, struct topic *t)
{
    changed(h, t);
}

enum hub_result hub_join(struct hub *h, const struct hub_join *in, struct hub_joined *out)
{
    struct topic *t = hub_find(h, in->topic, in->hash);
    struct presence *p = NULL;

    if (!t) {
        if (h->topics_len >= h->topics_max)
            return HUB_TOO_MANY_TOPICS;
        t = add_topic(h, in->topic, in->hash, in->settings);
    }
    if (in->counted) {
        p = appear(t, in);
        if (!p) {
            end_if_empty(h, t); /* it may have been made for this */
            return HUB_TOPIC_FULL;
        }
        p->subscription = in->owner.subscription;
        p->worker = in->owner.worker;
        if (t->changes)
            changed(h, t);
    }
    subscribe(t, in);
    *out = (struct hub_joined){
        .topic = pool_id(t),
        .presence = p ? pool_id(p) : (struct id){0},
        .ref = p ? p->ref : 0,
        .rev = p ? p->rev : 0,
        .viewers = t->viewers,
        .people = t->people,
        .seq = t->seq,
    };
    return HUB_OK;
}

void hub_leave(struct hub *h, uint64_t now_ms, const struct hub_leave *in)
{
    struct topic *t = hub_topic(h, in->topic);
    struct presence *p = pool_get(&h->tables.presences, in->presence);

    if (!t)
        return;
    unsubscribe(t, in);
    if (p && !p->away && p->here) {
        uint32_t grace_ms = in->broken && in->person.len ? t->settings->leave_grace_ms : 0;
        if (grace_ms == 0)
            topic_leave(p);
        if (in->person.len)
            grace_add(p, in->person, grace_ms ? now_ms + grace_ms : 0);
        if (grace_ms == 0)
            changed(h, t);
    }
    end_if_empty(h, t);
}

void hub_update(struct hub *h, struct id presence, struct bytes meta)
{
    struct presence *p = pool_get(&h->tables.presences, presence);

    if (p && p->here && !p->away && topic_update(p, meta))
        changed(h, presence_topic(p));
}

static void grace_over(struct hub *h, struct presence *p)
{
    struct topic *t = presence_topic(p);

    grace_drop(p);
    topic_leave(p);
    changed(h, t);
}

void hub_expire(struct hub *h, uint64_t now_ms)
{
    struct wheel_timer *timer;

    h->now_ms = now_ms;
    while ((timer = wheel_pop(&h->tables.wheel, now_ms)))
        grace_over(h, CONTAINER_OF(timer, struct absent, timer)->presence);
    while ((timer = wheel_pop(&h->rests, now_ms)))
        make_due(h, CONTAINER_OF(timer, struct topic, rest));
}

struct topic *hub_due(struct hub *h)
{
    struct topic *t = h->due;

    if (!t)
        return NULL;
    h->due = t->next_due;
    if (!h->due)
        h->due_end = &h->due;
    t->due = false;
    return t;
}

uint32_t hub_window_ms(const struct topic_settings *s, uint32_t audience)
{
    uint64_t window = ((uint64_t)audience * 1000 + s->announce_rate - 1) / s->announce_rate;

    return window < s->announce_max_ms ? (uint32_t)window : s->announce_max_ms;
}

void hub_announced(struct hub *h, struct topic *t, uint64_t now_ms)
{
    uint32_t window_ms = hub_window_ms(t->settings, t->audience);
    bool told = t->telling || t->late || topic_counts_changed(t);

    assert(!t->due);
    topic_settle(t);
    t->late = 0;
    h->now_ms = now_ms;
    if (told)
        t->rest_until_ms = now_ms + window_ms;
    end_if_empty(h, t);
}

uint64_t hub_next_ms(struct hub *h)
{
    if (h->due)
        return 0;
    uint64_t grace = wheel_next_ms(&h->tables.wheel), rest = wheel_next_ms(&h->rests);
    return grace < rest ? grace : rest;
}
