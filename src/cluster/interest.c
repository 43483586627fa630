/* SPDX-License-Identifier: MIT */
#include "cluster/interest.h"

#include "base/heap.h"

enum { KEPT_BYTES_MAX = 4 * 1024 * 1024 };

struct interest *interest_new(struct topic *t)
{
    struct interest *i = heap_zalloc(1, sizeof(*i));

    i->topic = t;
    i->end = &i->first;
    return i;
}

void kept_free(struct kept_message *m)
{
    struct kept_message *next;

    for (; m; m = next) {
        next = m->next;
        heap_free(m);
    }
}

struct kept_message *interest_take_kept(struct interest *i)
{
    struct kept_message *first = i->first;

    i->first = NULL;
    i->end = &i->first;
    i->kept_bytes = 0;
    return first;
}

void interest_drop_kept(struct interest *i)
{
    kept_free(interest_take_kept(i));
}

void interest_free(struct interest *i)
{
    interest_drop_kept(i);
    heap_free(i);
}

bool interest_keep(struct interest *i, struct bytes message)
{
    if (i->kept_bytes + message.len > KEPT_BYTES_MAX) {
        interest_drop_kept(i);
        return false;
    }
    struct kept_message *m = heap_alloc(sizeof(*m) + message.len);
    m->next = NULL;
    m->len = (uint32_t)message.len;
    memcpy(m->text, message.ptr, message.len);
    *i->end = m;
    i->end = &m->next;
    i->kept_bytes += m->len;
    return true;
}
