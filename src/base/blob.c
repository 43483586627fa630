/* SPDX-License-Identifier: MIT */
#include "base/blob.h"

#include "base/heap.h"

struct blob *blob_new(struct bytes data)
{
    return blob_join(data, (struct bytes){0});
}

struct blob *blob_join(struct bytes head, struct bytes tail)
{
    assert(head.len + tail.len <= UINT32_MAX);
    struct blob *b = heap_alloc(sizeof(*b) + head.len + tail.len);

    atomic_init(&b->refs, 1);
    b->len = (uint32_t)(head.len + tail.len);
    if (head.len)
        memcpy(b->data, head.ptr, head.len);
    if (tail.len)
        memcpy(b->data + head.len, tail.ptr, tail.len);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_unref(struct blob *b)
{
    if (!b)
        return;
    /* Release what we read before the count falls; whoever frees acquires it. */
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        heap_free(b);
}
