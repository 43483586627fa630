/* SPDX-License-Identifier: MIT */
/*
 * session.h - one client connection, from its first byte to its last.
 *
 * A session begins with HTTP requests (http.h) and may become a WebSocket that a dialect speaks
 * for. It belongs to one worker; other workers name it by id. Its memory goes in the loop's closed
 * callback, never in the middle of a turn.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "app/audience.h"
#include "app/patterns.h"
#include "app/worker.h"
#include "base/wheel.h"
#include "dialect/dialect.h"
#include "net/conn.h"
#include "wire/http1.h"
#include "wire/ws.h"

enum session_phase {
    SESSION_HTTP,    /* reads requests */
    SESSION_WAITING, /* a request waits for an answer from a topic's home; nothing is read */
    SESSION_WEBSOCKET,
    SESSION_CLOSING, /* our close frame is sent, the peer's is awaited */
    SESSION_OVER     /* the connection is ending */
};

/* Who a session is, once admitted. */
struct person {
    uint64_t end_ms;         /* when the token ends, on the loop's clock; UINT64_MAX: never */
    struct patterns *topics; /* that the token opens; NULL: all */
    char *meta;              /* that the token gives, JSON object text, or NULL */
    bool lasting;            /* a token or a visitor id names it, so it can be known again */
    uint16_t key_len;
    char key[]; /* as others see it */
};

struct session {
    struct conn conn; /* the first member: the loop gives this back */
    struct worker *worker;
    const struct dialect *dialect;  /* NULL before the upgrade */
    union {                         /* what arrived in part; NULL in between */
        struct http1 *http;         /* SESSION_HTTP: a request */
        struct buf *stash;          /* SESSION_WAITING: bytes behind the request that waits */
        struct ws_decoder *decoder; /* SESSION_WEBSOCKET and _CLOSING: a frame or message */
    };
    struct subscription *subs;
    struct person *person; /* NULL until admitted */
    struct wheel_timer timer;
    uint32_t heard_ms;  /* the last sign of life, or when the phase began; low bits of the clock */
    uint32_t credit_ms; /* when the message credit was last filled up; likewise */
    uint32_t credit;    /* messages it may send now */
    uint8_t phase;
    bool asked : 1;      /* whether it lives, since heard_ms */
    bool slow : 1;       /* passed queue_bytes_max; ends with its timer */
    bool keep_alive : 1; /* of the request that waits */
    bool head_only : 1;
    _Alignas(8) unsigned char state[SESSION_STATE_MAX]; /* the dialect's */
};

extern const struct conn_handler session_handler;

/* Accepts: the listener's callback. */
void session_accept(struct loop *l, int fd);

/* The request was answered with 101: from now on a dialect speaks. Bytes behind the request follow.
 */
void session_upgrade(struct session *s, const struct dialect *d);
/* Goes on with the requests after one that had to wait. */
void session_resume(struct session *s);
/* The timer that `s` needs in its phase, anew. */
void session_schedule(struct session *s);
/* The session's timer has come. */
void session_timer(struct session *s);
/* The server ends the session: dialects say goodbye, others are closed. */
void session_end(struct session *s, enum ending why);
/* Closes at once, for deadlines. */
void session_abort(struct session *s);

/* Ends all subscriptions; `broken`: hold their presences for their grace. */
void session_drop_all(struct session *s, bool broken);
/* Asks the home for the newest state, after the subscriber missed something. */
void subscription_refresh(struct subscription *sub);
/* Frees those that ended before they were answered; at the worker's end. */
void subscriptions_release(struct worker *w);
/* The home's answer to session_page(). */
void subscription_page(struct worker *w, const struct letter *l);
/* The home's answer to a join; takes what it needs from the letter. */
void session_joined(struct worker *w, struct letter *l);
/* Frees who it is. */
void session_forget(struct session *s);
/* Frees what arrived in part. The phase is still the one in which it came. */
void session_release_input(struct session *s);

#endif
