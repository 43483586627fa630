/* SPDX-License-Identifier: MIT */
/*
 * rooms.c - one topic per connection, named by the URL; messages of `{"type":...}` objects.
 *
 * Stages 3 and 6 (docs/architecture.md). The protocol of the first article, whose clients work
 * unchanged; docs/protocol/rooms.md has every message. The joiner gets `viewer_joined` and then
 * `room_joined`, both with the number that counts it; the others get `viewer_joined` or
 * `viewer_left` once per window.
 */
#include <jansson.h>

#include "base/heap.h"
#include "dialect/dialect.h"
#include "dialect/formats.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum { TOKEN_MAX = 16384, PARAMETER_MAX = 256 };

/* What the request said; kept until room_joined is sent. */
struct room {
    const char *refusal;
    char *topic, *parameters;
};

struct rooms {
    struct room *room;
};

static_assert(sizeof(struct rooms) <= SESSION_STATE_MAX, "the private state must fit");

static void forget_room(struct session *s)
{
    struct rooms *state = session_state(s);

    if (!state->room)
        return;
    heap_free(state->room->topic);
    heap_free(state->room->parameters);
    heap_free(state->room);
    state->room = NULL;
}

/* `"viewers":N,"people":N}`; without printf, since it is a part of every visit. */
static void put_numbers(struct buf *out, uint32_t viewers, uint32_t people)
{
    buf_put(out, B("\"viewers\":"));
    buf_put_uint(out, viewers);
    buf_put(out, B(",\"people\":"));
    buf_put_uint(out, people);
    buf_put_char(out, '}');
}

static void put_count(struct buf *out, struct bytes type, uint32_t viewers, uint32_t people)
{
    buf_put(out, B("{\"type\":\""));
    buf_put(out, type);
    buf_put(out, B("\","));
    put_numbers(out, viewers, people);
}

/* The token: of the query, or the subprotocol that follows "bearer". False if there is one that
 * cannot be decoded or is too long; it must not pass for none. */
static bool find_token(const struct http_request *r, struct buf *token, struct answer *a)
{
    struct http_tokens walk = {.request = r, .name = B("Sec-WebSocket-Protocol")};
    struct bytes protocol;
    enum query_result asked = query_get(r->query, B("token"), token);

    if (asked != QUERY_ABSENT)
        return asked == QUERY_OK;
    while (http_token_next(&walk, &protocol)) {
        if (!bytes_equal(protocol, B("bearer")))
            continue;
        a->protocol = "bearer";
        return !http_token_next(&walk, &protocol) || buf_put(token, protocol);
    }
    return true;
}

/* The article completes the handshake also for a bad token, since a browser cannot see the status
 * of a refusal. */
static void on_request(struct session *s, const struct opening *o, struct answer *a)
{
    struct rooms *state = session_state(s);
    struct buf token, visitor;

    state->room = heap_zalloc(1, sizeof(*state->room));
    buf_init(&token, TOKEN_MAX);
    buf_init(&visitor, PARAMETER_MAX);
    if (!find_token(o->request, &token, a))
        buf_put(&token, B("?")); /* refused below */
    enum query_result named = query_get(o->request->query, B("visitor"), &visitor);
    if (named == QUERY_BAD)
        buf_put(&visitor, B("?")); /* refused below */
    switch (session_admit(s, buf_bytes(&token), buf_bytes(&visitor), NULL)) {
    case ADMIT_OK:
        state->room->topic = bytes_copy(o->topic);
        state->room->parameters = bytes_copy(o->parameters);
        break;
    case ADMIT_TOKEN_NEEDED:
    case ADMIT_BAD_TOKEN:
        state->room->refusal = "Invalid token";
        break;
    case ADMIT_BAD_VISITOR:
        state->room->refusal = "Invalid visitor";
        break;
    }
    buf_release(&token);
    buf_release(&visitor);
}

static void send_error(struct session *s, const char *code, const char *text)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    buf_printf(&out, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", code);
    buf_put_json(&out, bytes_str(text));
    buf_put_char(&out, '}');
    session_send_text(s, buf_bytes(&out));
    buf_release(&out);
}

static void refuse_join(struct session *s, enum join_result why)
{
    bool later = why == JOIN_TOPIC_FULL || why == JOIN_TOO_MANY_TOPICS;

    send_error(s, join_result_code(why), join_result_text(why));
    session_close(s, later ? WS_TRY_LATER : WS_POLICY, bytes_str(join_result_text(why)), false);
}

static void on_open(struct session *s)
{
    struct rooms *state = session_state(s);

    if (state->room->refusal) {
        session_close(s, WS_POLICY, bytes_str(state->room->refusal), false);
        return;
    }
    struct join j = {
        .topic = bytes_str(state->room->topic),
        .meta = session_trusted_meta(s),
        .format = FORMAT_ROOMS,
        .counted = true,
    };
    enum join_result result = session_join(s, &j);
    if (result != JOIN_OK)
        refuse_join(s, result);
}

static void on_joined(struct session *s, struct subscription *sub, const struct joined *j)
{
    struct rooms *state = session_state(s);
    struct buf out;

    (void)sub;
    if (j->result != JOIN_OK) {
        refuse_join(s, j->result);
        return;
    }
    buf_init(&out, BUF_UNBOUNDED);
    put_count(&out, B("viewer_joined"), j->viewers, j->people);
    session_send_text(s, buf_bytes(&out));
    buf_clear(&out);
    buf_put(&out, B("{\"type\":\"room_joined\","));
    if (state->room->parameters[0]) {
        buf_put(&out, bytes_str(state->room->parameters));
        buf_put_char(&out, ',');
    }
    put_numbers(&out, j->viewers, j->people);
    session_send_text(s, buf_bytes(&out));
    buf_release(&out);
    forget_room(s);
}

static void on_message(struct session *s, struct bytes msg, bool binary)
{
    json_error_t error;
    json_t *json = binary ? NULL : json_loadb(msg.ptr, msg.len, 0, &error);
    const char *type = json_string_value(json_object_get(json, "type"));

    if (type && strcmp(type, "ping") == 0)
        session_send_text(s, B("{\"type\":\"pong\"}"));
    else if (!json)
        send_error(s, "bad_message", "not JSON; expected an object such as {\"type\":\"ping\"}");
    else if (!type)
        send_error(s, "bad_message", "no \"type\"; expected an object such as {\"type\":\"ping\"}");
    else
        send_error(s, "unknown_type", "the one \"type\" known here is \"ping\"");
    json_decref(json);
}

static void on_end(struct session *s, enum ending why)
{
    switch (why) {
    case END_STOPPING:
        session_close(s, WS_GOING_AWAY, B("Server is stopping"), true);
        break;
    case END_EXPIRED:
        session_close(s, WS_POLICY, B("Token expired"), true);
        break;
    case END_SLOW:
        session_close(s, WS_TRY_LATER, B("Reading too slowly"), true);
        break;
    case END_TOO_FAST:
        session_close(s, WS_POLICY, B("Too many messages"), true);
        break;
    case END_NO_HELLO:
        break; /* the URL says it all */
    }
}

static void encode_count(struct buf *out, const struct topic *t, bool fewer)
{
    put_count(out, fewer ? B("viewer_left") : B("viewer_joined"), t->viewers, t->people);
}

static void encode_event(struct buf *out, const struct topic *t, const struct event *e)
{
    (void)t;
    buf_put(out, B("{\"type\":\"event\",\"event\":"));
    buf_put_json(out, e->name);
    buf_put(out, B(",\"payload\":"));
    buf_put(out, e->payload);
    buf_put_char(out, '}');
}

const struct format rooms_format = {
    .name = "rooms",
    .count = encode_count,
    .event = encode_event,
};

const struct dialect rooms_dialect = {
    .name = "rooms",
    .state_size = sizeof(struct rooms),
    .on_request = on_request,
    .on_open = on_open,
    .on_message = on_message,
    .on_joined = on_joined,
    .on_end = on_end,
    .on_release = forget_room,
};
