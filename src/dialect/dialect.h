/* SPDX-License-Identifier: MIT */
/*
 * dialect.h - the seam for client protocols.
 *
 * Stages 3 and 6 (docs/architecture.md): FRAME -> MESSAGE on the way in, DIFF OR COUNT -> BLOB on
 * the way out.
 *
 * A dialect is one const struct. Its hooks run in the worker that owns the session; they may call
 * what session.h offers and nothing else. Its formats are pure encoders that run at a topic's home,
 * once per topic and announcement, for every subscriber of the node. README.md in this folder tells
 * how to add one.
 */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/topic.h"
#include "dialect/session.h"
#include "wire/http1.h"

/* How announcements look to those subscribers that chose this format. Each encoder appends the
 * payload of one text message; `t` and `d` are borrowed. */
struct format {
    const char *name; /* for metrics: "phoenix2_list" */
    bool lists; /* subscribers hold the list: they get state and diffs; else they get counts */
    /* The numbers now. `fewer`: they fell since the last announcement. Not for `lists`. */
    void (*count)(struct buf *out, const struct topic *t, bool fewer);
    /* Everyone who was here at the last announcement. Only for `lists`. */
    void (*state)(struct buf *out, const struct topic *t);
    void (*diff)(struct buf *out, const struct topic *t, const struct diff *d);
    /* Instead of state and diff while the topic has more than list_max presences: the numbers of
     * the last announcement. Only for `lists`. */
    void (*brief)(struct buf *out, const struct topic *t);
    /* A part of the list, asked for. NULL: it cannot be asked for. */
    void (*page)(struct buf *out, const struct topic *t, const struct page *page);
    /* A relayed event; `payload` is JSON text. NULL: this format does not carry events. */
    void (*event)(struct buf *out, const struct topic *t, const struct event *e);
};

/* Every format has a number, which is its index in `formats`. */
enum format_id {
    FORMAT_ROOMS,
    FORMAT_NATIVE_COUNT,
    FORMAT_NATIVE_LIST,
    FORMAT_PHOENIX2_COUNT,
    FORMAT_PHOENIX2_LIST,
    FORMAT_PHOENIX1_COUNT,
    FORMAT_PHOENIX1_LIST,
    FORMATS_LEN
};
extern const struct format *const formats[FORMATS_LEN];

/* A request for a WebSocket, before it is answered. */
struct opening {
    const struct http_request *request;
    struct bytes topic;      /* rooms: of the route that matched */
    struct bytes parameters; /* rooms: the route's, as members of a JSON object: `"post_id":42` */
};

/* How to answer it. Zeroed: upgrade without a subprotocol. */
struct answer {
    int status;           /* refuse with this HTTP status; 0: upgrade */
    const char *text;     /* of a refusal's body, a line without its newline */
    const char *protocol; /* the subprotocol chosen, or NULL */
};

/* How the server knows, after half of idle_timeout without a sign, that a client is still there.
 * Browsers answer protocol pings even for frozen pages, so a dialect that can do better does. */
enum liveness {
    LIVENESS_PING,     /* protocol pings; any frame is a sign */
    LIVENESS_ASK,      /* on_ask(); only messages are a sign */
    LIVENESS_HEARTBEAT /* clients send messages or pings by themselves; nothing is asked */
};

struct dialect {
    const char *name; /* in logs and metrics: "phoenix" */
    size_t
        state_size; /* private bytes per session, zeroed at the start; at most SESSION_STATE_MAX */
    enum liveness liveness;
    /* A close frame without a code is a page that went away, which may come back, not one that
     * left. */
    bool bare_close_is_away;
    /* Sent by a client that goes away and may come back, as 1001; 0 for none. */
    uint16_t away_code;

    /* Looks at the request and decides; admits the person with session_admit() where the token
     * comes with it. */
    void (*on_request)(struct session *s, const struct opening *o, struct answer *a);
    /* The WebSocket is open. May be NULL. */
    void (*on_open)(struct session *s);
    /* A whole message came; `msg` is borrowed, text is valid UTF-8. */
    void (*on_message)(struct session *s, struct bytes msg, bool binary);
    /* The home answered session_join(). Unless JOIN_OK the subscription is gone when this returns.
     */
    void (*on_joined)(struct session *s, struct subscription *sub, const struct joined *j);
    /* The subscription ends, for whatever reason: free its data. May be NULL. */
    void (*on_left)(struct session *s, struct subscription *sub);
    /* Nothing came for half of idle_timeout. Only with LIVENESS_ASK. */
    void (*on_ask)(struct session *s);
    /* Ends the session: say why in the dialect's way and call session_close(). */
    void (*on_end)(struct session *s, enum ending why);
    /* session_outage() began or ended. May be NULL. */
    void (*on_outage)(struct session *s);
    /* Frees what the private state holds. May be NULL. */
    void (*on_release)(struct session *s);
};

extern const struct dialect rooms_dialect, native_dialect, phoenix_dialect;

#endif
