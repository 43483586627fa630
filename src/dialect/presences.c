/* SPDX-License-Identifier: MIT */
#include "dialect/presences.h"

#include <stdlib.h>

#include "base/heap.h"

static int by_key(const void *a, const void *b)
{
    const struct presence *p = *(const struct presence *const *)a;
    const struct presence *q = *(const struct presence *const *)b;

    if (p->key != q->key)
        return p->key < q->key ? -1 : 1;
    return p->ref < q->ref ? -1 : p->ref > q->ref;
}

static void sort(struct presences *p)
{
    if (p->len > 1)
        qsort(p->items, p->len, sizeof(struct presence *), by_key);
}

struct presences presences_told(const struct topic *t)
{
    struct presences all = {.items = heap_alloc(t->list_len * sizeof(struct presence *))};

    for (uint32_t i = 0; i < t->list_len; i++)
        if (t->list[i]->told)
            all.items[all.len++] = t->list[i];
    sort(&all);
    return all;
}

static size_t length(const struct presence *p)
{
    size_t n = 0;

    for (; p; p = p->next_change)
        n++;
    return n;
}

static void add(struct presences *all, const struct presence *p)
{
    for (; p; p = p->next_change)
        all->items[all->len++] = p;
}

struct presences presences_of_diff(const struct presence *first, const struct presence *second)
{
    size_t len = length(first) + length(second);
    struct presences all = {.items = heap_alloc(len * sizeof(struct presence *))};

    add(&all, first);
    add(&all, second);
    sort(&all);
    return all;
}

void presences_release(struct presences *p)
{
    heap_free(p->items);
}

bool meta_compose(const json_t *client, struct bytes trusted, size_t max, struct buf *out)
{
    json_t *meta = client ? json_copy((json_t *)(uintptr_t)client) : json_object();
    json_t *overlay = trusted.len ? json_loadb(trusted.ptr, trusted.len, 0, NULL) : NULL;

    if (overlay)
        json_object_update(meta, overlay);
    json_object_del(meta, "phx_ref");
    json_object_del(meta, "phx_ref_prev");
    size_t len = json_dumpb(meta, NULL, 0, JSON_COMPACT);
    char *to = len <= max ? buf_reserve(out, len) : NULL;
    if (to) {
        json_dumpb(meta, to, len, JSON_COMPACT);
        buf_added(out, len);
    }
    json_decref(overlay);
    json_decref(meta);
    return to != NULL;
}
