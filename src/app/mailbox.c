/* SPDX-License-Identifier: MIT */
#include "app/mailbox.h"

#include "base/heap.h"

struct letter *letter_new(enum letter_kind kind, size_t text_len)
{
    struct letter *l = heap_alloc(sizeof(*l) + text_len);

    memset(l, 0, sizeof(*l));
    l->kind = kind;
    return l;
}

void letter_free(struct letter *l)
{
    switch (l->kind) {
    case LETTER_JOINED:
        blob_unref(l->joined.state);
        break;
    case LETTER_STATE:
        blob_unref(l->state.blob);
        break;
    case LETTER_PAGE:
        blob_unref(l->page.blob);
        break;
    case LETTER_ANNOUNCE:
    case LETTER_EVENT:
        for (unsigned i = 0; i < FORMATS_LEN; i++)
            blob_unref(l->announce.blobs[i]);
        break;
    case LETTER_JOIN:
    case LETTER_LEAVE:
    case LETTER_UPDATE:
    case LETTER_PUBLISH:
    case LETTER_STATE_WANTED:
    case LETTER_COUNTS_WANTED:
    case LETTER_PAGE_WANTED:
    case LETTER_COUNTS:
    case LETTER_OUTAGE:
    case LETTER_STOP:
    case LETTER_KINDS:
        break;
    }
    heap_free(l);
}

struct bytes letter_put(char **at, struct bytes data)
{
    char *to = *at;

    if (data.len)
        memcpy(to, data.ptr, data.len);
    *at += data.len;
    return bytes_of(to, data.len);
}

void batch_add(struct batch *b, struct letter *l)
{
    l->next = NULL;
    if (b->last)
        b->last->next = l;
    else
        b->first = l;
    b->last = l;
}

void mailbox_deliver(struct mailbox *m, struct batch *b)
{
    if (!b->first)
        return;
    struct letter *old = atomic_load_explicit(&m->batches, memory_order_relaxed);
    /* Sequentially consistent rather than release: libuv then reads whether a wake-up is under way,
     * and that read must not come before the letters are seen. */
    do
        b->first->next_batch = old;
    while (!atomic_compare_exchange_weak_explicit(&m->batches, &old, b->first, memory_order_seq_cst,
                                                  memory_order_relaxed));
    *b = (struct batch){0};
    /* If there was something, its sender has woken the receiver and it has not looked yet. */
    if (!old)
        loop_wake(m->loop);
}

struct letter *mailbox_take(struct mailbox *m)
{
    struct letter *batch, *older, *all = NULL;

    if (!atomic_load_explicit(&m->batches, memory_order_relaxed))
        return NULL;
    batch = atomic_exchange_explicit(&m->batches, NULL, memory_order_acquire);
    for (; batch; batch = older) {
        struct letter *last = batch;
        older = batch->next_batch;
        while (last->next)
            last = last->next;
        last->next = all;
        all = batch;
    }
    return all;
}
