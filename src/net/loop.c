/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include "base/heap.h"
#include "net/internal.h"

static void on_wake(uv_async_t *async)
{
    (void)async; /* it did its work by ending the wait */
}

static void on_timer(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    l->timer_at = UINT64_MAX;
    /* libuv runs timers before it waits, and then waits without one: this makes the wait end at
     * once. */
    uv_stop(&l->uv);
}

struct loop *loop_new(const struct conn_handler *handler, void *owner)
{
    struct loop *l = heap_zalloc(1, sizeof(*l));
    int bad = uv_loop_init(&l->uv);

    bad = bad ? bad : uv_async_init(&l->uv, &l->wake, on_wake);
    bad = bad ? bad : uv_timer_init(&l->uv, &l->timer);
    assert(!bad); /* it fails only without file descriptors, before anything runs */
    l->timer.data = l;
    l->timer_at = UINT64_MAX;
    l->handler = handler;
    l->owner = owner;
    pool_init(&l->outboxes, sizeof(struct outbox));
    return l;
}

void loop_free(struct loop *l)
{
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int bad = uv_loop_close(&l->uv);
    assert(!bad);
    assert(l->outboxes.live == 0);
    pool_release(&l->outboxes);
    heap_free(l);
}

void *loop_owner(const struct loop *l)
{
    return l->owner;
}

const struct loop_counts *loop_counts(struct loop *l)
{
    l->counts.outboxes = l->outboxes.live;
    return &l->counts;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

void loop_poll(struct loop *l, uint64_t until_ms)
{
    uint64_t now = uv_now(&l->uv);

    if (until_ms <= now) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        return;
    }
    if (until_ms != l->timer_at) {
        if (until_ms == UINT64_MAX)
            uv_timer_stop(&l->timer);
        else
            uv_timer_start(&l->timer, on_timer, until_ms - now, 0);
        l->timer_at = until_ms;
    }
    uv_run(&l->uv, UV_RUN_ONCE);
}

void loop_wake(struct loop *l)
{
    uv_async_send(&l->wake);
}
