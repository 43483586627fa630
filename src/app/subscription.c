/* SPDX-License-Identifier: MIT */
/*
 * subscription.c - what a dialect asks of its session: who it is, joining and leaving, sending.
 *
 * Stage 4's worker side (docs/architecture.md): a message becomes a letter to the topic's home. The
 * contracts are in dialect/session.h.
 */
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "app/session.h"
#include "base/heap.h"
#include "wire/uri.h"
#include "wire/utf8.h"

enum { VISITOR_BYTES_MAX = 64 };

void *session_state(struct session *s)
{
    return s->state;
}

/* Who. */

void session_forget(struct session *s)
{
    if (!s->person)
        return;
    if (s->person->topics)
        patterns_release(s->person->topics);
    heap_free(s->person->topics);
    heap_free(s->person->meta);
    heap_free(s->person);
    s->person = NULL;
}

static struct person *person_new(struct bytes key, bool lasting)
{
    struct person *p = heap_alloc(sizeof(*p) + key.len);

    *p = (struct person){.end_ms = UINT64_MAX, .lasting = lasting, .key_len = (uint16_t)key.len};
    memcpy(p->key, key.ptr, key.len);
    return p;
}

static bool visitor_valid(struct bytes visitor)
{
    for (size_t i = 0; i < visitor.len; i++) {
        char c = visitor.ptr[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!good)
            return false;
    }
    return visitor.len >= 1 && visitor.len <= VISITOR_BYTES_MAX;
}

/* What others see of a visitor id. Whoever knows the id is the visitor, so it is shown only through
 * a hash, which is the same on every node and after every restart. */
static void put_visitor(struct buf *key, struct bytes visitor)
{
    static const char salt[] = "rollcall visitor ";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[sizeof(salt) + VISITOR_BYTES_MAX];

    memcpy(text, salt, sizeof(salt));
    memcpy(text + sizeof(salt), visitor.ptr, visitor.len);
    SHA256((const unsigned char *)text, sizeof(salt) + visitor.len, digest);
    base64url_encode(bytes_of((const char *)digest, 12), key);
}

/* Keys of visitors begin with '~', which no token's subject does; those of nobody in particular
 * with "~:". */
static struct person *make_visitor(struct session *s, struct bytes visitor)
{
    struct buf key;

    buf_init(&key, BUF_UNBOUNDED);
    buf_put_char(&key, '~');
    if (visitor.len) {
        put_visitor(&key, visitor);
    } else {
        uint64_t number = ++s->worker->visitors << 8 | s->worker->index;
        buf_printf(&key, ":%s", ref_put(s->worker->node->id, number).text);
    }
    struct person *p = person_new(buf_bytes(&key), visitor.len > 0);
    buf_release(&key);
    return p;
}

static enum admission admit_token(struct session *s, struct bytes token, const char **why)
{
    const struct worker *w = s->worker;
    struct identity identity;
    enum auth_result result = auth_check(w->node->auth, token, w->unix_s, &identity);

    if (result != AUTH_OK) {
        *why = auth_result_text(result);
        return ADMIT_BAD_TOKEN;
    }
    struct person *p = person_new(identity.sub, true);
    int64_t end_s = auth_session_end_s(w->node->auth, identity.exp_s);
    if (end_s)
        p->end_ms = w->now_ms + (uint64_t)(end_s > w->unix_s ? end_s - w->unix_s : 0) * 1000;
    if (identity.meta.len)
        p->meta = bytes_copy(identity.meta);
    if (identity.topics_limited) {
        p->topics = heap_alloc(sizeof(*p->topics));
        *p->topics = identity.topics; /* taken from it */
        patterns_init(&identity.topics);
    }
    identity_release(&identity);
    s->person = p;
    return ADMIT_OK;
}

static enum admission admit(struct session *s, struct bytes token, struct bytes visitor,
                            const char **why)
{
    const struct node *node = s->worker->node;

    if (token.len && auth_has_key(node->auth))
        return admit_token(s, token, why);
    if (!node->config->anonymous) {
        *why = "a token is needed";
        return ADMIT_TOKEN_NEEDED;
    }
    if (visitor.len && !visitor_valid(visitor)) {
        *why = "the visitor id must be 1 to 64 of A-Z a-z 0-9 - _";
        return ADMIT_BAD_VISITOR;
    }
    s->person = make_visitor(s, visitor);
    return ADMIT_OK;
}

enum admission session_admit(struct session *s, struct bytes token, struct bytes visitor,
                             const char **why)
{
    const char *text = NULL;

    assert(!s->person);
    enum admission result = admit(s, token, visitor, &text);
    if (result != ADMIT_OK)
        s->worker->metrics.admission_refusals++;
    else if (s->phase == SESSION_WEBSOCKET)
        session_schedule(s);
    if (why)
        *why = text;
    return result;
}

void session_make_visitor(struct session *s, char out[VISITOR_TEXT_BYTES])
{
    unsigned char random[16];
    struct buf text;

    (void)s;
    int good = RAND_bytes(random, sizeof(random));
    assert(good == 1);
    buf_init(&text, BUF_UNBOUNDED);
    base64url_encode(bytes_of((const char *)random, sizeof(random)), &text);
    assert(text.len == VISITOR_TEXT_BYTES - 1);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    buf_release(&text);
}

struct bytes session_key(const struct session *s)
{
    return s->person ? bytes_of(s->person->key, s->person->key_len) : (struct bytes){0};
}

struct bytes session_trusted_meta(const struct session *s)
{
    return bytes_str(s->person ? s->person->meta : NULL);
}

const struct topic_settings *session_settings(const struct session *s, struct bytes topic)
{
    return config_topic_settings(s->worker->node->config, topic);
}

const struct outage *session_outage(const struct session *s)
{
    return &s->worker->outage;
}

const struct session_limits *session_limits(const struct session *s)
{
    return &s->worker->node->limits;
}

/* Joining. */

static bool topic_valid(const struct session *s, struct bytes topic)
{
    for (size_t i = 0; i < topic.len; i++)
        if ((unsigned char)topic.ptr[i] < 0x20 || topic.ptr[i] == 0x7f)
            return false;
    return topic.len > 0 && topic.len <= s->worker->node->limits.topic_bytes_max &&
           utf8_valid(topic);
}

static uint32_t count_subscriptions(const struct session *s)
{
    uint32_t n = 0;

    for (const struct subscription *sub = s->subs; sub; sub = sub->next)
        n++;
    return n;
}

static struct bytes lasting_person(const struct session *s)
{
    return s->person && s->person->lasting ? session_key(s) : (struct bytes){0};
}

static void post_join(struct session *s, const struct join *j, struct subscription *sub)
{
    struct worker *w = s->worker;
    struct bytes person = session_key(s);
    struct letter *l = letter_new(LETTER_JOIN, j->topic.len + person.len + j->meta.len);
    char *at = l->text;

    l->join = (struct hub_join){
        .topic = letter_put(&at, j->topic),
        .person = letter_put(&at, person),
        .meta = letter_put(&at, j->meta),
        .hash = sub->audience->hash,
        .settings = session_settings(s, j->topic),
        .owner = {.subscription = pool_id(sub), .worker = w->index},
        .audience = pool_id(sub->audience),
        .format = j->format,
        .counted = j->counted,
        .lasting = s->person->lasting,
        .live = !formats[j->format]->lists,
    };
    worker_post(w, sub->audience->home, l);
}

enum join_result session_join(struct session *s, const struct join *j)
{
    struct worker *w = s->worker;

    assert(s->person);
    if (!topic_valid(s, j->topic))
        return JOIN_BAD_TOPIC;
    if (s->person->topics && !patterns_match(s->person->topics, j->topic))
        return JOIN_FORBIDDEN;
    if (count_subscriptions(s) >= w->node->limits.topics_per_session_max)
        return JOIN_TOO_MANY;
    struct subscription *sub = pool_take(&w->subscriptions);
    uint64_t hash = hash_bytes(&w->node->seed, j->topic);

    sub->session = s;
    sub->audience = audience_ref(&w->audiences, j->topic, hash);
    sub->audience->home = worker_home(w, hash);
    sub->data = j->data;
    sub->format = j->format;
    sub->counted = j->counted;
    sub->next = s->subs;
    s->subs = sub;
    post_join(s, j, sub);
    return JOIN_OK;
}

static const struct {
    const char *code, *text;
} join_results[] = {
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
    return join_results[r].text;
}

const char *join_result_code(enum join_result r)
{
    return join_results[r].code;
}

static void unlink_subscription(struct session *s, struct subscription *sub)
{
    struct subscription **at = &s->subs;

    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
    if (sub->joined)
        audience_remove(sub->audience, sub);
    if (s->dialect->on_left)
        s->dialect->on_left(s, sub);
}

static void free_subscription(struct worker *w, struct subscription *sub)
{
    audience_unref(&w->audiences, sub->audience);
    pool_put(&w->subscriptions, sub);
}

static void post_leave(struct worker *w, const struct subscription *sub, struct bytes person,
                       bool broken)
{
    struct letter *l = letter_new(LETTER_LEAVE, person.len);
    char *at = l->text;

    l->leave = (struct hub_leave){
        .topic = sub->audience->topic,
        .presence = sub->presence,
        .audience = pool_id(sub->audience),
        .person = letter_put(&at, person),
        .worker = w->index,
        .format = sub->format,
        .broken = broken,
    };
    worker_post(w, sub->audience->home, l);
}

static void leave(struct session *s, struct subscription *sub, bool broken)
{
    struct bytes person = lasting_person(s);

    unlink_subscription(s, sub);
    if (sub->joined) {
        post_leave(s->worker, sub, person, broken);
        free_subscription(s->worker, sub);
        return;
    }
    /* The home has not answered yet. What is left of it waits for the answer, and then leaves as it
     * would have. */
    sub->session = NULL;
    sub->data = person.len ? bytes_copy(person) : NULL;
    sub->broken = broken;
}

/* The answer has come to one that ended before. */
static void end_unanswered(struct worker *w, struct subscription *sub,
                           const struct letter_joined *in)
{
    if (in && in->result == HUB_OK) {
        sub->presence = in->joined.presence;
        sub->audience->topic = in->joined.topic;
        sub->audience->number = in->number;
        post_leave(w, sub, bytes_str(sub->data), sub->broken);
    }
    heap_free(sub->data);
    free_subscription(w, sub);
}

void subscriptions_release(struct worker *w)
{
    struct subscription *sub;
    uint32_t slot = 0;

    while ((sub = pool_next(&w->subscriptions, &slot))) {
        assert(!sub->session);
        end_unanswered(w, sub, NULL);
    }
    pool_release(&w->subscriptions);
}

void session_leave(struct session *s, struct subscription *sub)
{
    leave(s, sub, false);
}

void session_drop_all(struct session *s, bool broken)
{
    if (s->phase == SESSION_WEBSOCKET)
        s->worker->metrics.websockets--;
    while (s->subs)
        leave(s, s->subs, broken);
}

static enum join_result result_of(enum hub_result r)
{
    switch (r) {
    case HUB_OK:
        return JOIN_OK;
    case HUB_TOPIC_FULL:
        return JOIN_TOPIC_FULL;
    case HUB_TOO_MANY_TOPICS:
        return JOIN_TOO_MANY_TOPICS;
    }
    return JOIN_TOO_MANY_TOPICS;
}

void session_joined(struct worker *w, struct letter *l)
{
    const struct letter_joined *in = &l->joined;
    struct subscription *sub = pool_get(&w->subscriptions, in->subscription);
    struct joined j = {
        .result = result_of(in->result),
        .number = in->number,
        .ref = in->joined.ref,
        .rev = in->joined.rev,
        .node = in->node,
        .viewers = in->joined.viewers,
        .people = in->joined.people,
        .state = in->state,
    };

    assert(sub);
    struct session *s = sub->session;
    if (!s) {
        end_unanswered(w, sub, in);
        return;
    }
    if (in->result == HUB_OK) {
        sub->joined = true;
        sub->presence = in->joined.presence;
        sub->seen = formats[sub->format]->lists ? 0 : in->joined.seq;
        sub->audience->topic = in->joined.topic;
        sub->audience->number = in->number;
        audience_add(sub->audience, sub);
    }
    s->dialect->on_joined(s, sub, &j);
    /* The hook may have closed the session, and so ended the subscription already. */
    if (in->result != HUB_OK && pool_get(&w->subscriptions, in->subscription) && sub->session) {
        unlink_subscription(s, sub);
        free_subscription(w, sub);
    } else if (in->result != HUB_OK && pool_get(&w->subscriptions, in->subscription)) {
        end_unanswered(w, sub, NULL);
    }
}

void subscription_refresh(struct subscription *sub)
{
    struct letter *l = letter_new(LETTER_STATE_WANTED, 0);

    l->state_wanted.topic = sub->audience->topic;
    l->state_wanted.subscription = pool_id(sub);
    l->state_wanted.format = sub->format;
    worker_post(sub->session->worker, sub->audience->home, l);
}

bool session_page(struct session *s, struct subscription *sub, const struct page *page)
{
    if (sub->paging)
        return false;
    sub->paging = true;
    struct letter *l = letter_new(LETTER_PAGE_WANTED, 0);

    l->page.topic = sub->audience->topic;
    l->page.subscription = pool_id(sub);
    l->page.format = sub->format;
    l->page.page = *page;
    worker_post(s->worker, sub->audience->home, l);
    return true;
}

void subscription_page(struct worker *w, const struct letter *l)
{
    struct subscription *sub = pool_get(&w->subscriptions, l->page.subscription);

    if (!sub)
        return;
    sub->paging = false;
    if (l->page.blob)
        session_send(sub->session, l->page.blob);
}

void session_update(struct session *s, struct subscription *sub, struct bytes meta)
{
    struct letter *l = letter_new(LETTER_UPDATE, meta.len);
    char *at = l->text;

    assert(sub->joined && sub->counted);
    l->update.presence = sub->presence;
    l->update.meta = letter_put(&at, meta);
    worker_post(s->worker, sub->audience->home, l);
}

void session_publish(struct session *s, struct subscription *sub, const struct event *e)
{
    struct letter *l = letter_new(LETTER_PUBLISH, e->name.len + e->payload.len);
    char *at = l->text;

    l->publish.topic = sub->audience->topic;
    l->publish.event.name = letter_put(&at, e->name);
    l->publish.event.payload = letter_put(&at, e->payload);
    worker_post(s->worker, sub->audience->home, l);
}

/* Looking. */

struct subscription *session_next(struct session *s, struct subscription *sub)
{
    return sub ? sub->next : s->subs;
}

struct bytes subscription_topic(const struct subscription *sub)
{
    return sub->audience->name;
}

void *subscription_data(const struct subscription *sub)
{
    return sub->data;
}

uint64_t subscription_number(const struct subscription *sub)
{
    return sub->joined ? sub->audience->number : UINT64_MAX;
}

bool subscription_counted(const struct subscription *sub)
{
    return sub->counted;
}

bool subscription_lists(const struct subscription *sub)
{
    return formats[sub->format]->lists;
}

bool subscription_joined(const struct subscription *sub)
{
    return sub->joined;
}

/* Sending. */

void session_send(struct session *s, struct blob *frame)
{
    struct worker *w = s->worker;

    if (s->phase != SESSION_WEBSOCKET || s->slow)
        return;
    if (conn_blocked(&s->conn) &&
        conn_queued(&s->conn) + frame->len > w->node->config->queue_bytes_max) {
        /* Later, by its timer: the caller is in the middle of a hook or of a fan-out. */
        s->slow = true;
        wheel_set(&w->wheel, &s->timer, w->now_ms);
        return;
    }
    conn_send(&s->conn, frame);
    w->metrics.frames++;
}

static void send_message(struct session *s, enum ws_opcode op, struct bytes payload)
{
    struct blob *frame = ws_frame_blob(op, payload);

    session_send(s, frame);
    blob_unref(frame);
}

void session_send_text(struct session *s, struct bytes payload)
{
    send_message(s, WS_OP_TEXT, payload);
}

void session_send_binary(struct session *s, struct bytes payload)
{
    send_message(s, WS_OP_BINARY, payload);
}
