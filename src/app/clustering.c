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
    RETRY_MS = 500 /* half of it to connect */
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

/* Tries for REFUSE_AFTER_MS. */
static bool reach(const struct redis_address *a, struct buf *error)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS / 2 * 1000000L};
    struct buf why;
    bool reached = false;

    buf_init(&why, BUF_UNBOUNDED);
    for (int tries = REFUSE_AFTER_MS / RETRY_MS; tries > 0 && !reached; tries--) {
        buf_clear(&why);
        redisContext *r = redis_sync_open(a, RETRY_MS / 2, &why);
        reached = r != NULL;
        if (r)
            redisFree(r);
        else
            nanosleep(&pause, NULL);
    }
    if (!reached) {
        buf_put(error, B("redis: not reached, and cluster_start = refuse: "));
        buf_put(error, buf_bytes(&why));
    }
    buf_release(&why);
    return reached;
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
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)(w->now_ms - loop_ms);
}

/* Every worker has sessions that may be in topics of this one. */
static void tell_workers(struct worker *w)
{
    const struct cluster *c = w->cluster;
    struct bytes why = bytes_str(c->why);

    if (is_degraded(c) == w->degraded)
        return;
    w->degraded = !w->degraded;
    for (uint16_t i = 0; i < w->node->workers_len; i++) {
        struct letter *l = letter_new(LETTER_OUTAGE, why.len);
        char *at = l->text;
        if (w->degraded) {
            uint64_t since_ms = c->degraded_since_ms ? c->degraded_since_ms : w->now_ms;
            l->outage.since_ms = unix_ms(w, since_ms);
            l->outage.why = letter_put(&at, why);
        }
        worker_post(w, i, l);
    }
}

void clustering_outage(struct worker *w, const struct letter_outage *in)
{
    uint16_t before = w->outages;
    struct session *s;
    uint32_t slot = 0;

    assert(in->since_ms || before > 0);
    w->outages = (uint16_t)(in->since_ms ? before + 1 : before - 1);
    if (before && w->outages)
        return;
    snprintf(w->outage_why, sizeof(w->outage_why), "%.*s", (int)in->why.len,
             in->why.ptr ? in->why.ptr : "");
    w->outage = (struct outage){in->since_ms, w->outage_why};
    while ((s = pool_next(&w->sessions, &slot)))
        if (s->phase == SESSION_WEBSOCKET && s->dialect->on_outage)
            s->dialect->on_outage(s);
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
