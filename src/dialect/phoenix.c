/* SPDX-License-Identifier: MIT */
/*
 * phoenix.c - Phoenix Channels with Presence, for stock `phoenix` clients.
 *
 * Stage 3 (docs/architecture.md); the rules and their sources are in docs/protocol/phoenix.md, what
 * we add in docs/protocol/phoenix.md. A channel is a subscription: a join counts its client, unless
 * the payload says `"track": false`; it gets presence_state and diffs, or with `"presence":
 * "count"` events of numbers.
 *
 * The client sends heartbeats, so the server asks nothing: whoever is silent for idle_timeout is
 * gone, as in Phoenix.
 */
#include <jansson.h>

#include "base/heap.h"
#include "dialect/dialect.h"
#include "dialect/formats.h"
#include "dialect/phoenix_wire.h"
#include "dialect/presences.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum { TOKEN_MAX = 16384, PARAMETER_MAX = 256 };

struct phoenix {
    uint8_t version;
};

/* A channel's references, JSON text. */
struct channel {
    char *join_ref;
    char *ref;      /* of the join, until it is answered */
    char *replaces; /* the join_ref of the channel that a duplicate join ended, until that is told;
                       or NULL */
};

static int version_of(struct session *s)
{
    const struct phoenix *state = session_state(s);
    return state->version;
}

/* Sends. */

static void send_payload(struct session *s, const struct phoenix_head *head, struct bytes payload)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    phoenix_begin(&out, version_of(s), head);
    buf_put(&out, payload);
    phoenix_finish(&out, version_of(s));
    session_send_text(s, buf_bytes(&out));
    buf_release(&out);
}

static void send_reply(struct session *s, struct phoenix_head head, const char *status,
                       struct bytes response)
{
    struct buf payload;

    head.event = B("phx_reply");
    buf_init(&payload, BUF_UNBOUNDED);
    buf_put(&payload, B("{\"response\":"));
    buf_put(&payload, response);
    buf_printf(&payload, ",\"status\":\"%s\"}", status);
    send_payload(s, &head, buf_bytes(&payload));
    buf_release(&payload);
}

static void reply_ok(struct session *s, struct phoenix_head head)
{
    send_reply(s, head, "ok", B("{}"));
}

static void reply_error(struct session *s, struct phoenix_head head, const char *reason)
{
    struct buf response;

    buf_init(&response, BUF_UNBOUNDED);
    buf_put(&response, B("{\"reason\":"));
    buf_put_json(&response, bytes_str(reason));
    buf_put_char(&response, '}');
    send_reply(s, head, "error", buf_bytes(&response));
    buf_release(&response);
}

/* phx_close and its like carry the join_ref in both places. */
static void send_close(struct session *s, struct bytes topic, struct bytes join_ref)
{
    struct phoenix_head head = {
        .join_ref = join_ref, .ref = join_ref, .topic = topic, .event = B("phx_close")};

    send_payload(s, &head, B("{}"));
}

/* The request. */

static bool version_known(struct bytes vsn, uint8_t *version)
{
    size_t dots = 0, digits = 0;

    *version = PHOENIX_V1;
    if (vsn.len == 0)
        return true;
    for (size_t i = 0; i < vsn.len; i++) {
        if (vsn.ptr[i] == '.') {
            dots++;
            digits = 0;
        } else if (vsn.ptr[i] < '0' || vsn.ptr[i] > '9') {
            return false;
        } else {
            digits++;
        }
    }
    *version = bytes_starts(vsn, B("2.0.")) ? PHOENIX_V2 : PHOENIX_V1;
    return dots == 2 && digits > 0 && (*version == PHOENIX_V2 || bytes_starts(vsn, B("1.0.")));
}

/* `phoenix` is answered whenever it is offered; the client's authToken may stand beside it. False
 * if that cannot be decoded. */
static bool take_protocols(const struct http_request *r, struct answer *a, struct buf *token)
{
    struct http_tokens walk = {.request = r, .name = B("Sec-WebSocket-Protocol")};
    const struct bytes bearer = B("base64url.bearer.phx.");
    struct bytes protocol;

    while (http_token_next(&walk, &protocol)) {
        if (bytes_equal(protocol, B("phoenix")))
            a->protocol = "phoenix";
        else if (bytes_starts(protocol, bearer) &&
                 !base64_decode(bytes_skip(protocol, bearer.len), token))
            return false;
    }
    return true;
}

static bool admit(struct session *s, const struct http_request *r, struct answer *a)
{
    struct phoenix *state = session_state(s);
    struct buf token, visitor, vsn;

    buf_init(&token, TOKEN_MAX);
    buf_init(&visitor, PARAMETER_MAX);
    buf_init(&vsn, PARAMETER_MAX);
    enum query_result asked = query_get(r->query, B("vsn"), &vsn);
    bool good = asked == QUERY_ABSENT || (asked == QUERY_OK && vsn.len > 0);
    good = good && version_known(buf_bytes(&vsn), &state->version) && take_protocols(r, a, &token);
    if (good && token.len == 0)
        good = query_get(r->query, B("token"), &token) != QUERY_BAD;
    good = good && query_get(r->query, B("visitor"), &visitor) != QUERY_BAD;
    good = good && session_admit(s, buf_bytes(&token), buf_bytes(&visitor), NULL) == ADMIT_OK;
    buf_release(&token);
    buf_release(&visitor);
    buf_release(&vsn);
    return good;
}

static void on_request(struct session *s, const struct opening *o, struct answer *a)
{
    if (admit(s, o->request, a))
        return;
    a->status = 403;
    a->text = "refused: the version is not 1.0.x or 2.0.x, or the token is not valid";
}

/* Channels. */

static struct subscription *find_channel(struct session *s, struct bytes topic)
{
    struct subscription *sub = NULL;

    while ((sub = session_next(s, sub)))
        if (bytes_equal(subscription_topic(sub), topic))
            return sub;
    return NULL;
}

static void channel_free(struct channel *c)
{
    heap_free(c->join_ref);
    heap_free(c->ref);
    heap_free(c->replaces);
    heap_free(c);
}

static void on_left(struct session *s, struct subscription *sub)
{
    (void)s;
    channel_free(subscription_data(sub));
}

static uint8_t choose_format(struct session *s, const struct phoenix_message *m)
{
    const char *presence = json_string_value(json_object_get(m->payload, "presence"));
    bool count = (presence && strcmp(presence, "count") == 0) ||
                 session_settings(s, m->topic)->presence == PRESENCE_COUNT;

    if (version_of(s) == PHOENIX_V2)
        return count ? FORMAT_PHOENIX2_COUNT : FORMAT_PHOENIX2_LIST;
    return count ? FORMAT_PHOENIX1_COUNT : FORMAT_PHOENIX1_LIST;
}

static const char *reason_of(enum join_result r)
{
    if (r == JOIN_BAD_TOPIC)
        return "unmatched topic";
    if (r == JOIN_TOO_MANY)
        return "too many channels joined";
    return r == JOIN_FORBIDDEN ? "unauthorized" : join_result_text(r);
}

/* A duplicate join ends the channel that runs; the new one's answer goes first, then the old one's
 * phx_close. */
static void replace(struct session *s, const struct phoenix_message *m, struct channel *c)
{
    struct subscription *old = find_channel(s, m->topic);

    if (!old)
        return;
    const struct channel *running = subscription_data(old);
    struct bytes ended = bytes_str(running->join_ref);
    /* A close with the reference of the new channel, or with none, would close that one. */
    if (!bytes_equal(ended, m->join_ref) && !bytes_equal(ended, B("null")))
        c->replaces = bytes_copy(ended);
    session_leave(s, old);
}

/* Tells the end of the channel that `c` replaced; behind the answer to the join, also to one that
 * was refused. */
static void close_replaced(struct session *s, struct bytes topic, struct channel *c)
{
    if (c->replaces)
        send_close(s, topic, bytes_str(c->replaces));
    heap_free(c->replaces);
    c->replaces = NULL;
}

static void join(struct session *s, const struct phoenix_message *m)
{
    struct phoenix_head head = {.join_ref = m->join_ref, .ref = m->ref, .topic = m->topic};
    json_t *meta = json_object_get(m->payload, "meta");
    struct buf text;

    if (meta && !json_is_object(meta)) {
        reply_error(s, head, "\"meta\" must be an object");
        return;
    }
    buf_init(&text, BUF_UNBOUNDED);
    if (!meta_compose(meta, session_trusted_meta(s), session_limits(s)->meta_bytes_max, &text)) {
        reply_error(s, head, "the meta is larger than meta_bytes_max");
        return;
    }
    struct channel *c = heap_zalloc(1, sizeof(*c));
    c->join_ref = bytes_copy(m->join_ref);
    c->ref = bytes_copy(m->ref);
    replace(s, m, c);
    struct join j = {
        .topic = m->topic,
        .meta = buf_bytes(&text),
        .format = choose_format(s, m),
        .counted = !json_is_false(json_object_get(m->payload, "track")),
        .data = c,
    };
    enum join_result result = session_join(s, &j);
    if (result != JOIN_OK) {
        if (result == JOIN_BAD_TOPIC)
            head.join_ref = B("null");
        reply_error(s, head, reason_of(result));
        close_replaced(s, m->topic, c);
        channel_free(c);
    }
    buf_release(&text);
}

static void send_count(struct session *s, const struct phoenix_head *head, const struct joined *j)
{
    struct buf payload;

    buf_init(&payload, BUF_UNBOUNDED);
    buf_printf(&payload, "{\"viewers\":%u,\"people\":%u}", j->viewers, j->people);
    send_payload(s, head, buf_bytes(&payload));
    buf_release(&payload);
}

static void on_joined(struct session *s, struct subscription *sub, const struct joined *j)
{
    struct channel *c = subscription_data(sub);
    struct phoenix_head head = {
        .join_ref = bytes_str(c->join_ref),
        .ref = bytes_str(c->ref),
        .topic = subscription_topic(sub),
    };

    if (j->result != JOIN_OK) {
        reply_error(s, head, reason_of(j->result));
        close_replaced(s, head.topic, c);
        return;
    }
    reply_ok(s, head);
    close_replaced(s, head.topic, c);
    heap_free(c->ref);
    c->ref = NULL;
    if (j->state) {
        session_send(s, j->state);
        return;
    }
    head.ref = B("null");
    head.event = B("count");
    send_count(s, &head, j);
}

static void leave(struct session *s, struct subscription *sub, const struct phoenix_message *m)
{
    const struct channel *c = subscription_data(sub);
    char *join_ref = bytes_copy(bytes_str(c->join_ref));
    struct phoenix_head head = {.join_ref = bytes_str(join_ref), .ref = m->ref, .topic = m->topic};

    session_leave(s, sub);
    reply_ok(s, head);
    send_close(s, m->topic, bytes_str(join_ref));
    heap_free(join_ref);
}

/* push("update", {meta}) */
static void update(struct session *s, struct subscription *sub, const struct phoenix_message *m)
{
    const struct channel *c = subscription_data(sub);
    struct phoenix_head head = {
        .join_ref = bytes_str(c->join_ref), .ref = m->ref, .topic = m->topic};
    json_t *meta = json_object_get(m->payload, "meta");
    struct buf text;

    if (!json_is_object(meta) || !subscription_joined(sub) || !subscription_counted(sub)) {
        reply_error(s, head,
                    json_is_object(meta) ? "this channel is not tracked"
                                         : "expected {\"meta\": object}");
        return;
    }
    buf_init(&text, BUF_UNBOUNDED);
    if (meta_compose(meta, session_trusted_meta(s), session_limits(s)->meta_bytes_max, &text)) {
        session_update(s, sub, buf_bytes(&text));
        reply_ok(s, head);
    } else {
        reply_error(s, head, "the meta is larger than meta_bytes_max");
    }
    buf_release(&text);
}

/* Any other event goes to everybody in the topic, if the topic's pattern allows it. */
static void relay(struct session *s, struct subscription *sub, const struct phoenix_message *m)
{
    const struct channel *c = subscription_data(sub);
    struct phoenix_head head = {
        .join_ref = bytes_str(c->join_ref), .ref = m->ref, .topic = m->topic};

    if (!subscription_joined(sub)) {
        reply_error(s, head, "the join is not answered yet");
        return;
    }
    if (!m->payload) {
        reply_error(s, head, "binary payloads are not relayed");
        return;
    }
    if (event_name_reserved(m->event)) {
        reply_error(s, head, "this event's name is reserved");
        return;
    }
    if (!session_settings(s, m->topic)->client_events) {
        reply_error(s, head, "clients may not send events to this topic");
        return;
    }
    char *payload = json_dumps(m->payload, JSON_COMPACT | JSON_ENCODE_ANY);
    struct event e = {.name = m->event, .payload = bytes_str(payload)};
    session_publish(s, sub, &e);
    free(payload);
    reply_ok(s, head);
}

static void to_channel(struct session *s, struct subscription *sub, const struct phoenix_message *m)
{
    const struct channel *c = subscription_data(sub);

    /* A message of a channel that is no more: ignored, as Phoenix does. */
    if (!bytes_equal(m->join_ref, B("null")) && !bytes_equal(m->join_ref, bytes_str(c->join_ref)))
        return;
    if (bytes_equal(m->event, B("phx_leave")))
        leave(s, sub, m);
    else if (bytes_equal(m->event, B("update")))
        update(s, sub, m);
    else
        relay(s, sub, m);
}

/* The order of the tests is Phoenix's (docs/protocol/phoenix.md, 3). */
static void dispatch(struct session *s, const struct phoenix_message *m)
{
    struct phoenix_head head = {.join_ref = B("null"), .ref = m->ref, .topic = m->topic};
    bool control = bytes_equal(m->topic, B("phoenix"));
    struct subscription *sub = control ? NULL : find_channel(s, m->topic);

    if (control && bytes_equal(m->event, B("heartbeat"))) {
        reply_ok(s, head);
    } else if (!control && bytes_equal(m->event, B("phx_join"))) {
        join(s, m);
    } else if (sub) {
        to_channel(s, sub, m);
    } else if (bytes_equal(m->event, B("phx_leave"))) {
        head.join_ref = m->join_ref;
        reply_ok(s, head);
    } else {
        reply_error(s, head, "unmatched topic");
    }
}

static void on_message(struct session *s, struct bytes msg, bool binary)
{
    struct phoenix_message m;
    bool good = binary ? version_of(s) == PHOENIX_V2 && phoenix_parse_binary(&m, msg)
                       : phoenix_parse(&m, version_of(s), msg);

    if (!good) {
        session_close(s, WS_INTERNAL_ERROR, B(""), true);
        return;
    }
    dispatch(s, &m);
    phoenix_release(&m);
}

/* Never 1000: after it most stock clients stay away for ever (docs/protocol/phoenix.md, 5). */
static void on_end(struct session *s, enum ending why)
{
    switch (why) {
    case END_STOPPING:
        session_close(s, WS_GOING_AWAY, B("server is stopping"), true);
        break;
    case END_EXPIRED:
        session_close(s, WS_POLICY, B("token expired"), true);
        break;
    case END_SLOW:
        session_close(s, WS_TRY_LATER, B("reading too slowly"), true);
        break;
    case END_TOO_FAST:
        session_close(s, WS_POLICY, B("too many messages"), true);
        break;
    case END_NO_HELLO:
        break; /* the URL says it all */
    }
}

const struct dialect phoenix_dialect = {
    .name = "phoenix",
    .state_size = sizeof(struct phoenix),
    .liveness = LIVENESS_HEARTBEAT,
    .bare_close_is_away = true,
    .on_request = on_request,
    .on_message = on_message,
    .on_joined = on_joined,
    .on_left = on_left,
    .on_end = on_end,
};
