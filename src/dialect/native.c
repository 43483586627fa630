/* SPDX-License-Identifier: MIT */
/*
 * native.c - rollcall.v1: many topics on one connection, small messages.
 *
 * Stages 3 and 6 (docs/architecture.md). A message is a JSON array whose first element is its name;
 * docs/protocol/native.md has an example of each, and those examples are the test vectors. After
 * `joined` a topic goes by its number.
 *
 * The server asks `["ping"]` when a client is quiet, because browsers answer protocol pings also
 * for frozen pages.
 */
#include <jansson.h>

#include "base/heap.h"
#include "dialect/dialect.h"
#include "dialect/formats.h"
#include "dialect/presences.h"
#include "wire/ws.h"

enum {
    CLOSE_AWAY = 4001,    /* from the client: hidden or going away, hold my place */
    CLOSE_REFUSED = 4401, /* to the client: do not come back with the same token */
    RETRY_MS = 1000,
    PAGE_MAX = 1000
};

struct native {
    bool admitted;
};

/* Of a message that the client sent: its reference, which answers carry, and the array. */
struct call {
    struct session *session;
    json_t *args;
    json_int_t ref;
};

static json_t *arg(const struct call *c, size_t i)
{
    return json_array_get(c->args, i);
}

static void put_ref(struct buf *out, const char *name, json_int_t ref)
{
    buf_printf(out, "[\"%s\",%lld", name, (long long)ref);
}

static void send_buf(struct session *s, struct buf *out)
{
    session_send_text(s, buf_bytes(out));
    buf_release(out);
}

/* `ref` below 0: the message had none. */
static void send_error(struct session *s, json_int_t ref, const char *code, const char *text)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    if (ref >= 0)
        put_ref(&out, "error", ref);
    else
        buf_put(&out, B("[\"error\",null"));
    buf_printf(&out, ",\"%s\",", code);
    buf_put_json(&out, bytes_str(text));
    buf_put_char(&out, ']');
    send_buf(s, &out);
}

static void send_ok(const struct call *c)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    put_ref(&out, "ok", c->ref);
    buf_put_char(&out, ']');
    send_buf(c->session, &out);
}

static void on_request(struct session *s, const struct opening *o, struct answer *a)
{
    (void)s;
    if (http_header_lists(o->request, B("Sec-WebSocket-Protocol"), B("rollcall.v1"))) {
        a->protocol = "rollcall.v1";
        return;
    }
    a->status = 400;
    a->text = "this path speaks the subprotocol rollcall.v1; ask for it in Sec-WebSocket-Protocol";
}

/* An outage of the cluster, or its end. */
static void on_outage(struct session *s)
{
    const struct native *state = session_state(s);
    const struct outage *o = session_outage(s);
    struct buf out;

    if (!state->admitted)
        return;
    buf_init(&out, BUF_UNBOUNDED);
    if (o->since_ms) {
        buf_printf(&out, "[\"cluster\",{\"degraded\":true,\"since_ms\":%lld,\"why\":",
                   (long long)o->since_ms);
        buf_put_json(&out, bytes_str(o->why));
        buf_put(&out, B("}]"));
    } else {
        buf_put(&out, B("[\"cluster\",{\"degraded\":false}]"));
    }
    send_buf(s, &out);
}

/* hello */

static void send_welcome(struct session *s, const char *visitor)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    buf_put(&out, B("[\"welcome\",{\"key\":"));
    buf_put_json(&out, session_key(s));
    if (visitor) {
        buf_put(&out, B(",\"visitor\":"));
        buf_put_json(&out, bytes_str(visitor));
    }
    buf_printf(&out, ",\"idle_ms\":%u,\"topics_max\":%u,\"meta_bytes_max\":%u}]",
               session_limits(s)->idle_timeout_ms, session_limits(s)->topics_per_session_max,
               session_limits(s)->meta_bytes_max);
    send_buf(s, &out);
}

static void hello(struct call *c)
{
    struct native *state = session_state(c->session);
    json_t *options = arg(c, 1), *visitor = json_object_get(options, "visitor");
    const char *token = json_string_value(json_object_get(options, "token"));
    const char *name = json_string_value(visitor), *why = NULL;
    char made[VISITOR_TEXT_BYTES];

    if (state->admitted || (options && !json_is_object(options)) ||
        (json_object_get(options, "token") && !token) ||
        (visitor && !name && !json_is_boolean(visitor))) {
        send_error(c->session, -1, "bad_message",
                   "expected once [\"hello\", {\"token\": string, \"visitor\": string or true}]");
        return;
    }
    if (json_is_true(visitor)) {
        session_make_visitor(c->session, made);
        name = made;
    }
    enum admission result = session_admit(c->session, bytes_str(token), bytes_str(name), &why);
    if (result == ADMIT_OK) {
        state->admitted = true;
        send_welcome(c->session, json_is_true(visitor) ? made : NULL);
        if (session_outage(c->session)->since_ms)
            on_outage(c->session);
        return;
    }
    send_error(c->session, -1, result == ADMIT_BAD_VISITOR ? "bad_visitor" : "bad_token", why);
    session_close(c->session, CLOSE_REFUSED, bytes_str(why), false);
}

/* join, watch */

/* What a subscription remembers until it is answered, in its data pointer: ref * 2 + 1. */
static void *data_of_ref(json_int_t ref)
{
    return (void *)(uintptr_t)((uint64_t)ref << 1 | 1); // NOLINT(performance-no-int-to-ptr)
}

static json_int_t ref_of_data(const struct subscription *sub)
{
    return (json_int_t)((uintptr_t)subscription_data(sub) >> 1);
}

static struct subscription *find_topic(struct session *s, struct bytes topic)
{
    struct subscription *sub = NULL;

    while ((sub = session_next(s, sub)))
        if (bytes_equal(subscription_topic(sub), topic))
            return sub;
    return NULL;
}

static bool wants_list(struct call *c, json_t *mode, struct bytes topic, bool *list)
{
    const char *text = mode ? json_string_value(mode) : "count";

    *list = text && strcmp(text, "list") == 0;
    if (!text || (!*list && strcmp(text, "count") != 0)) {
        send_error(c->session, c->ref, "bad_mode", "\"mode\" is \"count\" or \"list\"");
        return false;
    }
    if (*list && session_settings(c->session, topic)->presence == PRESENCE_COUNT) {
        send_error(c->session, c->ref, "no_list",
                   "this topic gives counts only; join with \"mode\":\"count\"");
        return false;
    }
    return true;
}

static void enter(struct call *c, bool counted)
{
    json_t *name = arg(c, 2), *options = arg(c, 3), *meta = json_object_get(options, "meta");
    struct bytes topic = bytes_of(json_string_value(name), json_string_length(name));
    bool list;
    struct buf text;

    if (!json_is_string(name) || (options && !json_is_object(options)) ||
        (meta && !json_is_object(meta))) {
        send_error(c->session, c->ref, "bad_message",
                   "expected [\"join\", ref, topic, {\"mode\": string, \"meta\": object}]");
        return;
    }
    if (!wants_list(c, json_object_get(options, "mode"), topic, &list))
        return;
    if (find_topic(c->session, topic)) {
        send_error(c->session, c->ref, "already_joined",
                   "this topic is joined or watched already; leave it first");
        return;
    }
    buf_init(&text, BUF_UNBOUNDED);
    if (!meta_compose(meta, session_trusted_meta(c->session),
                      session_limits(c->session)->meta_bytes_max, &text)) {
        send_error(c->session, c->ref, "meta_too_large", "the meta is larger than meta_bytes_max");
        return;
    }
    struct join j = {
        .topic = topic,
        .meta = buf_bytes(&text),
        .format = list ? FORMAT_NATIVE_LIST : FORMAT_NATIVE_COUNT,
        .counted = counted,
        .data = data_of_ref(c->ref),
    };
    enum join_result result = session_join(c->session, &j);
    if (result != JOIN_OK)
        send_error(c->session, c->ref, join_result_code(result), join_result_text(result));
    buf_release(&text);
}

static void join(struct call *c)
{
    enter(c, true);
}

static void watch(struct call *c)
{
    enter(c, false);
}

static void on_joined(struct session *s, struct subscription *sub, const struct joined *j)
{
    struct buf out;

    if (j->result != JOIN_OK) {
        send_error(s, ref_of_data(sub), join_result_code(j->result), join_result_text(j->result));
        return;
    }
    buf_init(&out, BUF_UNBOUNDED);
    put_ref(&out, subscription_counted(sub) ? "joined" : "watching", ref_of_data(sub));
    buf_printf(&out, ",%llu,%u,%u", (unsigned long long)j->number, j->viewers, j->people);
    if (subscription_counted(sub))
        buf_printf(&out, ",\"%s\"", ref_put(j->node, j->ref).text);
    buf_put_char(&out, ']');
    send_buf(s, &out);
    if (j->state)
        session_send(s, j->state);
}

/* What is done to a topic that was joined: the number is the second argument. */

static struct subscription *find_number(struct call *c)
{
    json_t *number = arg(c, 2);
    struct subscription *sub = NULL;

    while (json_is_integer(number) && (sub = session_next(c->session, sub)))
        if (subscription_joined(sub) &&
            subscription_number(sub) == (uint64_t)json_integer_value(number))
            return sub;
    send_error(c->session, c->ref, "not_joined", "no topic of this number is joined or watched");
    return NULL;
}

static void leave(struct call *c)
{
    struct subscription *sub = find_number(c);

    if (!sub)
        return;
    session_leave(c->session, sub);
    send_ok(c);
}

static void update(struct call *c)
{
    struct subscription *sub = find_number(c);
    struct buf text;

    if (!sub)
        return;
    if (!json_is_object(arg(c, 3)) || !subscription_counted(sub)) {
        send_error(c->session, c->ref, "bad_message",
                   "expected [\"update\", ref, number, object] of a joined topic");
        return;
    }
    buf_init(&text, BUF_UNBOUNDED);
    if (meta_compose(arg(c, 3), session_trusted_meta(c->session),
                     session_limits(c->session)->meta_bytes_max, &text)) {
        session_update(c->session, sub, buf_bytes(&text));
        send_ok(c);
    } else {
        send_error(c->session, c->ref, "meta_too_large", "the meta is larger than meta_bytes_max");
    }
    buf_release(&text);
}

static void publish(struct call *c)
{
    struct subscription *sub = find_number(c);
    json_t *name = arg(c, 3), *payload = arg(c, 4);
    struct bytes event = bytes_of(json_string_value(name), json_string_length(name));

    if (!sub)
        return;
    if (!json_is_string(name) || !payload) {
        send_error(c->session, c->ref, "bad_message",
                   "expected [\"publish\", ref, number, event, payload]");
        return;
    }
    if (event_name_reserved(event)) {
        send_error(c->session, c->ref, "bad_message",
                   "reserved names of events: count and what begins with phx_ or presence_");
        return;
    }
    if (!session_settings(c->session, subscription_topic(sub))->client_events) {
        send_error(c->session, c->ref, "events_off", "clients may not publish to this topic");
        return;
    }
    char *text = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
    struct event e = {.name = event, .payload = bytes_str(text)};
    session_publish(c->session, sub, &e);
    free(text);
    send_ok(c);
}

/* ["list", ref, number, from, len] */
static void list(struct call *c)
{
    struct subscription *sub = find_number(c);
    json_int_t from = json_integer_value(arg(c, 3)), len = json_integer_value(arg(c, 4));

    if (!sub)
        return;
    if (!json_is_integer(arg(c, 3)) || !json_is_integer(arg(c, 4)) || from < 0 ||
        from > INT32_MAX || len < 1 || len > PAGE_MAX || !subscription_lists(sub)) {
        send_error(
            c->session, c->ref, "bad_message",
            "expected [\"list\", ref, number, from, length up to 1000] of a topic in list mode");
        return;
    }
    struct page page = {.ref = (uint32_t)c->ref, .from = (uint32_t)from, .len = (uint32_t)len};
    if (!session_page(c->session, sub, &page))
        send_error(c->session, c->ref, "bad_message", "ask for one part of a list at a time");
}

static void ping(struct call *c)
{
    session_send_text(c->session, B("[\"pong\"]"));
}

static void pong(struct call *c)
{
    (void)c; /* that it came is what was asked */
}

static const struct {
    const char *name;
    void (*run)(struct call *c);
    bool with_ref;
} calls[] = {
    {"hello", hello, false},    {"join", join, true},     {"watch", watch, true},
    {"leave", leave, true},     {"update", update, true}, {"list", list, true},
    {"publish", publish, true}, {"ping", ping, false},    {"pong", pong, false},
};

static void dispatch(struct call *c, const char *name)
{
    const struct native *state = session_state(c->session);

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(name, calls[i].name) != 0)
            continue;
        json_t *ref = arg(c, 1);
        if (calls[i].with_ref && (!json_is_integer(ref) || json_integer_value(ref) < 0 ||
                                  json_integer_value(ref) > INT32_MAX)) {
            send_error(c->session, -1, "bad_ref",
                       "the second element is the message's number, 0 to 2147483647");
            return;
        }
        c->ref = calls[i].with_ref ? json_integer_value(ref) : -1;
        if (calls[i].with_ref && !state->admitted)
            send_error(c->session, c->ref, "no_hello", "the first message is [\"hello\", {}]");
        else
            calls[i].run(c);
        return;
    }
    send_error(c->session, -1, "unknown_message",
               "the messages are hello, join, watch, leave, update, list, publish, ping, pong");
}

static void on_message(struct session *s, struct bytes msg, bool binary)
{
    json_t *json = binary ? NULL : json_loadb(msg.ptr, msg.len, 0, NULL);
    const char *name = json_string_value(json_array_get(json, 0));
    struct call c = {.session = s, .args = json};

    if (name)
        dispatch(&c, name);
    else
        send_error(s, -1, "bad_message", "expected a JSON array whose first element is a name");
    json_decref(json);
}

static void on_ask(struct session *s)
{
    session_send_text(s, B("[\"ping\"]"));
}

static void bye(struct session *s, const char *code, const char *text, uint16_t close_code,
                bool may_return)
{
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    buf_printf(&out, "[\"bye\",\"%s\",%d,\"%s\"]", code, may_return ? RETRY_MS : -1, text);
    send_buf(s, &out);
    session_close(s, close_code, bytes_str(text), may_return);
}

static void on_end(struct session *s, enum ending why)
{
    switch (why) {
    case END_STOPPING:
        bye(s, "stopping", "the server is stopping", WS_GOING_AWAY, true);
        break;
    case END_EXPIRED:
        bye(s, "token_expired", "the token has expired", WS_POLICY, true);
        break;
    case END_SLOW:
        session_close(s, WS_TRY_LATER, B("reading too slowly"), true);
        break;
    case END_TOO_FAST:
        bye(s, "too_fast", "too many messages", WS_POLICY, true);
        break;
    case END_NO_HELLO:
        bye(s, "no_hello", "no hello in time", WS_POLICY, false);
        break;
    }
}

/* Formats. */

static void put_head(struct buf *out, const char *name, const struct topic *t, uint32_t viewers,
                     uint32_t people)
{
    buf_printf(out, "[\"%s\",%llu,%u,%u", name, (unsigned long long)topic_number(t), viewers,
               people);
}

static void encode_count(struct buf *out, const struct topic *t, bool fewer)
{
    (void)fewer;
    put_head(out, "count", t, t->viewers, t->people);
    buf_put_char(out, ']');
}

static void put_presence(struct buf *out, const struct presence *p, struct bytes meta)
{
    buf_printf(out, "[\"%s\",", ref_put(p->node, p->ref).text);
    buf_put_json(out, presence_key(p));
    buf_put_char(out, ',');
    buf_put(out, meta);
    buf_put_char(out, ']');
}

static void encode_state(struct buf *out, const struct topic *t)
{
    bool first = true;

    put_head(out, "state", t, t->told_viewers, t->told_people);
    buf_put(out, B(",["));
    for (uint32_t i = 0; i < t->list_len; i++) {
        const struct presence *p = t->list[i];
        if (!p->told)
            continue;
        buf_put(out, first ? B("") : B(","));
        put_presence(out, p, presence_told_meta(p));
        first = false;
    }
    buf_put(out, B("]]"));
}

/* The list is too long: whoever holds one forgets it and shows the numbers. */
static void encode_brief(struct buf *out, const struct topic *t)
{
    put_head(out, "truncated", t, t->told_viewers, t->told_people);
    buf_put_char(out, ']');
}

static void encode_page(struct buf *out, const struct topic *t, const struct page *page)
{
    uint32_t end = page->from < t->list_len && page->len < t->list_len - page->from
                       ? page->from + page->len
                       : t->list_len;
    bool first = true;

    buf_printf(out, "[\"page\",%u,%llu,%u,%u,[", page->ref, (unsigned long long)topic_number(t),
               page->from, t->list_len);
    for (uint32_t i = page->from; i < end; i++) {
        const struct presence *p = t->list[i];
        if (!p->told)
            continue;
        buf_put(out, first ? B("") : B(","));
        put_presence(out, p, presence_told_meta(p));
        first = false;
    }
    buf_put(out, B("]]"));
}

static void encode_diff(struct buf *out, const struct topic *t, const struct diff *d)
{
    const struct presence *p;

    put_head(out, "diff", t, t->viewers, t->people);
    buf_put(out, B(",["));
    for (p = d->joined; p; p = p->next_change) {
        put_presence(out, p, presence_meta(p));
        buf_put(out, p->next_change ? B(",") : B(""));
    }
    buf_put(out, B("],["));
    for (p = d->left; p; p = p->next_change)
        buf_printf(out, "\"%s\"%s", ref_put(p->node, p->ref).text, p->next_change ? "," : "");
    buf_put(out, B("],["));
    for (p = d->updated; p; p = p->next_change) {
        put_presence(out, p, presence_meta(p));
        buf_put(out, p->next_change ? B(",") : B(""));
    }
    buf_put(out, B("]]"));
}

static void encode_event(struct buf *out, const struct topic *t, const struct event *e)
{
    buf_printf(out, "[\"event\",%llu,", (unsigned long long)topic_number(t));
    buf_put_json(out, e->name);
    buf_put_char(out, ',');
    buf_put(out, e->payload);
    buf_put_char(out, ']');
}

const struct format native_count_format = {
    .name = "native_count",
    .count = encode_count,
    .event = encode_event,
};

const struct format native_list_format = {
    .name = "native_list",
    .lists = true,
    .state = encode_state,
    .diff = encode_diff,
    .brief = encode_brief,
    .page = encode_page,
    .event = encode_event,
};

const struct dialect native_dialect = {
    .name = "native",
    .state_size = sizeof(struct native),
    .liveness = LIVENESS_ASK,
    .away_code = CLOSE_AWAY,
    .on_request = on_request,
    .on_message = on_message,
    .on_joined = on_joined,
    .on_ask = on_ask,
    .on_end = on_end,
    .on_outage = on_outage,
};
