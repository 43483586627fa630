/* SPDX-License-Identifier: MIT */
#include "cluster/tell.h"

#include <stdio.h>

#include "base/heap.h"
#include "cluster/share_text.h"

/* One write holds so many presences; more are told in several, each with a version of its own. */
enum { PRESENCES_PER_WRITE = 1000, REF_TEXT_MAX = 21 };

/* A write under construction; a cluster keeps one, since a write is made for every announcement. */
struct draft {
    struct share_entry joined[PRESENCES_PER_WRITE];
    uint64_t removed[PRESENCES_PER_WRITE];
    size_t joined_len, removed_len;
    struct bytes set[2 * PRESENCES_PER_WRITE], gone[PRESENCES_PER_WRITE];
    char refs[2 * PRESENCES_PER_WRITE][REF_TEXT_MAX];
};

static struct draft *begin(struct cluster *c)
{
    if (!c->draft)
        c->draft = heap_alloc(sizeof(*c->draft));
    c->draft->joined_len = c->draft->removed_len = 0;
    return c->draft;
}

static struct life own_life(const struct cluster *c)
{
    return (struct life){c->member->node, c->life};
}

static struct bytes put_ref(struct draft *d, size_t at, uint64_t ref)
{
    int len = snprintf(d->refs[at], REF_TEXT_MAX, "%llu", (unsigned long long)ref);
    return bytes_of(d->refs[at], (size_t)len);
}

/* The entries as ref, text, ref, text...; the texts lie in `text`. */
static void put_entries(struct draft *d, struct buf *text)
{
    for (size_t i = 0; i < d->joined_len; i++) {
        size_t begin = text->len;
        share_entry_put(text, &d->joined[i]);
        d->set[2 * i] = put_ref(d, i, d->joined[i].ref);
        d->set[2 * i + 1].len = text->len - begin;
    }
    for (size_t i = 0, at = 0; i < d->joined_len; i++) {
        d->set[2 * i + 1].ptr = text->ptr + at;
        at += d->set[2 * i + 1].len;
    }
    for (size_t i = 0; i < d->removed_len; i++)
        d->gone[i] = put_ref(d, PRESENCES_PER_WRITE + i, d->removed[i]);
}

static bool send(struct cluster *c, struct interest *i, struct draft *d, bool whole, uint32_t size)
{
    struct share_message m = {
        .life = own_life(c),
        .version = i->version + 1,
        .whole = whole,
        .size = size,
        .joined = d->joined,
        .joined_len = d->joined_len,
        .removed = d->removed,
        .removed_len = d->removed_len,
    };
    struct buf text, message;

    buf_init(&text, BUF_UNBOUNDED);
    buf_init(&message, BUF_UNBOUNDED);
    share_message_put(&message, &m);
    put_entries(d, &text);
    struct bus_write w = {
        .life = m.life,
        .home = c->hub->tables.home,
        .connection = c->connection,
        .topic = i->topic->name,
        .version = m.version,
        .whole = whole,
        .set = d->set,
        .set_len = 2 * d->joined_len,
        .removed = d->gone,
        .removed_len = d->removed_len,
        .message = buf_bytes(&message),
    };
    bool sent = c->bus->ops->write(c->bus, &w);
    buf_release(&text);
    buf_release(&message);
    if (sent) {
        i->version++;
        i->size = size;
        i->unanswered++;
        i->there = true;
        c->counts.writes++;
    }
    return sent;
}

static struct share_entry entry_of(const struct presence *p, bool told)
{
    return (struct share_entry){
        .ref = p->ref,
        .rev = told ? presence_told_rev(p) : p->rev,
        .key = presence_key(p),
        .meta = told ? presence_told_meta(p) : presence_meta(p),
    };
}

static bool flush_if_full(struct cluster *c, struct interest *i, struct draft *d, bool *whole,
                          uint32_t size)
{
    if (d->joined_len < PRESENCES_PER_WRITE && d->removed_len < PRESENCES_PER_WRITE)
        return true;
    bool sent = send(c, i, d, *whole, size);
    d->joined_len = d->removed_len = 0;
    *whole = false;
    return sent;
}

bool tell_whole(struct cluster *c, struct interest *i)
{
    struct draft *d = begin(c);
    const struct topic *t = i->topic;
    bool whole = true, sent = true;
    uint32_t size = 0;

    for (uint32_t k = 0; sent && k < t->list_len; k++) {
        const struct presence *p = t->list[k];
        if (!p->told || p->remote)
            continue;
        sent = flush_if_full(c, i, d, &whole, size);
        d->joined[d->joined_len++] = entry_of(p, true);
        size++;
    }
    if (size == 0)
        i->size = 0;
    /* An empty share is worth telling only where another may be known. */
    if (sent && (d->joined_len || i->there))
        sent = send(c, i, d, whole, size);
    c->counts.whole_writes++;
    return sent;
}

static bool put_joined(struct cluster *c, struct interest *i, struct draft *d,
                       const struct presence *p, uint32_t *size)
{
    bool whole = false;

    for (; p; p = p->next_change) {
        if (p->remote)
            continue;
        if (!flush_if_full(c, i, d, &whole, *size))
            return false;
        *size += !p->told;
        d->joined[d->joined_len++] = entry_of(p, false);
    }
    return true;
}

static bool put_removed(struct cluster *c, struct interest *i, struct draft *d,
                        const struct presence *p, uint32_t *size)
{
    bool whole = false;

    for (; p; p = p->next_change) {
        if (p->remote)
            continue;
        if (!flush_if_full(c, i, d, &whole, *size))
            return false;
        (*size)--;
        d->removed[d->removed_len++] = p->ref;
    }
    return true;
}

bool tell_change(struct cluster *c, struct interest *i, const struct diff *diff)
{
    struct draft *d = begin(c);
    uint32_t size = i->size; /* it is not dirty, so that is what audiences know */
    bool sent;

    sent = put_removed(c, i, d, diff->left, &size) && put_joined(c, i, d, diff->joined, &size) &&
           put_joined(c, i, d, diff->updated, &size);
    if (sent && (d->joined_len || d->removed_len))
        sent = send(c, i, d, false, size);
    return sent;
}
