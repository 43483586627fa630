/* SPDX-License-Identifier: MIT */
/*
 * session.h - what a dialect may ask of the session it speaks for.
 *
 * app/ implements it; tests of dialects link a fake. All calls return at once: what needs a topic's
 * home is answered later by the dialect's on_joined(). Answers are sent at the end of the turn, in
 * the order of the calls.
 */
#ifndef DIALECT_SESSION_H
#define DIALECT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/pool.h"
#include "core/settings.h"

enum { SESSION_STATE_MAX = 8 };

struct session;
/* One topic of one session, joined or watched. */
struct subscription;

/* An event that is relayed to a topic's subscribers. */
struct event {
    struct bytes name;
    struct bytes payload; /* JSON text */
};

/* The dialect's private bytes, zeroed at the start. */
void *session_state(struct session *s);

/* Who the client is. */
enum admission {
    ADMIT_OK,
    ADMIT_TOKEN_NEEDED, /* no token, and anonymous visitors are not allowed */
    ADMIT_BAD_TOKEN,
    ADMIT_BAD_VISITOR /* not 1 to 64 of A-Z a-z 0-9 - _ */
};
/* Decides, once per session, who this is: the token's subject, else the visitor, else nobody but
 * this connection. Without a configured key a token proves nothing and is passed over. `*why`, if
 * not NULL, is set to a short constant text unless ADMIT_OK. */
NODISCARD enum admission session_admit(struct session *s, struct bytes token, struct bytes visitor,
                                       const char **why);
/* A random visitor id, for a client that asked for one and will bring it back; zero-terminated. */
enum { VISITOR_TEXT_BYTES = 23 };
void session_make_visitor(struct session *s, char out[VISITOR_TEXT_BYTES]);
/* The key by which others see this session; empty before it was admitted. */
struct bytes session_key(const struct session *s);
/* The meta that the token gives, JSON object text; empty if none. */
struct bytes session_trusted_meta(const struct session *s);

/* What the cluster lacks, as far as this node knows: since `since_ms` other nodes' numbers may be
 * old. 0 if nothing. */
struct outage {
    int64_t since_ms; /* Unix time in milliseconds */
    const char *why;  /* a short text */
};
const struct outage *session_outage(const struct session *s);

/* Limits and settings that a dialect needs. */
const struct topic_settings *session_settings(const struct session *s, struct bytes topic);
struct session_limits {
    uint32_t meta_bytes_max, topic_bytes_max, topics_per_session_max;
    uint32_t idle_timeout_ms;
};
const struct session_limits *session_limits(const struct session *s);

struct join {
    struct bytes topic;
    struct bytes meta; /* JSON object text; empty is `{}` */
    uint8_t format;    /* enum format_id */
    bool counted;      /* false: watch */
    void *data;        /* the dialect's, see subscription_data(); on_left() frees it */
};
enum join_result {
    JOIN_OK,
    JOIN_FORBIDDEN,       /* the token does not open this topic */
    JOIN_BAD_TOPIC,       /* empty, too long, or with control characters */
    JOIN_TOO_MANY,        /* topics_per_session_max */
    JOIN_TOPIC_FULL,      /* presences_max */
    JOIN_TOO_MANY_TOPICS, /* topics_max */
};
/* What the home answered. */
struct joined {
    enum join_result result;
    uint64_t number; /* of the topic on this node, below 2^53; stable while anyone is subscribed */
    uint64_t ref;    /* of the presence, 0 for a watcher */
    uint16_t rev;
    uint32_t node;            /* for ref_put() */
    uint32_t viewers, people; /* live; for lists those of `state` */
    struct blob *state;       /* lists: a finished frame for session_send(), borrowed; else NULL */
};
/* Starts to join or watch. JOIN_OK: on_joined() will be called, unless the subscription ends
 * before. Otherwise nothing has happened, and `data` is still the caller's. */
NODISCARD enum join_result session_join(struct session *s, const struct join *j);
/* A short text for what is not JOIN_OK. */
const char *join_result_text(enum join_result r);
/* The same as one word for programs: "topic_full". */
const char *join_result_code(enum join_result r);

/* Leaves at once; the subscription is gone when this returns. */
void session_leave(struct session *s, struct subscription *sub);
/* Another meta; only for one that is counted and was answered by on_joined(). */
void session_update(struct session *s, struct subscription *sub, struct bytes meta);
/* A part of a list that is too long to be sent whole. */
struct page {
    uint32_t ref; /* of the message that asked */
    uint32_t from, len;
};
/* The answer is sent by the format's page(); only for formats that have one, and after on_joined().
 * False if one is under way already: pages are large, and nobody may ask for hundreds at once. */
NODISCARD bool session_page(struct session *s, struct subscription *sub, const struct page *page);
/* Relays an event to every subscriber of the topic, its sender too. The caller has looked at
 * client_events. */
void session_publish(struct session *s, struct subscription *sub, const struct event *e);

/* The subscriptions of a session, newest first: NULL to begin, NULL at the end. */
struct subscription *session_next(struct session *s, struct subscription *sub);
struct bytes subscription_topic(const struct subscription *sub);
void *subscription_data(const struct subscription *sub);
/* The number of its topic as in `struct joined`; UINT64_MAX before on_joined(). */
uint64_t subscription_number(const struct subscription *sub);
bool subscription_counted(const struct subscription *sub);
/* Its format holds the list. */
bool subscription_lists(const struct subscription *sub);
/* on_joined() was called with JOIN_OK. */
bool subscription_joined(const struct subscription *sub);

/* Sends a text message, or a finished frame (borrowed). */
void session_send_text(struct session *s, struct bytes payload);
void session_send_binary(struct session *s, struct bytes payload);
void session_send(struct session *s, struct blob *frame);
/* Sends a close frame after what was sent before. Presences are held for their grace if
 * `may_return`. */
void session_close(struct session *s, uint16_t code, struct bytes reason, bool may_return);

/* Why the server ends a session. */
enum ending {
    END_STOPPING, /* the server shuts down: come back at once, elsewhere */
    END_EXPIRED,  /* the token's time is over: come back with a new one */
    END_SLOW,     /* it did not read what was relayed to it */
    END_TOO_FAST, /* more messages than messages_per_second */
    END_NO_HELLO  /* it did not say who it is in time */
};

/* `ref` as it looks on the wire: 10 bytes in base64url, unique in the cluster; with `rev` 12 bytes.
 */
struct ref_text {
    char text[17];
    uint8_t len;
};
struct ref_text ref_put(uint32_t node, uint64_t ref);
struct ref_text ref_put_rev(uint32_t node, uint64_t ref, uint16_t rev);
/* The number of a topic as in `struct joined`. */
struct topic;
uint64_t topic_number(const struct topic *t);

#endif
