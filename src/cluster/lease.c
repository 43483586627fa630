/* SPDX-License-Identifier: MIT */
#include "cluster/lease.h"

#include "base/log.h"

enum { RENEWALS_PER_LEASE = 10 };

bool lease_lost(const struct cluster *c)
{
    uint32_t life = atomic_load(&c->member->life);

    return life != 0 && atomic_load(&c->member->lost) == life;
}

void lease_refused(struct cluster *c, struct life life)
{
    /* An answer for a life that was replaced says nothing about this one. */
    if (life.number == atomic_load(&c->member->life))
        atomic_store(&c->member->lost, life.number);
}

void lease_tick(struct cluster *c)
{
    struct membership *m = c->member;
    bool fresh = atomic_load(&m->life) == 0 || lease_lost(c);

    if (!c->keeper || c->renewing || atomic_load(&m->leaving) || c->now_ms < c->rest_ms)
        return;
    if (c->now_ms < c->renew_ms && !fresh)
        return;
    /* Each attempt has a number of its own: an earlier one may be done late, and be reaped. */
    struct life life = {m->node, fresh ? ++c->lives : atomic_load(&m->life)};
    c->renewing = c->bus->ops->renew(c->bus, life, m->lease_ms, fresh);
    if (c->renewing)
        c->renew_ms = c->now_ms + m->lease_ms / RENEWALS_PER_LEASE;
}

static void take_epoch(struct cluster *c, uint64_t epoch)
{
    uint64_t before = atomic_load(&c->member->epoch);

    if (epoch == 0 || epoch == before)
        return;
    if (before) {
        log_warn("cluster: the server has forgotten everything; writing all shares again");
        atomic_store(&c->member->forgot_ms, c->now_ms);
    }
    atomic_store(&c->member->epoch, epoch); /* after `forgot_ms`: who sees it, sees that too */
}

/* What a life that was replaced has left may be known to nobody else. */
static void replace_life(struct cluster *c, struct life life)
{
    struct life before = {life.node, atomic_load(&c->member->life)};

    atomic_store(&c->member->life, life.number);
    if (before.number)
        c->bus->ops->reap(c->bus, before, true);
}

void lease_renewed(struct cluster *c, const struct bus_renewal *r)
{
    uint32_t held = atomic_load(&c->member->life);

    c->renewing = false;
    if (r->lease == BUS_LEASE_UNKNOWN)
        return;
    take_epoch(c, r->epoch);
    if (r->lease == BUS_LEASE_LOST) {
        lease_refused(c, r->life);
        return;
    }
    if (r->life.number > held)
        replace_life(c, r->life);
    for (size_t k = 0; k < r->expired_len; k++)
        if (r->expired[k].node != r->life.node || r->expired[k].number != r->life.number)
            c->bus->ops->reap(c->bus, r->expired[k], false);
}
