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

void grace_add(struct presence *p, struct bytes person, uint64_t until_ms)
{
    struct tables *tables = p->topic->tables;
    char name[PREFIX + PERSON_MAX];
    size_t len = name_of(p->topic, person, name);
    struct absent *a = heap_alloc(sizeof(*a) + person.len);

    assert(!p->away && person.len > 0);
    *a = (struct absent){.presence = p, .len = (uint32_t)len};
    memcpy(&a->topic, name, len);
    /* Several absent presences of one person are several entries of one name: uthash finds the
     * newest of them, and deletes by address. */
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, tables->absents, (char *)&a->topic, len,
                                hash_of(tables, name, len), a);
    tables->absents_len++;
    p->away = true;
    p->absent = a;
    if (until_ms)
        wheel_set(&tables->wheel, &a->timer, until_ms);
}

void grace_drop(struct presence *p)
{
    struct tables *tables = p->topic->tables;

    if (!p->away)
        return;
    if (p->absent) {
        wheel_cancel(&tables->wheel, &p->absent->timer);
        HASH_DEL(tables->absents, p->absent);
        tables->absents_len--;
        heap_free(p->absent);
    }
    p->away = false;
    p->owner = (struct owner){0};
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
