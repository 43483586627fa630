/* SPDX-License-Identifier: MIT */
/*
 * hub.h - the topics of one home: who subscribes, when each may announce, when each ends.
 *
 * A topic with changes announces at the end of the turn; then it rests for its window, audience /
 * announce_rate and at most announce_max, and changes wait (docs/concepts.md, promise 2). An
 * audience is the subscribers of one worker; the hub only counts them by format, and says to which
 * audiences an announcement goes.
 *
 * No I/O, no clock: `now_ms` is an argument. One worker owns a hub.
 */
#ifndef CORE_HUB_H
#define CORE_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "core/topic.h"

/* The subscribers of one topic on one worker, as the topic's home sees them. */
struct audience_link {
    struct id audience; /* the worker's own id for it */
    uint32_t subscribers[FORMATS_MAX];
    uint32_t total;
    uint16_t worker;
};

struct hub {
    struct tables tables;
    struct topic *topics; /* by name */
    struct topic *due, **due_end;
    struct topic *idle; /* kept ones that nobody needs */
    uint32_t topics_max;
    uint32_t topics_len;
    struct wheel rests; /* the ends of windows in which something changed, 1 ms a tick */
    uint64_t now_ms;    /* of the last call that gave it */
};

/* A new subscription, counted or only watching. */
struct hub_join {
    struct bytes topic;
    uint64_t hash;                         /* of the topic's name, with the node's seed */
    const struct topic_settings *settings; /* of a topic of this name; outlives the hub */
    struct bytes person;                   /* the key, unless the settings fix another */
    struct bytes meta;
    struct owner owner;
    struct id audience;
    uint8_t format;
    bool counted;
    bool lasting; /* the person can be known again: a token or a visitor id names it */
    bool live; /* the subscriber is told the live numbers now, not those of the last announcement */
};

enum hub_result { HUB_OK, HUB_TOPIC_FULL, HUB_TOO_MANY_TOPICS };

struct hub_joined {
    struct id topic;
    struct id presence; /* none for a watcher */
    uint64_t ref;
    uint16_t rev;
    uint32_t viewers, people, seq; /* live */
};

/* The end of a subscription. */
struct hub_leave {
    struct id topic;
    struct id presence; /* none for a watcher */
    struct id audience;
    struct bytes person; /* empty if it cannot be known again */
    uint16_t worker;
    uint8_t format;
    bool broken; /* the connection went away without leaving: hold the presence for its grace */
};

/* `seed` is the node's; `node` and `home` become part of each ref. */
void hub_init(struct hub *h, struct hash_seed seed, uint32_t node, uint16_t home);
/* Frees everything, also topics with people in them. */
void hub_release(struct hub *h);

/* A refused join changes nothing, and `out` is not set. Presences that left and were not announced
 * yet are part of settings->presences_max. */
NODISCARD enum hub_result hub_join(struct hub *h, const struct hub_join *in,
                                   struct hub_joined *out);
/* Once for each hub_join() that was not refused. A stale topic or presence is harmless. */
void hub_leave(struct hub *h, uint64_t now_ms, const struct hub_leave *in);
/* A new meta. The id of a presence that is gone or held is harmless. */
void hub_update(struct hub *h, struct id presence, struct bytes meta);

/* Something about the topic changed from outside: it announces, now or when its rest is over. */
void hub_changed(struct hub *h, struct topic *t);

/* Ends the graces and windows that are over by `now_ms`. */
void hub_expire(struct hub *h, uint64_t now_ms);
/* A topic that may have something to tell now, or NULL. Call topic_diff(), tell its audiences if
 * there is a diff, if topic_counts_changed() or if some are `late`, then call hub_announced(). */
struct topic *hub_due(struct hub *h);
/* A topic with `kept` set that nobody of this node is in or subscribed to any more, or NULL. Clear
 * `kept` and drop its shares, then call hub_end(). */
struct topic *hub_idle(struct hub *h);
/* Frees such a topic, unless somebody has come meanwhile. */
void hub_end(struct hub *h, struct topic *t);
/* Everything was told: settles the topic, starts its window, and frees it if nobody is left. */
void hub_announced(struct hub *h, struct topic *t, uint64_t now_ms);
/* When hub_expire() should be called next; UINT64_MAX for never. */
uint64_t hub_next_ms(struct hub *h);

/* Someone asks for the topic's numbers: it is made if there is none, and kept until
 * hub_visited(). NULL if there are too many. */
struct topic *hub_visit(struct hub *h, struct bytes name, uint64_t hash,
                        const struct topic_settings *settings);
void hub_visited(struct hub *h, struct topic *t);

/* The topic named so, or NULL. */
struct topic *hub_find(struct hub *h, struct bytes name, uint64_t hash);
/* The topic of this id, or NULL. */
struct topic *hub_topic(struct hub *h, struct id id);

/* The window that a topic takes after an announcement, in ms: ceil(audience / rate), at most the
 * maximum. */
uint32_t hub_window_ms(const struct topic_settings *s, uint32_t audience);

#endif
