/* SPDX-License-Identifier: MIT */
#include "core/share.h"

#include "base/heap.h"

enum { CAP_MIN = 8 };

struct share *share_find(struct topic *t, uint32_t node)
{
    struct share *s = t->shares;

    while (s && s->node != node)
        s = s->next;
    return s;
}

struct share *share_add(struct topic *t, uint32_t node, uint32_t life)
{
    struct share *s = heap_zalloc(1, sizeof(*s));

    assert(!share_find(t, node));
    s->topic = t;
    s->node = node;
    s->life = life;
    s->next = t->shares;
    t->shares = s;
    return s;
}

/* Refs are counters of a node that we trust, so a multiplication spreads them well enough. */
static uint32_t home_of(uint64_t ref, uint32_t cap)
{
    return (uint32_t)(ref * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (cap - 1);
}

static uint32_t find(const struct share *s, uint64_t ref)
{
    uint32_t at = home_of(ref, s->cap);

    while (s->slots[at] && s->slots[at]->ref != ref)
        at = (at + 1) & (s->cap - 1);
    return at;
}

static void resize(struct share *s, uint32_t cap)
{
    struct presence **old = s->slots;
    uint32_t old_cap = s->cap;

    s->slots = heap_zalloc(cap, sizeof(struct presence *));
    s->cap = cap;
    for (uint32_t i = 0; i < old_cap; i++)
        if (old[i])
            s->slots[find(s, old[i]->ref)] = old[i];
    heap_free(old);
}

static void vacate(struct share *s, uint32_t hole)
{
    uint32_t mask = s->cap - 1;

    s->slots[hole] = NULL;
    for (uint32_t at = (hole + 1) & mask; s->slots[at]; at = (at + 1) & mask) {
        uint32_t home = home_of(s->slots[at]->ref, s->cap);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        s->slots[hole] = s->slots[at];
        s->slots[at] = NULL;
        hole = at;
    }
    s->len--;
}

void share_put(struct share *s, const struct share_entry *e)
{
    if (s->len + 1 > s->cap / 4 * 3)
        resize(s, s->cap ? s->cap * 2 : CAP_MIN);
    uint32_t at = find(s, e->ref);
    struct presence *p = s->slots[at];
    if (p) {
        p->whole = true;
        topic_update_remote(p, e);
        return;
    }
    p = topic_join_remote(s->topic, s->node, e);
    p->whole = true;
    s->slots[at] = p;
    s->len++;
}

void share_remove(struct share *s, uint64_t ref)
{
    if (!s->cap)
        return;
    uint32_t at = find(s, ref);
    if (!s->slots[at])
        return;
    topic_leave(s->slots[at]);
    vacate(s, at);
}

void share_drop(struct share *s)
{
    struct share **at = &s->topic->shares;

    for (uint32_t i = 0; i < s->cap; i++)
        if (s->slots[i])
            topic_leave(s->slots[i]);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->topic->dropped = true;
    heap_free(s->slots);
    heap_free(s);
}

void share_begin_whole(struct share *s)
{
    for (uint32_t i = 0; i < s->cap; i++)
        if (s->slots[i])
            s->slots[i]->whole = false;
}

void share_end_whole(struct share *s)
{
    /* Vacating moves others into the hole, so a slot is looked at until it holds one that stays. */
    for (uint32_t i = 0; i < s->cap; i++)
        while (s->slots[i] && !s->slots[i]->whole) {
            topic_leave(s->slots[i]);
            s->topic->dropped = true; /* it may come again, if it was lost and not gone */
            vacate(s, i);
        }
}
