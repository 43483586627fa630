/* SPDX-License-Identifier: MIT */
#include "app/clustering.h"

#include <string.h>

#include "app/home.h"
#include "app/read_file.h"
#include "app/redis_url.h"
#include "base/heap.h"
#include "base/log.h"
#include "cluster/bus_redis.h"
#include "cluster/cluster.h"

enum { TICK_MS = 50, LEAVE_MS = 1000, PASSWORD_MAX = 1024 };

/* What a node keeps of its cluster. */
struct clustering {
    struct redis_address address;
    struct membership member;
};

static bool read_password(struct clustering *k, const char *path, struct buf *error)
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
    heap_free((char *)(uintptr_t)k->address.password);
    k->address.password = bytes_copy(buf_bytes(&text));
    buf_release(&text);
    if (world_readable)
        log_warn("redis_password_file: everybody on this machine may read %s", path);
    return true;
}

bool clustering_init(struct node *n, struct buf *error)
{
    const struct config *config = n->config;

    if (!config->redis)
        return true;
    n->clustering = heap_zalloc(1, sizeof(*n->clustering));
    n->clustering->member.node = n->id;
    n->clustering->member.lease_ms = config->lease_ms;
    if (!redis_url_parse(config->redis, &n->clustering->address, error))
        return false;
    return !config->redis_password_file ||
           read_password(n->clustering, config->redis_password_file, error);
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

void clustering_tick(struct worker *w)
{
    if (!w->cluster || w->now_ms < w->cluster_ms)
        return;
    w->cluster_ms = w->now_ms + TICK_MS;
    cluster_tick(w->cluster, w->now_ms);
}

uint64_t clustering_next_ms(const struct worker *w)
{
    return w->cluster ? w->cluster_ms : UINT64_MAX;
}

void clustering_count(struct worker *w)
{
    const struct cluster *c = w->cluster;

    w->metrics.degraded = c->degraded_since_ms != 0;
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
