/* SPDX-License-Identifier: MIT */
#include "wave.h"

#include <assert.h>
#include <stdlib.h>

void wave_init(struct wave *w, uint32_t base, uint32_t size)
{
    *w = (struct wave){.base = base, .size = size, .rising = true};
    w->at_ns = calloc(size, sizeof(*w->at_ns));
}

void wave_release(struct wave *w)
{
    free(w->at_ns);
}

void wave_turn(struct wave *w, bool rising)
{
    w->rising = rising;
    w->made = w->reached = 0;
}

void wave_change(struct wave *w, uint64_t now_ns)
{
    assert(w->made < w->size);
    w->at_ns[w->made++] = now_ns;
}

bool wave_tell(struct wave *w, uint32_t *told, uint32_t viewers, uint64_t now_ns, struct times *t)
{
    int64_t shown = w->rising ? (int64_t)viewers - w->base : (int64_t)w->base + w->size - viewers;
    bool is_new = *told == WAVE_NEW;

    if (shown < 0 || shown > w->made || (!is_new && shown < *told))
        return false;
    for (uint32_t i = is_new ? (uint32_t)shown : *told; i < shown; i++)
        times_add(t, now_ns - w->at_ns[i]);
    w->reached += shown == w->size && (is_new || *told < w->size);
    *told = (uint32_t)shown;
    return true;
}
