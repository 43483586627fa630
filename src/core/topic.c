/* SPDX-License-Identifier: MIT */
#include "core/topic.h"

#include "base/heap.h"
#include "core/grace.h"

/* The bytes by which a key is found: its topic's id, then its text. They lie in the struct in this
 * order. */
enum { KEY_PREFIX = 2 * sizeof(uint32_t), KEY_MAX = 1024 };

void topic_init(struct topic *t, struct tables *tables, struct bytes name,
                const struct topic_settings *settings)
{
    t->name = bytes_of(bytes_copy(name), name.len);
    t->tables = tables;
    t->settings = settings;
    t->seq = 1;
}

static void forget_states(struct topic *t)
{
    for (unsigned i = 0; i < FORMATS_MAX; i++) {
        blob_unref(t->state_cache[i]);
        t->state_cache[i] = NULL;
    }
}

void topic_release(struct topic *t)
{
    assert(t->list_len == 0 && t->viewers == 0 && t->people == 0);
    forget_states(t);
    heap_free(t->list);
    heap_free((char *)(uintptr_t)t->name.ptr);
}

static void counts_changed(struct topic *t)
{
    if (++t->seq == 0)
        t->seq = 1;
}

static void mark(struct presence *p)
{
    if (p->marked)
        return;
    p->marked = true;
    p->next_change = p->topic->changes;
    p->topic->changes = p;
}

static struct key *key_get(struct topic *t, struct bytes text)
{
    struct tables *tables = t->tables;
    struct id id = pool_id(t);
    char name[KEY_PREFIX + KEY_MAX];
    struct key *k;

    assert(text.len <= KEY_MAX);
    memcpy(name, &id.slot, sizeof(id.slot));
    memcpy(name + sizeof(id.slot), &id.generation, sizeof(id.generation));
    if (text.len)
        memcpy(name + KEY_PREFIX, text.ptr, text.len);
    size_t len = KEY_PREFIX + text.len;
    unsigned hash = (unsigned)hash_bytes(&tables->seed, bytes_of(name, len));

    HASH_FIND_BYHASHVALUE(hh, tables->keys, name, len, hash, k);
    if (k)
        return k;
    k = heap_alloc(sizeof(*k) + text.len);
    *k = (struct key){.len = (uint32_t)text.len};
    memcpy(&k->topic, name, len);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, tables->keys, (char *)&k->topic, len, hash, k);
    tables->keys_len++;
    return k;
}

static void key_unref(struct tables *tables, struct key *k)
{
    if (--k->refs)
        return;
    HASH_DEL(tables->keys, k);
    tables->keys_len--;
    heap_free(k);
}

static void arrive(struct presence *p)
{
    struct topic *t = p->topic;

    p->here = true;
    t->viewers++;
    if (p->key->presences++ == 0)
        t->people++;
    counts_changed(t);
    mark(p);
}

static char *copy_meta(struct bytes meta)
{
    return meta.len == 0 || bytes_equal(meta, B("{}")) ? NULL : bytes_copy(meta);
}

enum topic_result topic_join(struct topic *t, struct bytes key, struct bytes meta,
                             struct presence **joined)
{
    assert(!t->telling);
    if (t->list_len >= t->settings->presences_max)
        return TOPIC_FULL;
    struct presence *p = pool_take(&t->tables->presences);

    if (t->list_len == t->list_cap) {
        t->list_cap = t->list_cap ? t->list_cap * 2 : 4;
        t->list = heap_realloc(t->list, t->list_cap * sizeof(*t->list));
    }
    p->topic = t;
    p->index = t->list_len;
    t->list[t->list_len++] = p;
    p->key = key_get(t, key);
    p->key->refs++;
    p->meta = copy_meta(meta);
    p->ref = ++t->tables->refs << 8 | t->tables->home;
    arrive(p);
    *joined = p;
    return TOPIC_OK;
}

void topic_leave(struct presence *p)
{
    struct topic *t = p->topic;

    assert(!t->telling && p->here);
    p->here = false;
    t->viewers--;
    if (--p->key->presences == 0)
        t->people--;
    counts_changed(t);
    mark(p);
}

void topic_return(struct presence *p)
{
    assert(!p->topic->telling && !p->here);
    arrive(p);
}

bool topic_update(struct presence *p, struct bytes meta)
{
    assert(!p->topic->telling && p->here);
    if (bytes_equal(presence_meta(p), meta.len ? meta : B("{}")))
        return false;
    if (p->told && !p->old) {
        p->old = heap_alloc(sizeof(*p->old));
        *p->old = (struct told){p->meta, p->rev};
    } else {
        heap_free(p->meta);
    }
    p->meta = copy_meta(meta);
    p->rev++;
    mark(p);
    return true;
}

static void forget_old(struct presence *p)
{
    if (!p->old)
        return;
    heap_free(p->old->meta);
    heap_free(p->old);
    p->old = NULL;
}

/* Nobody need know of it any more. */
static void drop(struct presence *p)
{
    struct topic *t = p->topic;
    struct presence *last = t->list[--t->list_len];

    grace_drop(p);
    last->index = p->index;
    t->list[p->index] = last;
    if (t->list_len == 0) {
        heap_free(t->list);
        t->list = NULL;
        t->list_cap = 0;
    }
    key_unref(t->tables, p->key);
    forget_old(p);
    heap_free(p->meta);
    pool_put(&t->tables->presences, p);
}

/* Whether the meta is again what was told; then there is nothing to tell. */
static bool restored(struct presence *p)
{
    if (!bytes_equal(presence_told_meta(p), presence_meta(p)))
        return false;
    p->rev = p->old->rev;
    forget_old(p);
    return true;
}

static void push(struct presence **list, struct presence *p)
{
    p->next_change = *list;
    *list = p;
}

const struct diff *topic_diff(struct topic *t)
{
    struct presence *p = t->changes, *next;

    assert(!t->telling);
    t->changes = NULL;
    for (; p; p = next) { /* newest first, so push() restores the order */
        next = p->next_change;
        p->marked = false;
        if (p->here && !p->told)
            push(&t->diff.joined, p);
        else if (!p->here && p->told)
            push(&t->diff.left, p);
        else if (!p->here)
            drop(p); /* came and went: nobody need know */
        else if (p->old && !restored(p))
            push(&t->diff.updated, p);
    }
    t->telling = t->diff.joined || t->diff.left || t->diff.updated;
    return t->telling ? &t->diff : NULL;
}

void topic_settle(struct topic *t)
{
    struct presence *p, *next;

    if (!t->telling && !topic_counts_changed(t))
        return;
    for (p = t->diff.joined; p; p = p->next_change)
        p->told = true;
    for (p = t->diff.updated; p; p = p->next_change)
        forget_old(p);
    for (p = t->diff.left; p; p = next) {
        next = p->next_change;
        drop(p);
    }
    t->diff = (struct diff){0};
    t->telling = false;
    t->told_viewers = t->viewers;
    t->told_people = t->people;
    forget_states(t);
}

struct bytes presence_meta(const struct presence *p)
{
    return p->meta ? bytes_str(p->meta) : B("{}");
}

struct bytes presence_told_meta(const struct presence *p)
{
    if (!p->old)
        return presence_meta(p);
    return p->old->meta ? bytes_str(p->old->meta) : B("{}");
}

uint16_t presence_told_rev(const struct presence *p)
{
    return p->old ? p->old->rev : p->rev;
}
