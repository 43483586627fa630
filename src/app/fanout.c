/* SPDX-License-Identifier: MIT */
#include "app/fanout.h"

#include "app/session.h"

/* What a newer one replaces: nothing is queued behind a full socket. */
static void tell(struct worker *w, struct subscription *sub, struct blob *b)
{
    struct session *s = sub->session;

    if (sub->behind)
        return;
    if (conn_blocked(&s->conn)) {
        sub->behind = true;
        w->metrics.behind++;
        return;
    }
    conn_send(&s->conn, b);
    w->metrics.frames++;
}

void fanout_announce(struct worker *w, const struct letter_announce *in)
{
    struct audience *a = pool_get(&w->audiences.pool, in->audience);

    if (!a)
        return;
    for (uint32_t i = 0; i < a->len; i++) {
        struct subscription *sub = a->subs[i];
        struct blob *b = in->blobs[sub->format];
        uint32_t seen = sub->seen;
        if (!b)
            continue;
        sub->seen = 0;
        /* Some were told the live number when they came. */
        if (seen == in->seq || (in->late_only && !seen && !formats[sub->format]->lists))
            continue;
        tell(w, sub, b);
    }
}

void fanout_event(struct worker *w, const struct letter_announce *in)
{
    struct audience *a = pool_get(&w->audiences.pool, in->audience);

    if (!a)
        return;
    for (uint32_t i = 0; i < a->len; i++) {
        struct blob *b = in->blobs[a->subs[i]->format];
        if (b)
            session_send(a->subs[i]->session, b);
    }
}

void fanout_state(struct worker *w, const struct letter *l)
{
    struct subscription *sub = pool_get(&w->subscriptions, l->state.subscription);

    if (!sub)
        return;
    sub->behind = false;
    sub->seen = l->state.seq;
    tell(w, sub, l->state.blob);
}
