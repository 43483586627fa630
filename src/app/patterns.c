/* SPDX-License-Identifier: MIT */
#include "app/patterns.h"

#include "base/heap.h"
#include "core/pattern.h"

void patterns_init(struct patterns *p)
{
    *p = (struct patterns){NULL, 0};
}

void patterns_release(struct patterns *p)
{
    for (size_t i = 0; i < p->count; i++)
        heap_free((char *)p->items[i].ptr);
    heap_free(p->items);
    patterns_init(p);
}

void patterns_add(struct patterns *p, struct bytes pattern)
{
    p->items = heap_realloc(p->items, (p->count + 1) * sizeof(*p->items));
    p->items[p->count++] = bytes_of(bytes_copy(pattern), pattern.len);
}

bool patterns_match(const struct patterns *p, struct bytes topic)
{
    for (size_t i = 0; i < p->count; i++) {
        if (pattern_match(p->items[i], topic))
            return true;
    }
    return false;
}
