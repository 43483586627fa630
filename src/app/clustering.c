/* SPDX-License-Identifier: MIT */
#include "app/clustering.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/home.h"
#include "app/read_file.h"
#include "app/redis_url.h"
#include "app/session.h"
#include "base/heap.h"
#include "base/log.h"
#include "cluster/bus_redis.h"
#include "cluster/cluster.h"
#include "net/redis_sync.h"

enum {
    TICK_MS = 50,
    LEAVE_MS = 1000,
    PASSWORD_MAX = 1024,
    REFUSE_AFTER_MS = 5000,
    CONNECT_MS = 1000,
    RETRY_MS = 250
};

/* What a node keeps of its cluster. */
struct clustering {
    struct redis_address address;
    struct membership member;
};

static bool read_password(const char *path, struct redis_address *a, struct buf *error)
{
    struct buf text;
    bool world_readable;

    buf_init(&text, PASSWORD_MAX);
    if (!read_file(path, &text, &world_readable, error)) {
        buf_release(&text);
        return false;
    }
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    heap_free((char *)(uintptr_t)a->password);
    a->password = bytes_copy(buf_bytes(&text));
    buf_release(&text);
    if (world_readable)
        log_warn("redis_password_file: everybody on this machine may read %s", path);
    return true;
}

bool clustering_address(const struct config *config, struct redis_address *out, struct buf *error)
{
    if (!redis_url_parse(config->redis, out, error))
        return false;
    if (!config->redis_password_file || read_password(config->redis_password_file, out, error))
        return true;
    redis_url_release(out);
    return false;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Tries for REFUSE_AFTER_MS. */
static bool reach(const struct redis_address *a, struct buf *error)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    int64_t end_ms = clock_ms(CLOCK_MONOTONIC) + REFUSE_AFTER_MS;
    redisContext *r = NULL;
    struct buf why;

    buf_init(&why, BUF_UNBOUNDED);
    for (;;) {
        buf_clear(&why);
        r = redis_sync_open(a, CONNECT_MS, &why);
        if (r || clock_ms(CLOCK_MONOTONIC) >= end_ms)
            break;
        nanosleep(&pause, NULL);
    }
    if (r) {
        redisFree(r);
    } else {
        buf_put(error, B("redis: not reached, and cluster_start = refuse: "));
        buf_put(error, buf_bytes(&why));
    }
    buf_release(&why);
    return r != NULL;
}

bool clustering_init(struct node *n, struct buf *error)
{
    const struct config *config = n->config;

    if (!config->redis)
        return true;
    n->clustering = heap_zalloc(1, sizeof(*n->clustering));
    n->clustering->member.node = n->id;
    n->clustering->member.lease_ms = config->lease_ms;
    return clustering_address(config, &n->clustering->address, error) &&
           (config->cluster_start == CLUSTER_WAIT || reach(&n->clustering->address, error));
}

void clustering_release(struct node *n)
{
    if (!n->clustering)
        return;
    redis_url_release(&n->clustering->address);
    heap_free(n->clustering);
    n->clustering = NULL;
}

static void on_event(void *owner, struct topic *t, struct bytes name, struct bytes payload)
{
    struct event e = {.name = name, .payload = payload};

    home_relay(owner, t, &e);
}

void clustering_open(struct worker *w)
{
    struct clustering *k = w->node->clustering;

    if (!k)
        return;
    w->cluster = heap_zalloc(1, sizeof(*w->cluster));
    cluster_init(w->cluster, &k->member, &w->hub, w->index == 0);
    w->cluster->on_event = on_event;
    w->cluster->owner = w;
    w->cluster->bus = bus_redis_new(w->loop, &k->address, w->node->config->redis_prefix,
                                    &cluster_bus_handler, w->cluster);
}

void clustering_close(struct worker *w)
{
    if (!w->cluster)
        return;
    w->cluster->bus->ops->close(w->cluster->bus);
    cluster_release(w->cluster);
    heap_free(w->cluster);
    w->cluster = NULL;
}

/* From the first moment, so that numbers without the others' are never passed off as whole. */
static bool is_degraded(const struct cluster *c)
{
    return c->degraded_since_ms || !c->up || !c->life;
}

static int64_t unix_ms(const struct worker *w, uint64_t loop_ms)
{
    return clock_ms(CLOCK_REALTIME) - (int64_t)(w->now_ms - loop_ms);
}

/* Every worker has sessions that may be in topics of this one. */
static void tell_workers(struct worker *w)
{
    const struct cluster *c = w->cluster;
    bool before = w->degraded;

    w->degraded = is_degraded(c);
    if (w->degraded == before && (!before || strcmp(c->why, w->degraded_why) == 0))
        return;
    snprintf(w->degraded_why, sizeof(w->degraded_why), "%s", c->why);
    for (uint16_t i = 0; i < w->node->workers_len; i++) {
        struct letter *l = letter_new(LETTER_OUTAGE, strlen(c->why));
        char *at = l->text;
        if (w->degraded) {
            uint64_t since_ms = c->degraded_since_ms ? c->degraded_since_ms : w->now_ms;
            l->outage.since_ms = unix_ms(w, since_ms);
            l->outage.known = before;
            l->outage.why = letter_put(&at, bytes_str(c->why));
        }
        worker_post(w, i, l);
    }
}

static void tell_sessions(struct worker *w)
{
    struct session *s;
    uint32_t slot = 0;

    while ((s = pool_next(&w->sessions, &slot)))
        if (s->phase == SESSION_WEBSOCKET && s->dialect->on_outage)
            s->dialect->on_outage(s);
}

void clustering_outage(struct worker *w, const struct letter_outage *in)
{
    uint16_t before = w->outages;

    assert(in->since_ms || before > 0);
    if (!in->known)
        w->outages = (uint16_t)(in->since_ms ? before + 1 : before - 1);
    if (in->since_ms) {
        snprintf(w->outage_why, sizeof(w->outage_why), "%.*s", (int)in->why.len, in->why.ptr);
        w->outage.why = w->outage_why;
    }
    if (!before)
        w->outage.since_ms = in->since_ms;
    else if (!w->outages)
        w->outage.since_ms = 0;
    if (!before != !w->outages)
        tell_sessions(w);
}

void clustering_tick(struct worker *w)
{
    if (!w->cluster || w->now_ms < w->cluster_ms)
        return;
    w->cluster_ms = w->now_ms + TICK_MS;
    cluster_tick(w->cluster, w->now_ms);
    tell_workers(w);
}

uint64_t clustering_next_ms(const struct worker *w)
{
    return w->cluster ? w->cluster_ms : UINT64_MAX;
}

void clustering_count(struct worker *w)
{
    const struct cluster *c = w->cluster;

    w->metrics.degraded = is_degraded(c);
    w->metrics.followed = c->interests_len;
    w->metrics.share_writes = c->counts.writes;
    w->metrics.share_messages = c->counts.messages;
    w->metrics.share_reads = c->counts.reads;
    w->metrics.share_gaps = c->counts.gaps;
    w->metrics.share_repairs = c->counts.repairs;
}

void clustering_forget_idle(struct worker *w)
{
    struct topic *t;

    while (w->cluster && (t = hub_idle(&w->hub)))
        cluster_forget(w->cluster, t);
}

void clustering_leave(struct worker *w)
{
    if (!w->cluster || !w->cluster->keeper)
        return;
    uint64_t until_ms = w->now_ms + LEAVE_MS;
    /* The other workers' shares are under the same lease, so the keeper goes last. */
    while (atomic_load(&w->node->sessions) && w->now_ms < until_ms)
        worker_turn(w);
    cluster_leave(w->cluster);
    while (w->cluster->bus->ops->waiting(w->cluster->bus) && w->now_ms < until_ms)
        worker_turn(w);
}
