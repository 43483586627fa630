/* SPDX-License-Identifier: MIT */
#include "core/topic.h"

#include "base/heap.h"
#include "core/grace.h"
#include "core/share.h"

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
    assert(t->list_len == 0 && t->viewers == 0 && t->people == 0 && !t->shares);
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
    p->next_change = presence_topic(p)->changes;
    presence_topic(p)->changes = p;
}

static void arrive(struct presence *p)
{
    struct topic *t = presence_topic(p);

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

/* Of a new presence. */
static void set_meta(struct presence *p, struct bytes meta)
{
    char *text = copy_meta(meta);

    if (!text)
        return;
    p->metas = heap_zalloc(1, sizeof(*p->metas));
    p->metas->now = text;
}

static struct presence *add(struct topic *t, struct bytes key, struct bytes meta)
{
    struct presence *p = pool_take(&t->tables->presences);

    assert(!t->telling);
    if (t->list_len == t->list_cap) {
        t->list_cap = t->list_cap ? t->list_cap * 2 : 4;
        t->list = heap_realloc(t->list, t->list_cap * sizeof(*t->list));
    }
    p->index = t->list_len;
    t->list[t->list_len++] = p;
    p->key = keys_ref(&t->tables->keys, &t->tables->seed, t, key);
    set_meta(p, meta);
    return p;
}

enum topic_result topic_join(struct topic *t, struct bytes key, struct bytes meta,
                             struct presence **joined)
{
    if (t->list_len >= t->settings->presences_max)
        return TOPIC_FULL;
    struct presence *p = add(t, key, meta);
    p->node = t->tables->node;
    p->ref = ++t->tables->refs << 8 | t->tables->home;
    arrive(p);
    *joined = p;
    return TOPIC_OK;
}

/* One that left, and that audiences still know: two presences of one ref must not be in one diff.
 */
static struct presence *find_left(const struct topic *t, uint32_t node, uint64_t ref)
{
    struct presence *p = t->dropped ? t->changes : NULL;

    while (p && (p->here || p->node != node || p->ref != ref))
        p = p->next_change;
    return p;
}

struct presence *topic_join_remote(struct topic *t, uint32_t node, const struct share_entry *e)
{
    struct presence *p = find_left(t, node, e->ref);

    if (p) {
        topic_return(p);
        topic_update_remote(p, e);
        return p;
    }
    p = add(t, e->key, e->meta);
    p->remote = true;
    p->node = node;
    p->ref = e->ref;
    p->rev = e->rev;
    t->remote_len++;
    arrive(p);
    return p;
}

void topic_leave(struct presence *p)
{
    struct topic *t = presence_topic(p);

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
    assert(!presence_topic(p)->telling && !p->here);
    arrive(p);
}

static bool set_rev(struct presence *p, struct bytes meta, uint16_t rev)
{
    assert(!presence_topic(p)->telling && p->here);
    if (bytes_equal(presence_meta(p), meta.len ? meta : B("{}")))
        return false;
    if (!p->metas)
        p->metas = heap_zalloc(1, sizeof(*p->metas));
    struct metas *m = p->metas;
    if (p->told && !m->changed) {
        m->changed = true;
        m->told = m->now;
        m->told_rev = p->rev;
    } else {
        heap_free(m->now);
    }
    m->now = copy_meta(meta);
    p->rev = rev;
    mark(p);
    return true;
}

bool topic_update(struct presence *p, struct bytes meta)
{
    return set_rev(p, meta, (uint16_t)(p->rev + 1));
}

void topic_update_remote(struct presence *p, const struct share_entry *e)
{
    set_rev(p, e->meta, e->rev);
}

static void free_metas(struct presence *p)
{
    if (!p->metas)
        return;
    heap_free(p->metas->now);
    heap_free(p->metas->told);
    heap_free(p->metas);
    p->metas = NULL;
}

/* The update is told. */
static void forget_told(struct presence *p)
{
    heap_free(p->metas->told);
    p->metas->told = NULL;
    p->metas->changed = false;
    if (!p->metas->now)
        free_metas(p);
}

/* Nobody need know of it any more. */
static void drop(struct presence *p)
{
    struct topic *t = presence_topic(p);
    struct presence *last = t->list[--t->list_len];

    grace_drop(p);
    t->remote_len -= p->remote;
    last->index = p->index;
    t->list[p->index] = last;
    if (t->list_len == 0) {
        heap_free(t->list);
        t->list = NULL;
        t->list_cap = 0;
    }
    keys_unref(&t->tables->keys, p->key);
    free_metas(p);
    pool_put(&t->tables->presences, p);
}

/* Whether the meta is again what was told; then there is nothing to tell. */
static bool restored(struct presence *p)
{
    if (!bytes_equal(presence_told_meta(p), presence_meta(p)))
        return false;
    p->rev = p->metas->told_rev;
    forget_told(p);
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
        else if (presence_changed(p) && !restored(p))
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
        forget_told(p);
    for (p = t->diff.left; p; p = next) {
        next = p->next_change;
        drop(p);
    }
    t->diff = (struct diff){0};
    t->telling = false;
    t->dropped = false;
    t->told_viewers = t->viewers;
    t->told_people = t->people;
    forget_states(t);
}

static struct bytes meta_text(const char *meta)
{
    return meta ? bytes_str(meta) : B("{}");
}

struct bytes presence_meta(const struct presence *p)
{
    return meta_text(p->metas ? p->metas->now : NULL);
}

struct bytes presence_told_meta(const struct presence *p)
{
    return presence_changed(p) ? meta_text(p->metas->told) : presence_meta(p);
}

uint16_t presence_told_rev(const struct presence *p)
{
    return presence_changed(p) ? p->metas->told_rev : p->rev;
}
