/* SPDX-License-Identifier: MIT */
#include "core/grace.h"

#include "base/heap.h"

enum { PREFIX = 2 * sizeof(uint32_t), PERSON_MAX = 1024 };

/* The bytes that name a person of a topic, at `to`. */
static size_t name_of(const struct topic *t, struct bytes person, char to[PREFIX + PERSON_MAX])
{
    struct id id = pool_id(t);

    assert(person.len <= PERSON_MAX);
    memcpy(to, &id.slot, sizeof(id.slot));
    memcpy(to + sizeof(id.slot), &id.generation, sizeof(id.generation));
    memcpy(to + PREFIX, person.ptr, person.len);
    return PREFIX + person.len;
}

static unsigned hash_of(const struct tables *tables, const char *name, size_t len)
{
    return (unsigned)hash_bytes(&tables->seed, bytes_of(name, len));
}

static void table_add(struct tables *tables, struct absent *a, unsigned hash)
{
    a->first = true;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, tables->absents, (char *)&a->topic, a->len, hash, a);
}

static void table_remove(struct tables *tables, struct absent *a)
{
    a->first = false;
    HASH_DEL(tables->absents, a);
}

static void forget(struct tables *tables, struct absent *a)
{
    wheel_cancel(&tables->wheel, &a->timer);
    if (a->first) {
        table_remove(tables, a);
        if (a->next != a)
            table_add(tables, a->next, a->hh.hashv);
    }
    a->prev->next = a->next;
    a->next->prev = a->prev;
    tables->absents_len--;
    heap_free(a);
}

void grace_add(struct presence *p, struct bytes person, uint64_t until_ms)
{
    struct tables *tables = presence_topic(p)->tables;
    char name[PREFIX + PERSON_MAX];
    size_t len = name_of(presence_topic(p), person, name);
    unsigned hash = hash_of(tables, name, len);
    struct absent *a = heap_alloc(sizeof(*a) + person.len), *first;

    assert(!p->away && person.len > 0);
    *a = (struct absent){.presence = p, .len = (uint32_t)len};
    memcpy(&a->topic, name, len);
    HASH_FIND_BYHASHVALUE(hh, tables->absents, name, len, hash, first);
    if (first) {
        /* Before the first is also behind the last. */
        a->prev = first->prev;
        a->next = first;
        a->prev->next = a->next->prev = a;
        if (until_ms)
            table_remove(tables, first);
    } else {
        a->prev = a->next = a;
    }
    if (!first || until_ms)
        table_add(tables, a, hash);
    tables->absents_len++;
    p->away = true;
    p->absent = a;
    if (until_ms)
        wheel_set(&tables->wheel, &a->timer, until_ms);
}

void grace_drop(struct presence *p)
{
    struct tables *tables = presence_topic(p)->tables;

    if (!p->away)
        return;
    if (p->absent)
        forget(tables, p->absent);
    p->away = false;
    p->subscription = (struct id){0};
    p->worker = 0;
}

struct presence *grace_take(struct topic *t, struct bytes person)
{
    struct tables *tables = t->tables;
    char name[PREFIX + PERSON_MAX];
    struct absent *a;

    if (!tables->absents || person.len == 0)
        return NULL;
    size_t len = name_of(t, person, name);
    HASH_FIND_BYHASHVALUE(hh, tables->absents, name, len, hash_of(tables, name, len), a);
    if (!a)
        return NULL;
    struct presence *p = a->presence;
    grace_drop(p);
    return p;
}
