/* SPDX-License-Identifier: MIT */
#include "cluster/bus_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/log.h"
#include "cluster/scripts.h"
#include "cluster/share_text.h"

enum {
    STUCK_MS = 3000,
    EXPIRE_S = 86400,
    REAP_TOPICS_MAX = 1000,
    ERROR_EVERY_MS = 1000, /* errors that are logged */
    SHA_BYTES = 41
};

enum script { WRITE, RENEW, REAP, READ, CHECK, SCRIPTS_LEN };

static const char *const sources[SCRIPTS_LEN] = {
    [WRITE] = script_write, [RENEW] = script_renew, [REAP] = script_reap,
    [READ] = script_read,   [CHECK] = script_check,
};

struct bus_redis {
    struct bus bus;
    struct redis *commands, *subscriptions;
    const struct bus_handler *handler;
    void *owner;
    const char *prefix;
    char shas[SCRIPTS_LEN][SHA_BYTES];
    unsigned loaded; /* scripts */
    bool told_up;
    bool reload; /* the server has forgotten the scripts */
    struct request *requests;
    uint64_t subscribed, confirmed; /* subscriptions asked for; confirmed, or lost since */
    uint64_t now_ms, error_ms;
};

static struct bus_redis *of(struct bus *b)
{
    return (struct bus_redis *)(void *)b;
}

/* Room for the keys of a call, so that those put first stay where they are. */
static void begin_keys(struct buf *text, const struct bus_redis *b, struct bytes topic)
{
    enum { KEYS_MAX = 6, KIND_MAX = 16 };

    buf_init(text, BUF_UNBOUNDED);
    buf_reserve(text, KEYS_MAX * (strlen(b->prefix) + KIND_MAX + LIFE_TEXT_MAX + topic.len + 1));
}

/* A key: prefix, kind and name. */
static struct bytes put_key(struct buf *out, const struct bus_redis *b, const char *kind,
                            struct bytes name)
{
    size_t begin = out->len, cap = out->cap;

    buf_printf(out, "%s%s", b->prefix, kind);
    buf_put(out, name);
    assert(out->cap == cap);
    return bytes_of(out->ptr + begin, out->len - begin);
}

static struct bytes put_share_key(struct buf *out, const struct bus_redis *b, const char *life,
                                  struct bytes topic)
{
    char kind[LIFE_TEXT_MAX + 16];

    snprintf(kind, sizeof(kind), "share:%s:", life);
    return put_key(out, b, kind, topic);
}

/* A call of a script: EVALSHA sha n key... arg... */
struct eval {
    struct bytes args[REDIS_ARGS_MAX];
    size_t len;
};

static void eval_begin(struct eval *e, const struct bus_redis *b, enum script s,
                       struct bytes keys_len)
{
    e->args[0] = B("EVALSHA");
    e->args[1] = bytes_str(b->shas[s]);
    e->args[2] = keys_len;
    e->len = 3;
}

static void eval_add(struct eval *e, struct bytes arg)
{
    assert(e->len < REDIS_ARGS_MAX);
    e->args[e->len++] = arg;
}

static void eval_add_all(struct eval *e, const struct bytes *args, size_t len)
{
    for (size_t i = 0; i < len; i++)
        eval_add(e, args[i]);
}

/* Whose answer it is; the topic follows. The bus keeps them, since one that is closed answers no
 * more. */
struct request {
    struct request *prev, *next;
    struct bus_redis *bus;
    struct life life;
    uint64_t ticket;
    bool check;
    uint32_t len;
    char topic[];
};

static struct request *request_new(struct bus_redis *b, struct bytes topic, struct life life)
{
    struct request *r = heap_alloc(sizeof(*r) + topic.len);

    *r = (struct request){.next = b->requests, .bus = b, .life = life, .len = (uint32_t)topic.len};
    if (r->next)
        r->next->prev = r;
    b->requests = r;
    memcpy(r->topic, topic.ptr, topic.len);
    return r;
}

static void request_free(struct request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        r->bus->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    heap_free(r);
}

static struct bytes request_topic(const struct request *r)
{
    return bytes_of(r->topic, r->len);
}

/* Sends what stands in `e`; `r` is freed if it cannot be sent. */
static bool request_send(struct bus_redis *b, const struct eval *e, redis_done *done,
                         struct request *r)
{
    bool sent = redis_command(b->commands, e->args, e->len, done, r);

    if (!sent)
        request_free(r);
    return sent;
}

static bool is_error(struct bus_redis *b, const redisReply *reply)
{
    static const char no_script[] = "NOSCRIPT";

    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return !reply;
    if (strncmp(reply->str, no_script, sizeof(no_script) - 1) == 0)
        b->reload = true;
    if (b->now_ms >= b->error_ms) {
        log_warn("cluster: redis: %s", reply->str);
        b->error_ms = b->now_ms + ERROR_EVERY_MS;
    }
    return true;
}

/* Writing. */

static void on_written(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;
    enum bus_lease lease = BUS_LEASE_UNKNOWN;

    if (!is_error(b, reply) && reply->type == REDIS_REPLY_INTEGER)
        lease = reply->integer ? BUS_LEASE_HELD : BUS_LEASE_LOST;
    b->handler->on_written(b->owner, request_topic(r), r->life, lease);
    request_free(r);
}

/* A number as text in `numbers`, which has room. */
static struct bytes put_number(struct buf *numbers, uint64_t n)
{
    size_t begin = numbers->len, cap = numbers->cap;

    buf_put_uint(numbers, n);
    assert(numbers->cap == cap);
    return bytes_of(numbers->ptr + begin, numbers->len - begin);
}

static bool redis_bus_write(struct bus *bus, const struct bus_write *w)
{
    struct bus_redis *b = of(bus);
    struct eval *e = heap_alloc(sizeof(*e));
    struct buf text, numbers;
    char life[LIFE_TEXT_MAX];

    life_put(w->life, life);
    begin_keys(&text, b, w->topic);
    buf_init(&numbers, BUF_UNBOUNDED);
    buf_reserve(&numbers, 256);
    eval_begin(e, b, WRITE, B("5"));
    eval_add(e, put_key(&text, b, "leases", B("")));
    eval_add(e, put_share_key(&text, b, life, w->topic));
    eval_add(e, put_key(&text, b, "topic:", w->topic));
    eval_add(e, put_key(&text, b, "topics:", bytes_str(life)));
    eval_add(e, put_key(&text, b, "fences:", bytes_str(life)));
    eval_add(e, bytes_str(life));
    eval_add(e, w->topic);
    eval_add(e, put_number(&numbers, w->version));
    eval_add(e, w->whole ? B("1") : B("0"));
    eval_add(e, put_number(&numbers, EXPIRE_S));
    eval_add(e, put_key(&text, b, "channel:", w->topic));
    eval_add(e, w->message);
    eval_add(e, put_number(&numbers, w->home));
    eval_add(e, put_number(&numbers, w->connection));
    eval_add(e, put_number(&numbers, w->set_len));
    eval_add_all(e, w->set, w->set_len);
    eval_add_all(e, w->removed, w->removed_len);
    bool sent = request_send(b, e, on_written, request_new(b, w->topic, w->life));
    buf_release(&text);
    buf_release(&numbers);
    heap_free(e);
    return sent;
}

/* Reading. */

static bool is_share(const redisReply *share)
{
    return share->type == REDIS_REPLY_ARRAY && share->elements == 3 && share->element[0]->str &&
           share->element[1]->str;
}

/* `entries` has room for all of them. */
static size_t take_shares(const redisReply *reply, struct bus_share *shares, struct bytes *entries)
{
    size_t len = 0;

    for (size_t i = 1; i < reply->elements; i++) {
        const redisReply *share = reply->element[i];
        if (!is_share(share))
            continue;
        const redisReply *life = share->element[0], *last = share->element[2];
        if (!life_parse(bytes_of(life->str, life->len), &shares[len].life))
            continue;
        bool whole = last->type == REDIS_REPLY_ARRAY;
        shares[len].version = strtoull(share->element[1]->str, NULL, 10);
        shares[len].size = whole ? last->elements / 2 : (size_t)last->integer;
        shares[len].entries = entries;
        shares[len].entries_len = whole ? last->elements : 0;
        for (size_t k = 0; k < shares[len].entries_len; k++)
            *entries++ = bytes_of(last->element[k]->str, last->element[k]->len);
        len++;
    }
    return len;
}

static void answer(struct bus_redis *b, const struct request *r, const struct bus_reading *reading)
{
    if (r->check)
        b->handler->on_checked(b->owner, request_topic(r), r->ticket, reading);
    else
        b->handler->on_read(b->owner, request_topic(r), r->ticket, reading);
}

static void on_read(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;
    size_t entries_len = 0;

    if (is_error(b, reply) || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        !reply->element[0]->str) {
        answer(b, r, NULL);
        request_free(r);
        return;
    }
    for (size_t i = 1; i < reply->elements; i++)
        if (is_share(reply->element[i]))
            entries_len += reply->element[i]->element[2]->elements;
    struct bus_share *shares = heap_zalloc(reply->elements, sizeof(*shares));
    struct bytes *entries = heap_zalloc(entries_len + 1, sizeof(*entries));
    struct bus_reading reading = {
        .epoch = strtoull(reply->element[0]->str, NULL, 16),
        .shares = shares,
        .len = take_shares(reply, shares, entries),
    };
    answer(b, r, &reading);
    heap_free(shares);
    heap_free(entries);
    request_free(r);
}

static bool redis_bus_read(struct bus *bus, const struct bus_question *q)
{
    struct bus_redis *b = of(bus);
    struct eval *e = heap_alloc(sizeof(*e));
    struct buf text;

    begin_keys(&text, b, q->topic);
    eval_begin(e, b, READ, B("3"));
    eval_add(e, put_key(&text, b, "topic:", q->topic));
    eval_add(e, put_key(&text, b, "leases", B("")));
    eval_add(e, put_key(&text, b, "epoch", B("")));
    eval_add(e, bytes_str(b->prefix));
    eval_add(e, q->topic);
    struct request *r = request_new(b, q->topic, q->life);
    r->ticket = q->ticket;
    bool sent = request_send(b, e, on_read, r);
    buf_release(&text);
    heap_free(e);
    return sent;
}

static bool redis_bus_check(struct bus *bus, const struct bus_question *q)
{
    struct bus_redis *b = of(bus);
    struct eval *e = heap_alloc(sizeof(*e));
    char life[LIFE_TEXT_MAX], seconds[16];
    struct buf text;

    life_put(q->life, life);
    snprintf(seconds, sizeof(seconds), "%d", EXPIRE_S);
    begin_keys(&text, b, q->topic);
    eval_begin(e, b, CHECK, B("6"));
    eval_add(e, put_key(&text, b, "topic:", q->topic));
    eval_add(e, put_key(&text, b, "leases", B("")));
    eval_add(e, put_key(&text, b, "epoch", B("")));
    eval_add(e, put_share_key(&text, b, life, q->topic));
    eval_add(e, put_key(&text, b, "topics:", bytes_str(life)));
    eval_add(e, put_key(&text, b, "fences:", bytes_str(life)));
    eval_add(e, bytes_str(b->prefix));
    eval_add(e, q->topic);
    eval_add(e, bytes_str(seconds));
    eval_add(e, bytes_str(life));
    struct request *r = request_new(b, q->topic, q->life);
    r->ticket = q->ticket;
    r->check = true;
    bool sent = request_send(b, e, on_read, r);
    buf_release(&text);
    heap_free(e);
    return sent;
}

/* Leases. */

static void on_renewed(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;
    struct life expired[16];
    struct bus_renewal renewal = {.life = r->life, .lease = BUS_LEASE_UNKNOWN, .expired = expired};

    if (!is_error(b, reply) && reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
        reply->element[1]->str) {
        renewal.lease = reply->element[0]->integer ? BUS_LEASE_HELD : BUS_LEASE_LOST;
        renewal.epoch = strtoull(reply->element[1]->str, NULL, 16);
        for (size_t i = 2; i < reply->elements && renewal.expired_len < ARRAY_LEN(expired); i++)
            renewal.expired_len +=
                life_parse(bytes_of(reply->element[i]->str, reply->element[i]->len),
                           &expired[renewal.expired_len]);
    }
    b->handler->on_renewed(b->owner, &renewal);
    request_free(r);
}

static bool redis_bus_renew(struct bus *bus, struct life life, uint32_t lease_ms, bool fresh)
{
    struct bus_redis *b = of(bus);
    struct eval *e;
    char life_text[LIFE_TEXT_MAX], ms[16], epoch[24], seconds[16];
    uint64_t random = 0;
    struct buf text;

    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        return false;
    life_put(life, life_text);
    snprintf(ms, sizeof(ms), "%u", lease_ms);
    snprintf(epoch, sizeof(epoch), "%llx", (unsigned long long)(random | 1));
    snprintf(seconds, sizeof(seconds), "%d", EXPIRE_S);
    begin_keys(&text, b, B(""));
    e = heap_alloc(sizeof(*e));
    eval_begin(e, b, RENEW, B("2"));
    eval_add(e, put_key(&text, b, "leases", B("")));
    eval_add(e, put_key(&text, b, "epoch", B("")));
    eval_add(e, bytes_str(life_text));
    eval_add(e, bytes_str(ms));
    eval_add(e, fresh ? B("1") : B("0"));
    eval_add(e, bytes_str(epoch));
    eval_add(e, bytes_str(seconds));
    bool sent = request_send(b, e, on_renewed, request_new(b, B(""), life));
    buf_release(&text);
    heap_free(e);
    return sent;
}

/* A life with many topics is reaped in several steps, so that no step holds the server up. */
static bool reap(struct bus_redis *b, struct life life, bool leaving);

static void on_reaped(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;

    if (!is_error(b, reply) && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        reap(b, r->life, r->ticket != 0);
    request_free(r);
}

static bool reap(struct bus_redis *b, struct life life, bool leaving)
{
    struct share_message gone = {.life = life, .gone = true};
    struct eval *e = heap_alloc(sizeof(*e));
    char life_text[LIFE_TEXT_MAX], most[16];
    struct buf text, message;

    life_put(life, life_text);
    snprintf(most, sizeof(most), "%d", REAP_TOPICS_MAX);
    begin_keys(&text, b, B(""));
    buf_init(&message, BUF_UNBOUNDED);
    share_message_put(&message, &gone);
    eval_begin(e, b, REAP, B("3"));
    eval_add(e, put_key(&text, b, "leases", B("")));
    eval_add(e, put_key(&text, b, "topics:", bytes_str(life_text)));
    eval_add(e, put_key(&text, b, "fences:", bytes_str(life_text)));
    eval_add(e, bytes_str(life_text));
    eval_add(e, bytes_str(b->prefix));
    eval_add(e, leaving ? B("1") : B("0"));
    eval_add(e, buf_bytes(&message));
    eval_add(e, bytes_str(most));
    struct request *r = request_new(b, B(""), life);
    r->ticket = leaving;
    bool sent = request_send(b, e, on_reaped, r);
    buf_release(&text);
    buf_release(&message);
    heap_free(e);
    return sent;
}

static bool redis_bus_reap(struct bus *bus, struct life life, bool leaving)
{
    return reap(of(bus), life, leaving);
}

/* Channels. */

static bool redis_bus_subscription(struct bus *bus, struct bytes topic, bool on)
{
    struct bus_redis *b = of(bus);
    struct buf text;

    begin_keys(&text, b, topic);
    struct bytes channel = put_key(&text, b, "channel:", topic);
    bool sent = on ? redis_subscribe(b->subscriptions, channel)
                   : redis_unsubscribe(b->subscriptions, channel);
    buf_release(&text);
    return sent;
}

static bool redis_bus_publish(struct bus *bus, struct bytes topic, struct bytes message)
{
    struct bus_redis *b = of(bus);
    struct bytes args[3];
    struct buf text;

    begin_keys(&text, b, topic);
    args[0] = B("PUBLISH");
    args[1] = put_key(&text, b, "channel:", topic);
    args[2] = message;
    bool sent = redis_command(b->commands, args, 3, NULL, NULL);
    buf_release(&text);
    return sent;
}

/* The server confirms each in order. */
static uint64_t redis_bus_subscribe(struct bus *bus, struct bytes topic)
{
    return redis_bus_subscription(bus, topic, true) ? ++of(bus)->subscribed : 0;
}

static bool redis_bus_unsubscribe(struct bus *bus, struct bytes topic)
{
    return redis_bus_subscription(bus, topic, false);
}

/* The topic of a channel. */
static struct bytes topic_of(const struct bus_redis *b, struct bytes channel)
{
    size_t skip = strlen(b->prefix) + strlen("channel:");

    return channel.len > skip ? bytes_skip(channel, skip) : (struct bytes){0};
}

static void on_subscribed(void *owner, struct bytes channel)
{
    struct bus_redis *b = owner;

    b->handler->on_subscribed(b->owner, topic_of(b, channel), ++b->confirmed);
}

static void on_message(void *owner, struct bytes channel, struct bytes payload)
{
    struct bus_redis *b = owner;

    b->handler->on_message(b->owner, topic_of(b, channel), payload);
}

/* The connections: the bus is up when both are and the scripts are loaded. */

static void look_up(struct bus_redis *b)
{
    if (b->told_up || b->loaded < SCRIPTS_LEN || !redis_up(b->commands) ||
        !redis_up(b->subscriptions))
        return;
    b->told_up = true;
    b->handler->on_up(b->owner);
}

static void on_loaded(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    char *sha = data;

    if (is_error(b, reply) || reply->type != REDIS_REPLY_STRING || reply->len != SHA_BYTES - 1)
        return;
    memcpy(sha, reply->str, SHA_BYTES);
    b->loaded++;
    look_up(b);
}

static void load_scripts(struct bus_redis *b)
{
    b->loaded = 0;
    b->reload = false;
    for (unsigned i = 0; i < SCRIPTS_LEN; i++) {
        struct bytes args[] = {B("SCRIPT"), B("LOAD"), bytes_str(sources[i])};
        redis_command(b->commands, args, 3, on_loaded, b->shas[i]);
    }
}

static void on_commands_up(void *owner)
{
    load_scripts(owner);
}

static void on_subscriptions_up(void *owner)
{
    look_up(owner);
}

static void on_down(void *owner, const char *why)
{
    struct bus_redis *b = owner;

    b->told_up = false;
    b->handler->on_down(b->owner, why);
}

static void on_subscriptions_down(void *owner, const char *why)
{
    struct bus_redis *b = owner;

    b->confirmed = b->subscribed; /* those under way will not be confirmed */
    on_down(owner, why);
}

static void redis_bus_tick(struct bus *bus, uint64_t now_ms)
{
    struct bus_redis *b = of(bus);

    b->now_ms = now_ms;
    if (b->reload && redis_up(b->commands))
        load_scripts(b);
    redis_tick(b->commands, now_ms, STUCK_MS);
    redis_tick(b->subscriptions, now_ms, STUCK_MS);
}

static uint32_t redis_bus_waiting(const struct bus *bus)
{
    const struct bus_redis *b = (const struct bus_redis *)(const void *)bus;

    return redis_waiting(b->commands);
}

static void redis_bus_close(struct bus *bus)
{
    struct bus_redis *b = of(bus);

    redis_close(b->commands);
    redis_close(b->subscriptions);
    while (b->requests)
        request_free(b->requests);
    heap_free(b);
}

static const struct bus_ops redis_bus_ops = {
    .write = redis_bus_write,
    .publish = redis_bus_publish,
    .subscribe = redis_bus_subscribe,
    .unsubscribe = redis_bus_unsubscribe,
    .read = redis_bus_read,
    .check = redis_bus_check,
    .renew = redis_bus_renew,
    .reap = redis_bus_reap,
    .tick = redis_bus_tick,
    .waiting = redis_bus_waiting,
    .close = redis_bus_close,
};

static const struct redis_handler commands_handler = {
    .on_up = on_commands_up,
    .on_down = on_down,
};

static const struct redis_handler subscriptions_handler = {
    .on_up = on_subscriptions_up,
    .on_down = on_subscriptions_down,
    .on_subscribed = on_subscribed,
    .on_message = on_message,
};

struct bus *bus_redis_new(struct loop *l, const struct redis_address *a, const char *prefix,
                          const struct bus_handler *handler, void *owner)
{
    struct bus_redis *b = heap_zalloc(1, sizeof(*b));

    b->bus.ops = &redis_bus_ops;
    b->handler = handler;
    b->owner = owner;
    b->prefix = prefix;
    b->commands = redis_new(l, a, &commands_handler, b);
    b->subscriptions = redis_new(l, a, &subscriptions_handler, b);
    return &b->bus;
}
