/* SPDX-License-Identifier: MIT */
/*
 * fake_session_test.h - the session.h that tests and fuzzers of dialects link: one node without
 * sockets, with a real hub as the home of every topic.
 *
 * A session's output is a list of lines as text: messages as they are, and what is not a message as
 * a JSON object, `{"close":1008,"reason":"Invalid token"}`. Joins wait until fake_answer(), and
 * announcements until fake_announce(), so a test chooses what comes between. Rules that the fake
 * checks for every test: nothing is asked of a session that is closed, every output is UTF-8 and
 * JSON, and all that a session holds is given back at its end.
 */
#ifndef DIALECT_FAKE_SESSION_TEST_H
#define DIALECT_FAKE_SESSION_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/heap.h"
#include "core/hub.h"
#include "dialect/dialect.h"
#include "dialect/session.h"
#include "wire/http1.h"
#include "wire/uri.h"
#include "wire/utf8.h"
#include "wire/ws.h"

/* The home worker's node: whose topics, settings and sessions. */
struct fake {
    struct hub hub;
    struct topic_settings settings; /* of every topic */
    struct session_limits limits;
    struct session *sessions; /* newest first */
    uint64_t now_ms;
    struct outage outage;
    uint32_t made; /* sessions so far */
    char *trusted; /* the meta that a good token gives; owned; NULL: none */
    bool token_needed;
};

struct session {
    struct fake *node;
    const struct dialect *dialect;
    struct subscription *subs;
    struct session *next;
    struct buf *lines; /* what it sent */
    size_t lines_len;
    char *key;
    uint32_t number;
    bool trusted; /* a token named it */
    bool lasting;
    bool open;   /* upgraded */
    bool closed; /* its close frame is sent */
    bool may_return;
    _Alignas(8) unsigned char state[SESSION_STATE_MAX];
};

struct subscription {
    struct session *session;
    struct subscription *next;
    struct buf topic, meta;
    void *data;
    struct hub_joined in;
    uint64_t number;
    uint32_t seen;
    uint8_t format;
    bool counted;
    bool entered; /* the home knows it */
    bool joined;  /* and has answered */
};

/* How a request looks; NULL for what is not there. */
struct fake_request {
    const char *query, *protocols;
    const char *topic, *parameters; /* of rooms */
};

enum { FAKE_NODE = 7 };

static inline struct fake *fake_new(void)
{
    struct fake *f = heap_zalloc(1, sizeof(*f));

    hub_init(&f->hub, (struct hash_seed){1, 2}, FAKE_NODE, 0);
    f->settings = (struct topic_settings){
        .leave_grace_ms = 2000, .announce_rate = 100000, .announce_max_ms = 1000};
    f->settings.presences_max = 1000;
    f->settings.list_max = 1000;
    f->limits = (struct session_limits){.meta_bytes_max = 4096,
                                        .topic_bytes_max = 255,
                                        .topics_per_session_max = 100,
                                        .idle_timeout_ms = 60000};
    f->now_ms = 1000000;
    return f;
}

/* Lines. */

static inline void fake_line(struct session *s, struct bytes text)
{
    s->lines = heap_realloc(s->lines, (s->lines_len + 1) * sizeof(*s->lines));
    buf_init(&s->lines[s->lines_len], BUF_UNBOUNDED);
    buf_put(&s->lines[s->lines_len], text);
    buf_put_char(&s->lines[s->lines_len++], '\0');
}

static inline void fake_forget_lines(struct session *s)
{
    for (size_t i = 0; i < s->lines_len; i++)
        buf_release(&s->lines[i]);
    heap_free(s->lines);
    s->lines = NULL;
    s->lines_len = 0;
}

/* Whatever a dialect sends as text must be this. */
static inline void fake_check_text(struct bytes text)
{
    json_error_t error;

    assert(utf8_valid(text));
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        fprintf(stderr, "not JSON: %.*s: %s\n", (int)text.len, text.ptr, error.text);
    assert(json);
    json_decref(json);
}

/* The end of a subscription and of a session. */

static inline void fake_forget(struct session *s, struct subscription *sub, bool broken)
{
    struct subscription **at = &s->subs;

    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
    if (sub->entered) {
        struct hub_leave leave = {
            .topic = sub->in.topic,
            .presence = sub->in.presence,
            .audience = {s->number, 1},
            .person = s->lasting ? bytes_str(s->key) : (struct bytes){0},
            .format = sub->format,
            .broken = broken,
        };
        hub_leave(&s->node->hub, s->node->now_ms, &leave);
    }
    if (s->dialect->on_left)
        s->dialect->on_left(s, sub);
    buf_release(&sub->topic);
    buf_release(&sub->meta);
    heap_free(sub);
}

static inline void fake_drop_all(struct session *s, bool broken)
{
    while (s->subs)
        fake_forget(s, s->subs, broken);
}

/* The connection is over. */
static inline void fake_end(struct session *s)
{
    struct session **at = &s->node->sessions;

    fake_drop_all(s, true);
    if (s->dialect->on_release)
        s->dialect->on_release(s);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    fake_forget_lines(s);
    heap_free(s->key);
    heap_free(s);
}

static inline void fake_free(struct fake *f)
{
    while (f->sessions)
        fake_end(f->sessions);
    hub_release(&f->hub);
    assert(!f->hub.topics && !f->hub.tables.keys.len && !f->hub.tables.absents);
    heap_free(f->trusted);
    heap_free(f);
}

/* What session.h promises. */

void *session_state(struct session *s)
{
    return s->state;
}

static inline bool fake_visitor_valid(struct bytes visitor)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (size_t i = 0; i < visitor.len; i++)
        if (!memchr(allowed, visitor.ptr[i], sizeof(allowed) - 1))
            return false;
    return visitor.len >= 1 && visitor.len <= 64;
}

/* The id itself is a secret, so others see it only through a hash. */
static inline void fake_put_visitor(struct buf *key, struct bytes visitor)
{
    uint64_t hash[2];

    for (uint64_t i = 0; i < 2; i++)
        hash[i] = hash_bytes(&(struct hash_seed){i, i}, visitor);
    base64url_encode(bytes_of((const char *)hash, 12), key);
}

/* Good tokens are "good:SUB". */
enum admission session_admit(struct session *s, struct bytes token, struct bytes visitor,
                             const char **why)
{
    const struct bytes good = B("good:");
    const char *text = NULL;
    enum admission result = ADMIT_OK;
    struct buf key;

    assert(!s->key);
    buf_init(&key, BUF_UNBOUNDED);
    if (token.len > good.len && token.len < 200 && bytes_starts(token, good) && utf8_valid(token) &&
        bytes_find(token, '\0') == token.len) {
        buf_put(&key, bytes_skip(token, good.len));
        s->trusted = s->lasting = true;
    } else if (token.len) {
        text = "token expired";
        result = ADMIT_BAD_TOKEN;
    } else if (s->node->token_needed) {
        text = "a token is needed";
        result = ADMIT_TOKEN_NEEDED;
    } else if (visitor.len && !fake_visitor_valid(visitor)) {
        text = "the visitor id must be 1 to 64 of A-Z a-z 0-9 - _";
        result = ADMIT_BAD_VISITOR;
    } else {
        buf_put_char(&key, '~');
        if (visitor.len)
            fake_put_visitor(&key, visitor);
        else
            buf_printf(&key, ":%u", s->number);
        s->lasting = visitor.len > 0;
    }
    if (result == ADMIT_OK)
        s->key = bytes_copy(buf_bytes(&key));
    buf_release(&key);
    if (why)
        *why = text;
    return result;
}

void session_make_visitor(struct session *s, char out[VISITOR_TEXT_BYTES])
{
    snprintf(out, VISITOR_TEXT_BYTES, "visitor-%014u", s->number % 1000);
}

struct bytes session_key(const struct session *s)
{
    return bytes_str(s->key);
}

struct bytes session_trusted_meta(const struct session *s)
{
    return s->trusted ? bytes_str(s->node->trusted) : (struct bytes){0};
}

const struct outage *session_outage(const struct session *s)
{
    return &s->node->outage;
}

const struct topic_settings *session_settings(const struct session *s, struct bytes topic)
{
    (void)topic;
    return &s->node->settings;
}

const struct session_limits *session_limits(const struct session *s)
{
    return &s->node->limits;
}

static inline bool fake_topic_valid(const struct session *s, struct bytes topic)
{
    for (size_t i = 0; i < topic.len; i++)
        if ((unsigned char)topic.ptr[i] < 0x20 || topic.ptr[i] == 0x7f)
            return false;
    return topic.len > 0 && topic.len <= s->node->limits.topic_bytes_max && utf8_valid(topic);
}

/* Tokens open every topic that does not begin with "secret". */
enum join_result session_join(struct session *s, const struct join *j)
{
    uint32_t count = 0;

    assert(s->key && s->open && !s->closed && j->format < FORMATS_LEN);
    fake_check_text(j->meta.len ? j->meta : B("{}"));
    assert(j->meta.len <= s->node->limits.meta_bytes_max);
    if (!fake_topic_valid(s, j->topic))
        return JOIN_BAD_TOPIC;
    if (bytes_starts(j->topic, B("secret")))
        return JOIN_FORBIDDEN;
    for (const struct subscription *sub = s->subs; sub; sub = sub->next)
        count++;
    if (count >= s->node->limits.topics_per_session_max)
        return JOIN_TOO_MANY;
    struct subscription *sub = heap_zalloc(1, sizeof(*sub));
    sub->session = s;
    buf_init(&sub->topic, BUF_UNBOUNDED);
    buf_init(&sub->meta, BUF_UNBOUNDED);
    buf_put(&sub->topic, j->topic);
    buf_put(&sub->meta, j->meta);
    sub->data = j->data;
    sub->format = j->format;
    sub->counted = j->counted;
    sub->next = s->subs;
    s->subs = sub;
    return JOIN_OK;
}

static const char *const fake_join_results[][2] = {
    [JOIN_OK] = {"ok", "ok"},
    [JOIN_FORBIDDEN] = {"forbidden", "the token does not open this topic"},
    [JOIN_BAD_TOPIC] = {"bad_topic",
                        "the topic's name is empty, too long or has control characters"},
    [JOIN_TOO_MANY] = {"too_many_topics_joined", "this session is at topics_per_session_max"},
    [JOIN_TOPIC_FULL] = {"topic_full", "the topic is full"},
    [JOIN_TOO_MANY_TOPICS] = {"too_many_topics", "the server is at topics_max"},
};

const char *join_result_text(enum join_result r)
{
    return fake_join_results[r][1];
}

const char *join_result_code(enum join_result r)
{
    return fake_join_results[r][0];
}

void session_leave(struct session *s, struct subscription *sub)
{
    assert(s->open && !s->closed);
    fake_forget(s, sub, false);
}

void session_update(struct session *s, struct subscription *sub, struct bytes meta)
{
    assert(!s->closed && sub->joined && sub->counted);
    assert(meta.len <= s->node->limits.meta_bytes_max);
    fake_check_text(meta);
    hub_update(&s->node->hub, sub->in.presence, meta);
}

struct subscription *session_next(struct session *s, struct subscription *sub)
{
    return sub ? sub->next : s->subs;
}

struct bytes subscription_topic(const struct subscription *sub)
{
    return buf_bytes(&sub->topic);
}

void *subscription_data(const struct subscription *sub)
{
    return sub->data;
}

uint64_t subscription_number(const struct subscription *sub)
{
    return sub->joined ? sub->number : UINT64_MAX;
}

bool subscription_counted(const struct subscription *sub)
{
    return sub->counted;
}

bool subscription_joined(const struct subscription *sub)
{
    return sub->joined;
}

void session_send_text(struct session *s, struct bytes payload)
{
    assert(s->open && !s->closed);
    fake_check_text(payload);
    fake_line(s, payload);
}

void session_send_binary(struct session *s, struct bytes payload)
{
    assert(s->open && !s->closed);
    fake_line(s, payload);
}

/* Frames are text of their shortest form, as the home makes them. */
void session_send(struct session *s, struct blob *frame)
{
    size_t head = 2;

    assert(frame->len >= 2 && (unsigned char)frame->data[0] == (0x80 | WS_OP_TEXT));
    if (frame->data[1] == 126)
        head = 4;
    else if (frame->data[1] == 127)
        head = 10;
    session_send_text(s, bytes_skip(blob_bytes(frame), head));
}

void session_close(struct session *s, uint16_t code, struct bytes reason, bool may_return)
{
    struct buf line;

    assert(s->open && !s->closed && ws_code_valid(code) && utf8_valid(reason));
    assert(reason.len <= WS_REASON_BYTES_MAX);
    buf_init(&line, BUF_UNBOUNDED);
    buf_printf(&line, "{\"close\":%u,\"reason\":", code);
    buf_put_json(&line, reason);
    buf_put_char(&line, '}');
    fake_line(s, buf_bytes(&line));
    buf_release(&line);
    s->may_return = may_return;
    fake_drop_all(s, may_return);
    s->closed = true;
}

/* The home. */

/* Tells the subscribers of a topic; `encode` is asked once for each format. */
struct fake_news {
    const struct topic *topic;
    const struct diff *diff;
    const struct event *event;
    bool counts, fewer;
    bool settled; /* the announcement is over: only the numbers in place of a long list are left */
};

static inline bool fake_encode(struct buf *out, const struct fake_news *n, uint8_t format)
{
    const struct format *f = formats[format];
    bool is_long = n->topic->viewers > n->topic->settings->list_max;

    if (n->event && f->event)
        f->event(out, n->topic, n->event);
    else if (f->lists && n->settled && is_long)
        f->brief(out, n->topic);
    else if (f->lists && n->diff && !is_long)
        f->diff(out, n->topic, n->diff);
    else if (!f->lists && n->counts)
        f->count(out, n->topic, n->fewer);
    return out->len > 0;
}

static inline void fake_tell(struct fake *f, const struct fake_news *n)
{
    struct id id = pool_id(n->topic);

    for (struct session *s = f->sessions; s; s = s->next)
        for (struct subscription *sub = s->subs; sub; sub = sub->next) {
            struct buf text;
            if (!sub->joined || !id_equal(sub->in.topic, id))
                continue;
            bool known = !n->event && !formats[sub->format]->lists && sub->seen == n->topic->seq;
            buf_init(&text, BUF_UNBOUNDED);
            if (fake_encode(&text, n, sub->format) && !known)
                session_send_text(s, buf_bytes(&text));
            buf_release(&text);
        }
}

bool subscription_lists(const struct subscription *sub)
{
    return formats[sub->format]->lists;
}

bool session_page(struct session *s, struct subscription *sub, const struct page *page)
{
    struct buf text;

    assert(sub->joined && formats[sub->format]->page);
    buf_init(&text, BUF_UNBOUNDED);
    formats[sub->format]->page(&text, hub_topic(&s->node->hub, sub->in.topic), page);
    session_send_text(s, buf_bytes(&text));
    buf_release(&text);
    return true;
}

void session_publish(struct session *s, struct subscription *sub, const struct event *e)
{
    struct fake_news news = {.topic = hub_topic(&s->node->hub, sub->in.topic), .event = e};

    assert(!s->closed && sub->joined && s->node->settings.client_events);
    fake_tell(s->node, &news);
}

/* Ends the windows that run and announces what is due. */
static inline void fake_announce(struct fake *f)
{
    struct topic *t;

    f->now_ms += f->settings.announce_max_ms;
    hub_expire(&f->hub, f->now_ms);
    while ((t = hub_due(&f->hub))) {
        struct fake_news news = {.topic = t, .diff = topic_diff(t)};
        news.counts = topic_counts_changed(t);
        news.fewer = t->viewers < t->told_viewers ||
                     (t->viewers == t->told_viewers && t->people <= t->told_people);
        struct id id = pool_id(t);
        fake_tell(f, &news);
        hub_announced(&f->hub, t, f->now_ms);
        news = (struct fake_news){.topic = hub_topic(&f->hub, id), .settled = true};
        if (news.topic)
            fake_tell(f, &news);
    }
}

static inline struct hub_join fake_hub_join(struct fake *f, struct bytes topic)
{
    return (struct hub_join){
        .topic = topic,
        .hash = hash_bytes(&f->hub.tables.seed, topic),
        .settings = &f->settings,
        .owner = {.subscription = {1, 1}},
    };
}

static inline enum join_result fake_result(enum hub_result r)
{
    if (r == HUB_OK)
        return JOIN_OK;
    return r == HUB_TOPIC_FULL ? JOIN_TOPIC_FULL : JOIN_TOO_MANY_TOPICS;
}

/* The home's answer. */
static inline void fake_joined(struct session *s, struct subscription *sub, enum join_result result)
{
    struct joined j = {.result = result, .node = FAKE_NODE};
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    if (result == JOIN_OK) {
        const struct topic *t = hub_topic(&s->node->hub, sub->in.topic);
        bool list = formats[sub->format]->lists;
        sub->joined = true;
        sub->number = j.number = topic_number(t);
        sub->seen = list ? 0 : sub->in.seq;
        j.ref = sub->in.ref;
        j.rev = sub->in.rev;
        j.viewers = list ? t->told_viewers : sub->in.viewers;
        j.people = list ? t->told_people : sub->in.people;
        if (list) {
            formats[sub->format]->state(&text, t);
            j.state = ws_frame_blob(WS_OP_TEXT, buf_bytes(&text));
        }
    }
    s->dialect->on_joined(s, sub, &j);
    blob_unref(j.state);
    buf_release(&text);
    /* The hook may have closed the session, and so ended the subscription already. */
    if (result != JOIN_OK && !s->closed)
        fake_forget(s, sub, false);
}

/* A join arrives at the home, which answers at once unless the list is wanted. */
static inline void fake_arrive(struct session *s, struct subscription *sub)
{
    struct fake *f = s->node;
    struct hub_join in = fake_hub_join(f, buf_bytes(&sub->topic));

    in.person = bytes_str(s->key);
    in.meta = buf_bytes(&sub->meta);
    in.audience = (struct id){s->number, 1};
    in.format = sub->format;
    in.counted = sub->counted;
    in.lasting = s->lasting;
    in.live = !formats[sub->format]->lists;
    enum join_result result = fake_result(hub_join(&f->hub, &in, &sub->in));
    sub->entered = result == JOIN_OK;
    if (!sub->entered || !formats[sub->format]->lists)
        fake_joined(s, sub, result);
}

/* The oldest subscription that waits: to arrive, or to be answered once it has arrived. */
static inline struct subscription *fake_oldest(const struct session *s, bool entered)
{
    struct subscription *oldest = NULL;

    for (struct subscription *sub = s->subs; sub; sub = sub->next)
        if (!sub->joined && sub->entered == entered)
            oldest = sub;
    return oldest;
}

static inline void fake_arrive_all(struct fake *f)
{
    struct subscription *sub;

    for (struct session *s = f->sessions; s; s = s->next)
        while ((sub = fake_oldest(s, false)))
            fake_arrive(s, sub);
}

/* Whoever wants the list is answered after the announcements of its turn. */
static inline void fake_answer_lists(struct fake *f)
{
    struct subscription *sub;

    for (struct session *s = f->sessions; s; s = s->next)
        while ((sub = fake_oldest(s, true)))
            fake_joined(s, sub, JOIN_OK);
}

/* Answers every join that waits, the oldest of a session first, in a turn in which topics rest. */
static inline void fake_answer(struct fake *f)
{
    fake_arrive_all(f);
    fake_answer_lists(f);
}

/* Somebody else, who has no session here. */

static inline struct hub_joined fake_enter(struct fake *f, const char *topic, struct bytes key,
                                           struct bytes meta)
{
    struct hub_join in = fake_hub_join(f, bytes_str(topic));
    struct hub_joined out = {0};

    in.person = key;
    in.meta = meta;
    in.audience = (struct id){0, 1};
    in.counted = in.live = true;
    in.format = FORMAT_ROOMS;
    enum hub_result result = hub_join(&f->hub, &in, &out);
    (void)result; /* the topic may be full */
    return out;
}

static inline void fake_exit(struct fake *f, const struct hub_joined *who)
{
    struct hub_leave leave = {
        .topic = who->topic, .presence = who->presence, .audience = {0, 1}, .format = FORMAT_ROOMS};

    hub_leave(&f->hub, f->now_ms, &leave);
}

/* Clients. */

static inline void fake_put_answer(struct session *s, const struct answer *a)
{
    struct buf line;

    buf_init(&line, BUF_UNBOUNDED);
    buf_printf(&line, "{\"status\":%d", a->status ? a->status : 101);
    if (a->protocol) {
        buf_put(&line, B(",\"protocol\":"));
        buf_put_json(&line, bytes_str(a->protocol));
    }
    buf_put_char(&line, '}');
    fake_line(s, buf_bytes(&line));
    buf_release(&line);
}

/* A client asks for a WebSocket; its first line is the answer. NULL if it is no request at all. */
static inline struct session *fake_open(struct fake *f, const struct dialect *d,
                                        const struct fake_request *r)
{
    const struct http_limits limits = {16384, 8192, 100, 0};
    struct http1 *h = http1_new(&limits);
    enum http1_result result;
    struct answer a = {0};
    struct session *s = NULL;
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    buf_printf(&text, "GET /live%s%s HTTP/1.1\r\nHost: x\r\n", r->query ? "?" : "",
               r->query ? r->query : "");
    if (r->protocols)
        buf_printf(&text, "Sec-WebSocket-Protocol: %s\r\n", r->protocols);
    buf_put(&text, B("\r\n"));
    http1_feed(h, buf_bytes(&text), &result);
    if (result == HTTP1_REQUEST) {
        struct opening o = {.request = http1_request(h),
                            .topic = bytes_str(r->topic ? r->topic : "post:42"),
                            .parameters =
                                bytes_str(r->parameters ? r->parameters : "\"post_id\":42")};
        s = heap_zalloc(1, sizeof(*s));
        s->node = f;
        s->dialect = d;
        s->number = f->made++;
        s->next = f->sessions;
        f->sessions = s;
        d->on_request(s, &o, &a);
        assert(!a.status || (a.status >= 400 && a.text));
        fake_put_answer(s, &a);
        s->closed = a.status != 0;
        s->open = a.status == 0;
        if (s->open && d->on_open)
            d->on_open(s);
    }
    http1_free(h);
    buf_release(&text);
    return s;
}

/* The client sends a message; whoever is closed is not listened to. */
static inline void fake_message(struct session *s, struct bytes text, bool binary)
{
    /* In memory of exactly its length, so that the address sanitizer sees whoever reads on. */
    char *copy = heap_alloc(text.len ? text.len : 1);

    if (text.len)
        memcpy(copy, text.ptr, text.len);
    if (s->open && !s->closed)
        s->dialect->on_message(s, bytes_of(copy, text.len), binary);
    heap_free(copy);
}

static inline void fake_text(struct session *s, const char *text)
{
    fake_message(s, bytes_str(text), false);
}

static inline void fake_stop(struct session *s, enum ending why)
{
    if (s->open && !s->closed)
        s->dialect->on_end(s, why);
}

/* A message, its answer, and what the topics tell then. */
static inline void fake_turn(struct session *s, const char *text)
{
    if (text)
        fake_text(s, text);
    fake_arrive_all(s->node);
    fake_announce(s->node);
    fake_answer_lists(s->node);
}

#endif
