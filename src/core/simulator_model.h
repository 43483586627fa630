/* SPDX-License-Identifier: MIT */
/*
 * simulator_model.h - what is true of one topic, worked out naively. For simulator_test.c only.
 *
 * It knows who is here or held, who left since the last announcement, and what was told. It counts
 * by walking over all of them, and has no table, wheel or mark that could be wrong. A function that
 * finds the core at fault returns a text that says so, otherwise NULL.
 */
#ifndef CORE_SIMULATOR_MODEL_H
#define CORE_SIMULATOR_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"

enum { ROWS_MAX = 40, TEXT_MAX = 16 };

/* One presence as a subscriber sees it. */
struct row {
    uint64_t ref;
    uint16_t rev, rev_before; /* `rev_before` in updates only */
    char key[TEXT_MAX], meta[TEXT_MAX];
};

struct rows {
    unsigned len;
    struct row row[ROWS_MAX];
};

enum stay { STAY_HERE, STAY_HELD, STAY_LEFT };

struct entry {
    struct row row;
    char person[TEXT_MAX]; /* empty: its return cannot be known */
    enum stay stay;
    uint64_t until_ms; /* of a held one */
};

struct model {
    unsigned len;
    struct entry entries[ROWS_MAX];
    struct rows told;
    bool had[ROWS_MAX + 1][ROWS_MAX + 1]; /* viewers and people that the topic had at some time */
    uint64_t changed_ms;
    uint64_t ref_max;
    struct id topic;        /* as long as it lasts */
    uint64_t rest_until_ms; /* of that topic */
    uint32_t presences_max, grace_ms;
};

static inline struct row *rows_find(struct rows *rows, uint64_t ref)
{
    for (unsigned i = 0; i < rows->len; i++)
        if (rows->row[i].ref == ref)
            return &rows->row[i];
    return NULL;
}

static inline void rows_add(struct rows *rows, const struct row *row)
{
    assert(rows->len < ROWS_MAX);
    rows->row[rows->len++] = *row;
}

static inline void rows_remove(struct rows *rows, struct row *row)
{
    *row = rows->row[--rows->len];
}

/* The same presences with the same keys and metas, in any order. */
static inline bool rows_same(struct rows *a, struct rows *b)
{
    if (a->len != b->len)
        return false;
    for (unsigned i = 0; i < a->len; i++) {
        struct row *r = &a->row[i], *other = rows_find(b, r->ref);
        if (!other || strcmp(r->key, other->key) != 0 || strcmp(r->meta, other->meta) != 0)
            return false;
    }
    return true;
}

static inline void rows_counts(const struct rows *rows, uint32_t *viewers, uint32_t *people)
{
    *viewers = rows->len;
    *people = 0;
    for (unsigned i = 0; i < rows->len; i++) {
        unsigned first = 0;
        while (strcmp(rows->row[first].key, rows->row[i].key) != 0)
            first++;
        *people += first == i;
    }
}

static inline struct rows model_here(const struct model *m)
{
    struct rows rows = {0};

    for (unsigned i = 0; i < m->len; i++)
        if (m->entries[i].stay != STAY_LEFT)
            rows_add(&rows, &m->entries[i].row);
    return rows;
}

static inline void model_counts(const struct model *m, uint32_t *viewers, uint32_t *people)
{
    struct rows here = model_here(m);

    rows_counts(&here, viewers, people);
}

static inline void model_changed(struct model *m, uint64_t now_ms)
{
    uint32_t viewers, people;

    model_counts(m, &viewers, &people);
    m->had[viewers][people] = true;
    m->changed_ms = now_ms;
}

static inline struct entry *model_find(struct model *m, uint64_t ref)
{
    for (unsigned i = 0; i < m->len; i++)
        if (m->entries[i].row.ref == ref)
            return &m->entries[i];
    return NULL;
}

/* Whether an absent presence of this person stays in this way. */
static inline bool model_has_absent(const struct model *m, const char *person, enum stay stay)
{
    for (unsigned i = 0; i < m->len; i++)
        if (person[0] && m->entries[i].stay == stay && strcmp(m->entries[i].person, person) == 0)
            return true;
    return false;
}

static inline bool model_refuses(const struct model *m, const char *person)
{
    return m->len >= m->presences_max && !model_has_absent(m, person, STAY_HELD) &&
           !model_has_absent(m, person, STAY_LEFT);
}

/* The core says that this person's presence is `row->ref`. `person` is empty if it cannot be known
 * again. */
static inline const char *model_join(struct model *m, uint64_t now_ms, const char *person,
                                     const struct row *row)
{
    bool held = model_has_absent(m, person, STAY_HELD);
    bool left = model_has_absent(m, person, STAY_LEFT);
    struct entry *e = model_find(m, row->ref);

    if (held || left) {
        if (!e || strcmp(e->person, person) != 0 || e->stay != (held ? STAY_HELD : STAY_LEFT))
            return "a rejoin did not take the place of the absent presence";
    } else {
        if (e || row->ref <= m->ref_max)
            return "a new presence has an old ref";
        if (m->len >= m->presences_max)
            return "a full topic took one more";
        m->ref_max = row->ref;
        e = &m->entries[m->len++];
    }
    *e = (struct entry){.row = *row, .stay = STAY_HERE};
    model_changed(m, now_ms);
    return NULL;
}

static inline void model_leave(struct model *m, uint64_t now_ms, struct entry *e,
                               const char *person, bool broken)
{
    bool held = broken && person[0] && m->grace_ms > 0;

    e->stay = held ? STAY_HELD : STAY_LEFT;
    e->until_ms = now_ms + m->grace_ms;
    memcpy(e->person, person, strlen(person) + 1);
    if (!held)
        model_changed(m, now_ms);
}

static inline void model_expire(struct model *m, uint64_t now_ms)
{
    for (unsigned i = 0; i < m->len; i++) {
        struct entry *e = &m->entries[i];
        if (e->stay == STAY_HELD && e->until_ms <= now_ms) {
            e->stay = STAY_LEFT;
            e->person[0] = '\0';
            model_changed(m, now_ms);
        }
    }
}

/* Whether what is true is other than what was told. */
static inline bool model_has_news(struct model *m)
{
    struct rows here = model_here(m);

    return !rows_same(&here, &m->told);
}

/* The core announces this diff. */
static inline const char *model_announce(struct model *m, const struct rows *joined,
                                         const struct rows *left, const struct rows *updated)
{
    struct rows here = model_here(m), told = m->told;

    for (unsigned i = 0; i < joined->len; i++) {
        if (rows_find(&told, joined->row[i].ref))
            return "a join was told twice";
        rows_add(&told, &joined->row[i]);
    }
    for (unsigned i = 0; i < left->len; i++) {
        struct row *row = rows_find(&told, left->row[i].ref);
        if (!row || !rows_find(&m->told, row->ref) || strcmp(row->meta, left->row[i].meta) != 0)
            return "a leave of somebody who was not told, or with another meta";
        rows_remove(&told, row);
    }
    for (unsigned i = 0; i < updated->len; i++) {
        struct row *row = rows_find(&told, updated->row[i].ref);
        if (!row || !rows_find(&m->told, row->ref) || strcmp(row->meta, updated->row[i].meta) == 0)
            return "an update of nobody, or of nothing";
        *row = updated->row[i];
    }
    if (!rows_same(&told, &here))
        return "the diff does not lead from what was told to what is true";
    m->told = told;
    for (unsigned i = m->len; i-- > 0;)
        if (m->entries[i].stay == STAY_LEFT)
            m->entries[i] = m->entries[--m->len];
    return NULL;
}

#endif
