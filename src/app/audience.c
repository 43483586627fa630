/* SPDX-License-Identifier: MIT */
#include "app/audience.h"

#include "base/heap.h"

void audiences_init(struct audiences *all)
{
    *all = (struct audiences){0};
    pool_init(&all->pool, sizeof(struct audience));
}

void audiences_release(struct audiences *all)
{
    assert(all->pool.live == 0);
    pool_release(&all->pool);
}

struct audience *audience_ref(struct audiences *all, struct bytes name, uint64_t hash)
{
    struct audience *a;

    HASH_FIND_BYHASHVALUE(hh, all->by_name, name.ptr, name.len, (unsigned)hash, a);
    if (!a) {
        a = pool_take(&all->pool);
        a->name = bytes_of(bytes_copy(name), name.len);
        a->hash = hash;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, all->by_name, a->name.ptr, a->name.len, (unsigned)hash, a);
    }
    a->refs++;
    return a;
}

void audience_unref(struct audiences *all, struct audience *a)
{
    if (--a->refs)
        return;
    assert(a->len == 0);
    HASH_DEL(all->by_name, a);
    heap_free(a->subs);
    heap_free((char *)(uintptr_t)a->name.ptr);
    pool_put(&all->pool, a);
}

void audience_add(struct audience *a, struct subscription *sub)
{
    if (a->len == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 4;
        a->subs = heap_realloc(a->subs, a->cap * sizeof(struct subscription *));
    }
    sub->index = a->len;
    a->subs[a->len++] = sub;
}

void audience_remove(struct audience *a, struct subscription *sub)
{
    struct subscription *last = a->subs[--a->len];

    assert(a->subs[sub->index] == sub);
    last->index = sub->index;
    a->subs[sub->index] = last;
}
