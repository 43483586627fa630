/* SPDX-License-Identifier: MIT */
#include "base/wheel.h"

#include <stddef.h>

static void list_init(struct wheel_timer *head)
{
    head->prev = head->next = head;
}

static bool list_empty(const struct wheel_timer *head)
{
    return head->next == head;
}

static void list_add(struct wheel_timer *head, struct wheel_timer *t)
{
    t->prev = head->prev;
    t->next = head;
    head->prev->next = t;
    head->prev = t;
}

static void list_remove(struct wheel_timer *t)
{
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->prev = t->next = NULL;
}

static void place(struct wheel *w, struct wheel_timer *t)
{
    uint64_t slot = t->tick % WHEEL_SLOTS;

    list_add(&w->slots[slot], t);
    w->filled[slot / 64] |= UINT64_C(1) << slot % 64;
}

void wheel_init(struct wheel *w, uint32_t tick_ms, uint64_t now_ms)
{
    assert(tick_ms > 0);
    *w = (struct wheel){.tick_ms = tick_ms, .cursor = now_ms / tick_ms};
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        list_init(&w->slots[i]);
    list_init(&w->due);
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t at_ms)
{
    wheel_cancel(w, t);
    t->tick = at_ms / w->tick_ms + (at_ms % w->tick_ms != 0);
    if (t->tick <= w->cursor)
        t->tick = w->cursor + 1;
    place(w, t);
    w->live++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
    if (!wheel_is_set(t))
        return;
    list_remove(t);
    w->live--;
}

/* Moves the cursor one tick on and what lies in its slot to `due`. */
static void advance(struct wheel *w)
{
    uint64_t slot = ++w->cursor % WHEEL_SLOTS;
    struct wheel_timer *head = &w->slots[slot];

    w->filled[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    while (!list_empty(head)) {
        struct wheel_timer *t = head->next;
        list_remove(t);
        list_add(&w->due, t);
    }
}

struct wheel_timer *wheel_pop(struct wheel *w, uint64_t now_ms)
{
    uint64_t now = now_ms / w->tick_ms;

    /* After a long pause one round over all slots finds everything. */
    if (now > w->cursor + WHEEL_SLOTS)
        w->cursor = now - WHEEL_SLOTS;
    if (w->live == 0 && now > w->cursor)
        w->cursor = now;
    for (;;) {
        while (!list_empty(&w->due)) {
            struct wheel_timer *t = w->due.next;
            list_remove(t);
            if (t->tick <= w->cursor) {
                w->live--;
                return t;
            }
            place(w, t); /* of a later round */
        }
        if (w->cursor >= now)
            return NULL;
        advance(w);
    }
}

uint64_t wheel_next_ms(struct wheel *w)
{
    if (w->live == 0)
        return UINT64_MAX;
    for (uint64_t i = 1; i <= WHEEL_SLOTS;) {
        uint64_t slot = (w->cursor + i) % WHEEL_SLOTS;
        uint64_t bits = w->filled[slot / 64] >> slot % 64;
        if (bits == 0) {
            i += 64 - slot % 64;
            continue;
        }
        i += (uint64_t)__builtin_ctzll(bits);
        slot = (w->cursor + i) % WHEEL_SLOTS;
        if (i <= WHEEL_SLOTS && !list_empty(&w->slots[slot]))
            return (w->cursor + i) * w->tick_ms;
        w->filled[slot / 64] &= ~(UINT64_C(1) << slot % 64);
        i++;
    }
    return (w->cursor + WHEEL_SLOTS) * w->tick_ms;
}
