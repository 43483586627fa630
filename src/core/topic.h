/* SPDX-License-Identifier: MIT */
/*
 * topic.h - who is here, and what changed since audiences were last told.
 *
 * Stages 4 and 5 (docs/architecture.md): message -> TOPIC CHANGE -> NET DIFF.
 *
 * Joining, leaving and updating only mark a presence; topic_diff() works out the net change later.
 * So a tab that reloads within one window is never announced, and a thousand joins in one window
 * become one diff.
 *
 * No I/O, no clock, no wire format. Its home worker owns it.
 */
#ifndef CORE_TOPIC_H
#define CORE_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "core/keys.h"
#include "core/settings.h"

enum { FORMATS_MAX = 16, WORKERS_MAX = 256 };

struct absent;
struct audience_link;
struct interest;
struct share;
struct share_entry;
struct topic;

/* Who a presence belongs to: a subscription of a worker's session. */
struct owner {
    struct id subscription;
    uint16_t worker;
};

/* The metas of a presence, JSON object text; NULL is `{}`. */
struct metas {
    char *now;
    char *told;        /* what audiences know, while `changed` */
    uint16_t told_rev; /* likewise */
    bool changed;      /* an update waits to be told */
};

struct presence {
    struct key *key; /* which knows the topic */
    struct presence *next_change;
    struct metas *metas; /* NULL: `{}`, and always was */
    union {
        struct id subscription; /* its owner's, on `worker`, while its session is connected */
        struct absent *absent;  /* afterwards, if it may come back */
    };
    uint64_t ref;   /* unique in the node, never reused, at most 48 bits */
    uint32_t index; /* in its topic's list */
    uint16_t worker;
    uint16_t rev;  /* goes up with each update */
    uint32_t node; /* whose it is; part of its ref on the wire */
    bool here : 1;
    bool told : 1;   /* audiences know that it is here */
    bool marked : 1; /* in the list of changes */
    bool away : 1;   /* no session owns it; `absent` is valid */
    bool remote : 1; /* of another node's share */
    bool whole : 1;  /* for share.c */
};

/* What the topics of one home share. */
struct tables {
    struct hash_seed seed;
    struct pool topics;
    struct pool presences;
    struct keys keys;
    struct absent *absents; /* by topic and person (grace.h) */
    uint64_t refs;          /* handed out so far */
    uint32_t absents_len;
    uint16_t home;      /* this home's number, part of each ref */
    uint32_t node;      /* random per process, part of each ref on the wire */
    struct wheel wheel; /* graces, 1 ms a tick */
};

/* The net change since the last topic_settle(). Each list is linked by `next_change`, oldest first.
 */
struct diff {
    struct presence *joined, *left, *updated;
};

struct topic {
    struct bytes name; /* owned */
    const struct topic_settings *settings;
    uint32_t viewers, people;           /* here now, told or not */
    uint32_t told_viewers, told_people; /* at the last announcement */
    uint32_t seq;                       /* goes up when viewers or people change; never 0 */

    /* private: */
    UT_hash_handle hh; /* in hub.topics, by name */
    struct tables *tables;
    struct presence **list; /* every presence, leaving ones too */
    uint32_t list_len, list_cap;
    uint32_t remote_len; /* of them, those of other nodes */
    struct share *shares;
    bool brief;               /* list subscribers were told numbers only: the list is too long */
    bool dropped;             /* a share went since the last topic_settle() */
    struct presence *changes; /* newest first, each once */
    struct diff diff;
    bool telling; /* between topic_diff() and topic_settle() */

    /* For hub.c. */
    struct audience_link *audiences;
    uint32_t audiences_len;
    uint32_t audience;                     /* subscribers in all of them */
    uint32_t visits;                       /* of hub_visit() */
    uint32_t late;                         /* were told a live number since the last announcement */
    uint32_t subscribers[FORMATS_MAX];     /* by format */
    struct blob *state_cache[FORMATS_MAX]; /* as of the last announcement */
    struct wheel_timer rest;               /* set while a change waits for the window's end */
    uint64_t rest_until_ms;                /* the window's end */
    struct topic *next_due, *next_idle;
    bool due;
    bool kept;                 /* not freed when nobody is left, but given to hub_idle() */
    bool idle;                 /* waits there */
    struct interest *interest; /* of cluster/, which sets it and `kept` */
};

enum topic_result { TOPIC_OK, TOPIC_FULL };

/* `name` is copied. `settings` outlives the topic. */
void topic_init(struct topic *t, struct tables *tables, struct bytes name,
                const struct topic_settings *settings);
/* The topic must have no presence. */
void topic_release(struct topic *t);

/* Someone is here: `key`, at most 1024 bytes, and `meta` are copied; `meta` is JSON object text or
 * empty. The presence has no owner yet. TOPIC_FULL, with nothing changed, if the topic is at
 * settings->presences_max, to which those count that left and are not freed yet. */
NODISCARD enum topic_result topic_join(struct topic *t, struct bytes key, struct bytes meta,
                                       struct presence **joined);
/* A presence is gone. It is freed by a later topic_diff() or topic_settle(), not now. */
void topic_leave(struct presence *p);
/* A presence that left, but is still in memory, is here again as if it had not left. */
void topic_return(struct presence *p);
/* Another meta, copied. False if it was the same, and nothing changed. */
bool topic_update(struct presence *p, struct bytes meta);

/* The same for a presence of another node (share.h), which no limit refuses: its own node has
 * admitted it. */
struct presence *topic_join_remote(struct topic *t, uint32_t node, const struct share_entry *e);
void topic_update_remote(struct presence *p, const struct share_entry *e);

/* The net change since the last topic_settle(), or NULL if there is none. Encode it, then settle
 * before the next join, leave or update. */
const struct diff *topic_diff(struct topic *t);
void topic_settle(struct topic *t);

/* Whether the numbers are other than those of the last announcement. */
static inline bool topic_counts_changed(const struct topic *t)
{
    return t->viewers != t->told_viewers || t->people != t->told_people;
}

/* What audiences know of a presence, which may have been updated since. */
struct bytes presence_told_meta(const struct presence *p);
uint16_t presence_told_rev(const struct presence *p);
/* Its meta now; `{}` if it has none. */
struct bytes presence_meta(const struct presence *p);

/* An update of it waits to be told. */
static inline bool presence_changed(const struct presence *p)
{
    return p->metas && p->metas->changed;
}

static inline struct topic *presence_topic(const struct presence *p)
{
    return p->key->topic;
}

static inline struct bytes presence_key(const struct presence *p)
{
    return bytes_of(p->key->text, p->key->len);
}

#endif
