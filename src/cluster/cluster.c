/* SPDX-License-Identifier: MIT */
#include "cluster/cluster.h"

#include <stdio.h>

#include "base/heap.h"
#include "base/log.h"
#include "cluster/interest.h"
#include "cluster/share_text.h"
#include "cluster/tell.h"
#include "core/share.h"

enum {
    RENEWALS_PER_LEASE = 10,
    STEPS_PER_TICK = 500, /* subscriptions, reads and whole writes */
    ASK_AGAIN_MS = 2000,  /* a read or subscription that was not answered */
    VERIFY_EVERY_MS = 30000,
    TOUCH_EVERY_MS = 1000
};

void cluster_init(struct cluster *c, struct membership *m, struct hub *hub, bool keeper)
{
    *c = (struct cluster){.member = m, .hub = hub, .keeper = keeper, .random = m->node | 1};
    snprintf(c->why, sizeof(c->why), "not connected yet");
}

/* One step of one topic; false if the bus takes no more now. */
static bool step(struct cluster *c, struct interest *i)
{
    const struct bus_ops *ops = c->bus->ops;
    struct bytes name = i->topic->name;

    bool asked = i->state == INTEREST_SUBSCRIBING || i->state == INTEREST_READING;
    if (asked && c->now_ms - i->asked_ms > ASK_AGAIN_MS)
        i->state = i->state == INTEREST_READING ? INTEREST_STALE : INTEREST_NONE;
    if (i->state == INTEREST_NONE || i->state == INTEREST_STALE) {
        bool stale = i->state == INTEREST_STALE;
        if (!(stale ? ops->read(c->bus, name) : ops->subscribe(c->bus, name)))
            return false;
        c->counts.reads += stale;
        i->state = stale ? INTEREST_READING : INTEREST_SUBSCRIBING;
        i->asked_ms = c->now_ms;
        interest_drop_kept(i);
    }
    if (i->dirty && c->life) {
        if (!tell_whole(c, i))
            return false;
        i->dirty = false;
    }
    return true;
}

/* Topics. */

void cluster_follow(struct cluster *c, struct topic *t)
{
    struct interest *i;

    if (t->interest)
        return;
    i = interest_new(t);
    t->interest = i;
    t->kept = true;
    i->next = c->interests;
    if (i->next)
        i->next->prev = i;
    c->interests = i;
    c->interests_len++;
    c->to_do++;
    if (c->up)
        step(c, i); /* at once: somebody waits for the number */
}

static void unlink_interest(struct cluster *c, struct interest *i)
{
    if (i->prev)
        i->prev->next = i->next;
    else
        c->interests = i->next;
    if (i->next)
        i->next->prev = i->prev;
    c->interests_len--;
}

void cluster_forget(struct cluster *c, struct topic *t)
{
    struct interest *i = t->interest;

    /* Whatever is left of the own share is nobody's. */
    if (i->dirty && i->written && c->up)
        tell_whole(c, i);
    if (c->up && i->state != INTEREST_NONE)
        c->bus->ops->unsubscribe(c->bus, t->name);
    unlink_interest(c, i);
    interest_free(i);
    t->interest = NULL;
    t->kept = false;
    while (t->shares)
        share_drop(t->shares);
    hub_end(c->hub, t);
}

void cluster_release(struct cluster *c)
{
    while (c->interests) {
        struct interest *i = c->interests;
        while (i->topic->shares)
            share_drop(i->topic->shares);
        i->topic->interest = NULL;
        i->topic->kept = false;
        unlink_interest(c, i);
        interest_free(i);
    }
    heap_free(c->draft);
    c->draft = NULL;
}

bool cluster_settling(const struct cluster *c, const struct topic *t)
{
    return c->up && t->interest && t->interest->state != INTEREST_LIVE;
}

static struct interest *find(struct cluster *c, struct bytes topic)
{
    struct topic *t = hub_find(c->hub, topic, hash_bytes(&c->hub->tables.seed, topic));

    return t ? t->interest : NULL;
}

/* Telling. */

static void make_dirty(struct cluster *c, struct interest *i)
{
    if (!i->dirty)
        c->to_do++;
    i->dirty = true;
}

void cluster_tell(struct cluster *c, struct topic *t, const struct diff *d)
{
    struct interest *i = t->interest;

    if (!i || !d || i->dirty)
        return;
    if (!c->up || !c->life || !tell_change(c, i, d))
        make_dirty(c, i);
}

void cluster_publish(struct cluster *c, const struct topic *t, struct bytes name,
                     struct bytes payload)
{
    struct share_message m = {
        .life = {c->member->node, c->life}, .event = name, .payload = payload};
    struct buf text;

    if (!c->up)
        return;
    buf_init(&text, BUF_UNBOUNDED);
    share_message_put(&text, &m);
    c->bus->ops->publish(c->bus, t->name, buf_bytes(&text));
    buf_release(&text);
}

static void on_written(void *owner, struct bytes topic, enum bus_lease lease)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (lease == BUS_LEASE_HELD)
        return;
    if (lease == BUS_LEASE_LOST)
        atomic_store(&c->member->lost, true);
    if (i)
        make_dirty(c, i);
}

/* Hearing. */

static void read_again(struct cluster *c, struct interest *i)
{
    if (i->state == INTEREST_LIVE || i->state == INTEREST_READING)
        i->state = INTEREST_STALE;
    interest_drop_kept(i);
    c->to_do++;
}

/* A share's change in the order of versions. False: something is missing. */
static bool apply(struct topic *t, const struct share_message *m)
{
    struct share *s = share_find(t, m->life.node);

    if (m->gone) {
        if (s && s->life == m->life.number)
            share_drop(s);
        return true;
    }
    if (s && (s->life > m->life.number || (s->life == m->life.number && m->version <= s->version)))
        return true; /* known already */
    bool begins = m->whole || (!s && m->size == m->joined_len);
    if (!begins && (!s || s->life != m->life.number || m->version != s->version + 1))
        return false;
    if (!s)
        s = share_add(t, m->life.node, m->life.number);
    if (m->whole)
        share_begin_whole(s);
    for (size_t k = 0; k < m->removed_len; k++)
        share_remove(s, m->removed[k]);
    for (size_t k = 0; k < m->joined_len; k++)
        share_put(s, &m->joined[k]);
    if (m->whole)
        share_end_whole(s);
    s->life = m->life.number;
    s->version = m->version;
    return share_viewers(s) == m->size;
}

static void take_message(struct cluster *c, struct interest *i, struct bytes text)
{
    struct share_message m;

    if (!share_message_parse(&m, text)) {
        log_warn("cluster: a message on topic %.*s is not one of ours", (int)i->topic->name.len,
                 i->topic->name.ptr);
        return;
    }
    if (m.life.node != c->member->node && m.payload.ptr) {
        c->on_event(c->owner, i->topic, m.event, m.payload);
    } else if (m.life.node != c->member->node) {
        if (!apply(i->topic, &m)) {
            c->counts.gaps++;
            read_again(c, i);
        }
        hub_changed(c->hub, i->topic);
    }
    share_message_release(&m);
}

static void on_message(void *owner, struct bytes topic, struct bytes message)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    c->counts.messages++;
    if (!i)
        return;
    if (i->state == INTEREST_LIVE)
        take_message(c, i, message);
    else if (i->state == INTEREST_READING && !interest_keep(i, message))
        read_again(c, i);
}

/* A share as it was read, unless a newer one is known. Returns whether anything was other than
 * expected. */
static bool take_share(struct topic *t, const struct bus_share *in)
{
    struct share *s = share_find(t, in->life.node);
    struct share_entry e;
    void *json;

    if (s &&
        (s->life > in->life.number || (s->life == in->life.number && s->version > in->version)))
        return false;
    bool wrong = s && s->life == in->life.number && s->version == in->version &&
                 share_viewers(s) != in->entries_len / 2;
    if (!s)
        s = share_add(t, in->life.node, in->life.number);
    share_begin_whole(s);
    for (size_t k = 0; k + 1 < in->entries_len; k += 2) {
        if (!share_entry_parse(&e, in->entries[k], in->entries[k + 1], &json))
            continue;
        share_put(s, &e);
        share_entry_release(&e, json);
    }
    share_end_whole(s);
    s->life = in->life.number;
    s->version = in->version;
    return wrong;
}

static bool is_among(const struct share *s, const struct bus_share *shares, size_t len)
{
    for (size_t k = 0; k < len; k++)
        if (shares[k].life.node == s->node)
            return true;
    return false;
}

/* The server may have forgotten shares that their nodes will write again: wait for a lease before
 * believing that. */
static bool may_drop(const struct cluster *c)
{
    uint64_t forgot_ms = atomic_load(&c->member->forgot_ms);

    return forgot_ms == 0 || c->now_ms >= forgot_ms + c->member->lease_ms;
}

/* The own share is not what it should be: somebody or something has removed it. */
static bool own_is_wrong(const struct cluster *c, const struct interest *i,
                         const struct bus_share *shares, size_t len)
{
    bool quiet = c->now_ms - i->written_ms > ASK_AGAIN_MS && !i->dirty;

    for (size_t k = 0; k < len; k++)
        if (shares[k].life.node == c->member->node && shares[k].life.number == c->life)
            return quiet && shares[k].version != i->version;
    uint32_t own = 0;
    for (uint32_t k = 0; k < i->topic->list_len; k++)
        own += i->topic->list[k]->told && !i->topic->list[k]->remote;
    return quiet && own > 0;
}

static void take_read(struct cluster *c, struct interest *i, const struct bus_share *shares,
                      size_t len)
{
    struct topic *t = i->topic;
    struct share *next;

    for (size_t k = 0; k < len; k++)
        if (shares[k].life.node != c->member->node && take_share(t, &shares[k]))
            c->counts.repairs++;
    for (struct share *s = t->shares; s; s = next) {
        next = s->next;
        if (share_viewers(s) && may_drop(c) && !is_among(s, shares, len))
            share_drop(s);
    }
    if (own_is_wrong(c, i, shares, len)) {
        c->counts.repairs++;
        make_dirty(c, i);
    }
    hub_changed(c->hub, t);
}

static void on_read(void *owner, struct bytes topic, const struct bus_share *shares, size_t len)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (!i || i->state != INTEREST_READING)
        return;
    if (!shares) {
        read_again(c, i);
        return;
    }
    take_read(c, i, shares, len);
    i->state = INTEREST_LIVE;
    for (struct kept_message *m = i->first; m && i->state == INTEREST_LIVE; m = m->next)
        take_message(c, i, bytes_of(m->text, m->len));
    interest_drop_kept(i);
}

static void on_subscribed(void *owner, struct bytes topic)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (!i || i->state != INTEREST_SUBSCRIBING)
        return;
    i->state = INTEREST_STALE;
    c->to_do++;
    step(c, i);
}

/* The connection. */

static void degraded(struct cluster *c, const char *why)
{
    if (!c->degraded_since_ms) {
        c->degraded_since_ms = c->now_ms;
        log_warn("cluster: degraded, other nodes' numbers are as they were: %s", why);
    }
    snprintf(c->why, sizeof(c->why), "%s", why);
}

static void on_up(void *owner)
{
    struct cluster *c = owner;

    c->up = true;
    c->renew_ms = 0;
    for (struct interest *i = c->interests; i; i = i->next) {
        i->state = INTEREST_NONE;
        i->dirty = true;
    }
    c->to_do = c->interests_len * 2;
}

static void on_down(void *owner, const char *why)
{
    struct cluster *c = owner;

    c->up = c->renewing = false;
    degraded(c, why);
    for (struct interest *i = c->interests; i; i = i->next) {
        i->state = INTEREST_NONE;
        interest_drop_kept(i);
    }
}

/* The lease. */

static struct life own_life(const struct cluster *c)
{
    return (struct life){c->member->node, atomic_load(&c->member->life)};
}

static void renew(struct cluster *c)
{
    bool fresh = atomic_load(&c->member->life) == 0 || atomic_exchange(&c->member->lost, false);

    if (fresh)
        atomic_fetch_add(&c->member->life, 1);
    c->renewing = c->bus->ops->renew(c->bus, own_life(c), c->member->lease_ms, fresh);
    c->renew_ms = c->now_ms + c->member->lease_ms / RENEWALS_PER_LEASE;
}

static void on_renewed(void *owner, enum bus_lease lease, uint64_t epoch,
                       const struct life *expired, size_t len)
{
    struct cluster *c = owner;

    c->renewing = false;
    if (lease == BUS_LEASE_UNKNOWN)
        return;
    uint64_t before = atomic_exchange(&c->member->epoch, epoch);
    if (before && before != epoch) {
        log_warn("cluster: the server has forgotten everything; writing all shares again");
        atomic_store(&c->member->forgot_ms, c->now_ms);
    }
    if (lease == BUS_LEASE_LOST) {
        atomic_store(&c->member->lost, true);
        c->renew_ms = 0;
        return;
    }
    for (size_t k = 0; k < len; k++)
        if (expired[k].node != c->member->node ||
            expired[k].number != atomic_load(&c->member->life))
            c->bus->ops->reap(c->bus, expired[k], false);
}

/* Every share is written anew under a new life. */
static void adopt_life(struct cluster *c)
{
    uint32_t life = atomic_load(&c->member->life);

    if (life == c->life)
        return;
    c->life = life;
    for (struct interest *i = c->interests; i; i = i->next)
        make_dirty(c, i);
}

/* After the server forgot: who did not write again within a lease is gone. */
static void reread_after_loss(struct cluster *c)
{
    uint64_t forgot_ms = atomic_load(&c->member->forgot_ms);

    if (!forgot_ms || c->reread_ms == forgot_ms || !may_drop(c))
        return;
    c->reread_ms = forgot_ms;
    for (struct interest *i = c->interests; i; i = i->next)
        read_again(c, i);
}

/* What is still to do is counted anew in each pass; a pass is cut after some steps, which moves
 * what was served to the end, so that all get their turn. */
static void work(struct cluster *c)
{
    uint32_t left = 0, steps = 0;

    if (!c->to_do)
        return;
    for (struct interest *i = c->interests; i; i = i->next) {
        bool wants = i->state != INTEREST_LIVE || i->dirty;
        if (!wants)
            continue;
        if (steps++ < STEPS_PER_TICK && !step(c, i))
            steps = STEPS_PER_TICK;
        left += i->state != INTEREST_LIVE || i->dirty;
    }
    c->to_do = left;
}

static struct interest *pick(struct cluster *c)
{
    struct interest *i = c->interests;

    if (!i)
        return NULL;
    c->random = c->random * 1664525 + 1013904223;
    for (uint32_t skip = (c->random >> 8) % c->interests_len; skip; skip--)
        i = i->next;
    return i;
}

/* One topic at random is read again, whatever is known of it; and some are kept from expiring. */
static void look_after(struct cluster *c)
{
    struct interest *i;

    if (c->now_ms >= c->verify_ms) {
        c->verify_ms = c->now_ms + VERIFY_EVERY_MS;
        i = pick(c);
        if (i && i->state == INTEREST_LIVE)
            read_again(c, i);
    }
    if (c->now_ms >= c->touch_ms) {
        c->touch_ms = c->now_ms + TOUCH_EVERY_MS;
        for (uint32_t n = c->interests_len / 3600 + 1; n && (i = pick(c)); n--)
            c->bus->ops->touch(c->bus, (struct life){c->member->node, c->life}, i->topic->name);
    }
}

void cluster_tick(struct cluster *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    c->bus->ops->tick(c->bus, now_ms);
    if (!c->up)
        return;
    if (c->keeper && !c->renewing && (now_ms >= c->renew_ms || atomic_load(&c->member->lost)))
        renew(c);
    adopt_life(c);
    reread_after_loss(c);
    work(c);
    look_after(c);
    if (c->degraded_since_ms && !c->to_do && c->life) {
        log_info("cluster: all shares are known again, after %llu ms",
                 (unsigned long long)(now_ms - c->degraded_since_ms));
        c->degraded_since_ms = 0;
    }
}

void cluster_leave(struct cluster *c)
{
    if (c->up && c->life)
        c->bus->ops->reap(c->bus, (struct life){c->member->node, c->life}, true);
}

const struct bus_handler cluster_bus_handler = {
    .on_up = on_up,
    .on_down = on_down,
    .on_subscribed = on_subscribed,
    .on_message = on_message,
    .on_written = on_written,
    .on_read = on_read,
    .on_renewed = on_renewed,
};
