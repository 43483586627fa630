/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <string.h>

#include "base/heap.h"

enum { CHUNK_ITEMS = 128 };
static const uint32_t POOL_NONE = UINT32_MAX;

/* Stands before each object. `generation` is odd while the object lives. */
struct header {
    uint32_t slot; /* its own, or the next free one */
    uint32_t generation;
};

static struct header *header_at(const struct pool *p, uint32_t slot)
{
    char *chunk = p->chunks[slot / CHUNK_ITEMS];
    return (struct header *)(void *)(chunk + (size_t)(slot % CHUNK_ITEMS) * p->item_size);
}

static struct header *header_of(const void *object)
{
    return (struct header *)(void *)((char *)(uintptr_t)object - sizeof(struct header));
}

void pool_init(struct pool *p, size_t object_size)
{
    size_t size = sizeof(struct header) + (object_size + 7) / 8 * 8;
    *p = (struct pool){.item_size = (uint32_t)size, .free_slot = POOL_NONE};
}

void pool_release(struct pool *p)
{
    for (uint32_t i = 0; i < p->chunks_len; i++)
        heap_free(p->chunks[i]);
    heap_free(p->chunks);
    *p = (struct pool){.item_size = p->item_size, .free_slot = POOL_NONE};
}

static void add_chunk(struct pool *p)
{
    p->chunks = heap_realloc(p->chunks, (p->chunks_len + 1) * sizeof(*p->chunks));
    p->chunks[p->chunks_len++] = heap_zalloc(CHUNK_ITEMS, p->item_size);
}

void *pool_take(struct pool *p)
{
    uint32_t slot = p->free_slot;
    struct header *h;

    if (slot != POOL_NONE) {
        h = header_at(p, slot);
        p->free_slot = h->slot;
    } else {
        slot = p->used++;
        if (slot / CHUNK_ITEMS == p->chunks_len)
            add_chunk(p);
        h = header_at(p, slot);
    }
    h->slot = slot;
    h->generation++;
    assert(h->generation & 1);
    p->live++;
    memset(h + 1, 0, p->item_size - sizeof(*h));
    return h + 1;
}

void pool_put(struct pool *p, void *object)
{
    struct header *h = header_of(object);
    uint32_t slot = h->slot;

    assert(h->generation & 1);
    assert(header_at(p, slot) == h);
    h->generation++;
    h->slot = p->free_slot;
    p->free_slot = slot;
    p->live--;
}

void *pool_get(const struct pool *p, struct id id)
{
    if (id.slot >= p->used || !(id.generation & 1))
        return NULL;
    struct header *h = header_at(p, id.slot);
    return h->generation == id.generation ? h + 1 : NULL;
}

struct id pool_id(const void *object)
{
    const struct header *h = header_of(object);

    assert(h->generation & 1);
    return (struct id){h->slot, h->generation};
}

void *pool_next(const struct pool *p, uint32_t *slot)
{
    while (*slot < p->used) {
        struct header *h = header_at(p, (*slot)++);
        if (h->generation & 1)
            return h + 1;
    }
    return NULL;
}
