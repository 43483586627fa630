/* SPDX-License-Identifier: MIT */
#include "cluster/cluster.h"

#include <stdio.h>

#include "base/heap.h"
#include "base/log.h"
#include "cluster/interest.h"
#include "cluster/lease.h"
#include "cluster/share_text.h"
#include "cluster/tell.h"
#include "core/share.h"

enum {
    STEPS_PER_TICK = 500, /* subscriptions, reads and whole writes */
    CHECKS_PER_TICK = 20, /* so that very many topics take longer, not more of the server */
    ASK_AGAIN_MS = 10000, /* what the bus still owes an answer to, against its word */
    REST_MS = 200         /* after an error */
};

void cluster_init(struct cluster *c, struct membership *m, struct hub *hub, bool keeper)
{
    *c = (struct cluster){.member = m, .hub = hub, .keeper = keeper};
    snprintf(c->why, sizeof(c->why), "not connected yet");
}

/* Shares may be written now. */
static bool may_write(const struct cluster *c)
{
    return c->up && c->life && !lease_lost(c) && !atomic_load(&c->member->leaving);
}

static bool ask(struct cluster *c, struct interest *i)
{
    struct bytes name = i->topic->name;

    if (i->state == INTEREST_STALE) {
        struct bus_question q = {.topic = name, .ticket = ++c->tickets};
        if (!c->bus->ops->read(c->bus, &q))
            return false;
        c->counts.reads++;
        i->ticket = q.ticket;
        i->asked_version = i->version;
        i->state = INTEREST_READING;
    } else {
        i->ticket = c->bus->ops->subscribe(c->bus, name);
        if (!i->ticket)
            return false;
        i->state = INTEREST_SUBSCRIBING;
    }
    i->asked_ms = c->now_ms;
    interest_drop_kept(i);
    return true;
}

/* Whatever can be done for a topic now; false if the bus takes no more. */
static bool step(struct cluster *c, struct interest *i)
{
    bool asked = i->state == INTEREST_SUBSCRIBING || i->state == INTEREST_READING;

    if (asked && c->now_ms - i->asked_ms > ASK_AGAIN_MS)
        i->state = i->state == INTEREST_READING ? INTEREST_STALE : INTEREST_NONE;
    if ((i->state == INTEREST_NONE || i->state == INTEREST_STALE) && !ask(c, i))
        return false;
    if (i->dirty && may_write(c)) {
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
    i->version = c->versions; /* other nodes may still know those of an earlier interest */
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
    if (c->check == i)
        c->check = i->next;
    c->interests_len--;
}

static void let_go(struct cluster *c, struct interest *i)
{
    struct topic *t = i->topic;

    if (c->up && i->state != INTEREST_NONE)
        c->bus->ops->unsubscribe(c->bus, t->name);
    if (i->version > c->versions)
        c->versions = i->version;
    unlink_interest(c, i);
    interest_free(i);
    t->interest = NULL;
    t->kept = false;
    while (t->shares)
        share_drop(t->shares);
    hub_end(c->hub, t);
}

void cluster_forget(struct cluster *c, struct topic *t)
{
    struct interest *i = t->interest;

    if (!i->there) {
        let_go(c, i);
        return;
    }
    i->leaving = true;
    c->to_do++;
}

/* One that was to leave, unless somebody has come back meanwhile. Returns whether it is gone. */
static bool leave(struct cluster *c, struct interest *i)
{
    const struct topic *t = i->topic;

    if (i->there || t->due || t->idle)
        return false; /* later; an idle one is given to cluster_forget() again */
    i->leaving = false;
    if (t->list_len != t->remote_len || t->audience)
        return false;
    let_go(c, i);
    return true;
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
    const struct interest *i = t->interest;

    return c->up && i && (i->state != INTEREST_LIVE || (i->untold && t->changes));
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

    if (!i)
        return;
    i->untold = false;
    if (!d || i->dirty)
        return;
    if (!may_write(c) || !tell_change(c, i, d))
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

static void on_written(void *owner, struct bytes topic, struct life life, enum bus_lease lease)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (lease == BUS_LEASE_LOST)
        lease_refused(c, life);
    if (lease == BUS_LEASE_UNKNOWN)
        c->rest_ms = c->now_ms + REST_MS;
    if (!i)
        return;
    i->unanswered -= i->unanswered > 0;
    if (lease != BUS_LEASE_HELD)
        make_dirty(c, i);
    else if (!i->unanswered && !i->dirty && i->size == 0)
        i->there = false;
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
        if (s && s->life <= m->life.number)
            share_drop(s);
        return true;
    }
    if (s && (s->life > m->life.number || (s->life == m->life.number && m->version <= s->version)))
        return true; /* known already */
    /* What tells as many as there are tells all of them. */
    bool whole = m->whole || m->size == m->joined_len;
    if (!whole && (!s || s->life != m->life.number || m->version != s->version + 1))
        return false;
    if (!s)
        s = share_add(t, m->life.node, m->life.number);
    if (whole)
        share_begin_whole(s);
    for (size_t k = 0; k < m->removed_len; k++)
        share_remove(s, m->removed[k]);
    for (size_t k = 0; k < m->joined_len; k++)
        share_put(s, &m->joined[k]);
    if (whole)
        share_end_whole(s);
    s->life = m->life.number;
    s->version = m->version;
    bool complete = share_viewers(s) == m->size;
    if (share_viewers(s) == 0)
        share_drop(s);
    return complete;
}

static void take_change(struct cluster *c, struct interest *i, const struct share_message *m)
{
    if (!apply(i->topic, m)) {
        c->counts.gaps++;
        read_again(c, i);
    }
    hub_changed(c->hub, i->topic);
}

static void take_message(struct cluster *c, struct interest *i, struct bytes text)
{
    struct share_message m;

    if (!share_message_parse(&m, text)) {
        log_warn("cluster: a message on topic %.*s is not one of ours", (int)i->topic->name.len,
                 i->topic->name.ptr);
        return;
    }
    bool own = m.life.node == c->member->node;
    if (!own && m.payload.ptr)
        c->on_event(c->owner, i->topic, m.event, m.payload); /* needs no share, so it never waits */
    else if (!own && i->state == INTEREST_LIVE)
        take_change(c, i, &m);
    else if (!own && i->state == INTEREST_READING && !interest_keep(i, text))
        read_again(c, i);
    share_message_release(&m);
}

static void on_message(void *owner, struct bytes topic, struct bytes message)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    c->counts.messages++;
    if (i && i->state >= INTEREST_STALE)
        take_message(c, i, message);
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
static bool is_believable(const struct cluster *c, const struct bus_reading *r)
{
    uint64_t epoch = atomic_load(&c->member->epoch);
    uint64_t forgot_ms = atomic_load(&c->member->forgot_ms);

    return r->epoch && r->epoch == epoch &&
           (forgot_ms == 0 || c->now_ms >= forgot_ms + c->member->lease_ms);
}

/* The own share is not what it should be: somebody or something has changed it. `version` is what
 * was written when the question was asked. */
static bool own_is_wrong(const struct cluster *c, const struct interest *i,
                         const struct bus_reading *r, uint64_t version)
{
    if (i->dirty || i->version != version || !may_write(c))
        return false;
    for (size_t k = 0; k < r->len; k++) {
        const struct bus_share *s = &r->shares[k];
        if (s->life.node == c->member->node && s->life.number == c->life)
            return s->version != version || s->size != i->size;
    }
    return i->size > 0;
}

static void repair_own(struct cluster *c, struct interest *i)
{
    c->counts.repairs++;
    i->there = true;
    make_dirty(c, i);
}

static void take_read(struct cluster *c, struct interest *i, const struct bus_reading *r)
{
    struct topic *t = i->topic;
    struct share *next;
    uint64_t none = 0;

    /* What is taken belongs to this epoch, also if the keeper hears of another one first. */
    atomic_compare_exchange_strong(&c->member->epoch, &none, r->epoch);
    for (size_t k = 0; k < r->len; k++)
        if (r->shares[k].life.node != c->member->node && take_share(t, &r->shares[k]))
            c->counts.repairs++;
    for (struct share *s = t->shares; s; s = next) {
        next = s->next;
        if (share_viewers(s) == 0 || (is_believable(c, r) && !is_among(s, r->shares, r->len)))
            share_drop(s);
    }
    if (own_is_wrong(c, i, r, i->asked_version))
        repair_own(c, i);
    hub_changed(c->hub, t);
}

static void on_read(void *owner, struct bytes topic, uint64_t ticket, const struct bus_reading *r)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (!r)
        c->rest_ms = c->now_ms + REST_MS;
    if (!i || i->state != INTEREST_READING || i->ticket != ticket)
        return; /* of an earlier subscription: what came since is not in it */
    if (!r) {
        read_again(c, i);
        return;
    }
    take_read(c, i, r);
    i->state = INTEREST_LIVE;
    i->untold = true;
    struct kept_message *kept = interest_take_kept(i);
    for (struct kept_message *m = kept; m; m = m->next)
        take_message(c, i, bytes_of(m->text, m->len));
    kept_free(kept);
}

/* Something is there of another node that is not known, or known otherwise. That may also be on its
 * way; reading again is then for nothing, but harmless. */
static bool differs(const struct cluster *c, const struct topic *t, const struct bus_reading *r)
{
    for (size_t k = 0; k < r->len; k++) {
        const struct bus_share *in = &r->shares[k];
        const struct share *s = share_find((struct topic *)(uintptr_t)t, in->life.node);
        if (in->life.node == c->member->node || (s && s->life > in->life.number))
            continue;
        if (!s || s->life < in->life.number || s->version < in->version)
            return true;
        if (s->version == in->version && share_viewers(s) != in->size)
            return true;
    }
    for (const struct share *s = t->shares; s; s = s->next)
        if (is_believable(c, r) && !is_among(s, r->shares, r->len))
            return true;
    return false;
}

static void on_checked(void *owner, struct bytes topic, uint64_t ticket,
                       const struct bus_reading *r)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (!i || !r || i->check_ticket != ticket)
        return;
    if (own_is_wrong(c, i, r, i->checked_version))
        repair_own(c, i);
    if (i->state == INTEREST_LIVE && differs(c, i->topic, r))
        read_again(c, i);
}

static void on_subscribed(void *owner, struct bytes topic, uint64_t ticket)
{
    struct cluster *c = owner;
    struct interest *i = find(c, topic);

    if (!i || i->state != INTEREST_SUBSCRIBING || i->ticket != ticket)
        return; /* of an earlier interest, which was unsubscribed since */
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
    c->connection++;
    c->renew_ms = c->rest_ms = 0;
    for (struct interest *i = c->interests; i; i = i->next) {
        i->state = INTEREST_NONE;
        i->dirty = true;
    }
    c->to_do = c->interests_len;
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

static void on_renewed(void *owner, const struct bus_renewal *r)
{
    struct cluster *c = owner;

    if (r->lease == BUS_LEASE_UNKNOWN)
        c->rest_ms = c->now_ms + REST_MS;
    lease_renewed(c, r);
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

    if (!forgot_ms || c->reread_ms == forgot_ms || c->now_ms < forgot_ms + c->member->lease_ms)
        return;
    c->reread_ms = forgot_ms;
    for (struct interest *i = c->interests; i; i = i->next)
        read_again(c, i);
}

static bool wants(const struct interest *i)
{
    return i->state != INTEREST_LIVE || i->dirty || i->leaving;
}

/* What can be asked for now, or waits for nothing but this pass. */
static bool is_ready(const struct interest *i)
{
    return i->state == INTEREST_NONE || i->state == INTEREST_STALE || i->dirty;
}

/* What is still to do is counted anew in each pass. A pass asks for so much and no more; who was
 * served has left the queue, so all get their turn. */
static void work(struct cluster *c)
{
    uint32_t left = 0, steps = 0;
    struct interest *next;

    if (!c->to_do || c->now_ms < c->rest_ms)
        return;
    for (struct interest *i = c->interests; i; i = next) {
        next = i->next;
        if (!wants(i))
            continue;
        if (i->leaving && leave(c, i))
            continue;
        bool ready = is_ready(i);
        if (steps < STEPS_PER_TICK && !step(c, i))
            steps = STEPS_PER_TICK;
        steps += ready;
        left += wants(i);
    }
    c->to_do = left;
}

static bool check(struct cluster *c, struct interest *i)
{
    struct bus_question q = {
        .life = {c->member->node, c->life}, .topic = i->topic->name, .ticket = ++c->tickets};

    i->check_ticket = q.ticket;
    i->checked_version = i->version;
    return c->bus->ops->check(c->bus, &q);
}

/* One topic after the other, so that each has its turn every CHECK_EVERY_MS. */
static void look_after(struct cluster *c)
{
    uint64_t most = (uint64_t)CHECKS_PER_TICK * CHECK_EVERY_MS;

    c->check_credit += (c->now_ms - c->checked_ms) * c->interests_len;
    c->checked_ms = c->now_ms;
    if (c->check_credit > most)
        c->check_credit = most;
    for (; c->check_credit >= CHECK_EVERY_MS && c->interests; c->check_credit -= CHECK_EVERY_MS) {
        struct interest *i = c->check ? c->check : c->interests;
        c->check = i->next;
        if (may_write(c) && !check(c, i))
            return;
    }
}

void cluster_tick(struct cluster *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    c->bus->ops->tick(c->bus, now_ms);
    if (!c->up)
        return;
    lease_tick(c);
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
    atomic_store(&c->member->leaving, true);
    if (!c->up)
        return;
    if (c->life)
        c->bus->ops->reap(c->bus, (struct life){c->member->node, c->life}, true);
    if (c->lives > c->life) /* a lease that is on its way, or was not heard of */
        c->bus->ops->reap(c->bus, (struct life){c->member->node, c->lives}, true);
}

const struct bus_handler cluster_bus_handler = {
    .on_up = on_up,
    .on_down = on_down,
    .on_subscribed = on_subscribed,
    .on_message = on_message,
    .on_written = on_written,
    .on_read = on_read,
    .on_checked = on_checked,
    .on_renewed = on_renewed,
};
