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
    SHA_BYTES = 41,
    READS_BYTES = 64
};

enum script { WRITE, RENEW, REAP, READ, TOUCH, SCRIPTS_LEN };

static const char *const sources[SCRIPTS_LEN] = {
    [WRITE] = script_write, [RENEW] = script_renew, [REAP] = script_reap,
    [READ] = script_read,   [TOUCH] = script_touch,
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
};

static struct bus_redis *of(struct bus *b)
{
    return (struct bus_redis *)(void *)b;
}

/* Room for the keys of a call, so that those put first stay where they are. */
static void begin_keys(struct buf *text, const struct bus_redis *b, struct bytes topic)
{
    enum { KEYS_MAX = 5, KIND_MAX = 16 };

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

/* Whose answer it is; the topic follows. */
struct request {
    uint32_t len;
    char topic[];
};

static struct request *request_new(struct bytes topic)
{
    struct request *r = heap_alloc(sizeof(*r) + topic.len);

    r->len = (uint32_t)topic.len;
    memcpy(r->topic, topic.ptr, topic.len);
    return r;
}

static bool is_error(const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return !reply;
    log_warn("cluster: redis: %s", reply->str);
    return true;
}

/* Writing. */

static void on_written(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;
    enum bus_lease lease = BUS_LEASE_UNKNOWN;

    if (!is_error(reply) && reply->type == REDIS_REPLY_INTEGER)
        lease = reply->integer ? BUS_LEASE_HELD : BUS_LEASE_LOST;
    b->handler->on_written(b->owner, bytes_of(r->topic, r->len), lease);
    heap_free(r);
}

static bool redis_bus_write(struct bus *bus, const struct bus_write *w)
{
    struct bus_redis *b = of(bus);
    struct eval *e = heap_alloc(sizeof(*e));
    struct bytes keys[5];
    struct buf text, numbers;
    char life[LIFE_TEXT_MAX];

    life_put(w->life, life);
    begin_keys(&text, b, w->topic);
    buf_init(&numbers, BUF_UNBOUNDED);
    keys[0] = put_key(&text, b, "leases", B(""));
    keys[1] = put_share_key(&text, b, life, w->topic);
    keys[2] = put_key(&text, b, "topic:", w->topic);
    keys[3] = put_key(&text, b, "topics:", bytes_str(life));
    keys[4] = put_key(&text, b, "channel:", w->topic);
    buf_printf(&numbers, "%llu", (unsigned long long)w->version);
    size_t version_len = numbers.len;
    buf_printf(&numbers, "%d", EXPIRE_S);
    size_t expire_len = numbers.len;
    buf_printf(&numbers, "%zu", w->set_len);

    eval_begin(e, b, WRITE, B("4"));
    eval_add_all(e, keys, 4);
    eval_add(e, bytes_str(life));
    eval_add(e, w->topic);
    eval_add(e, bytes_of(numbers.ptr, version_len));
    eval_add(e, w->whole ? B("1") : B("0"));
    eval_add(e, bytes_of(numbers.ptr + version_len, expire_len - version_len));
    eval_add(e, keys[4]);
    eval_add(e, w->message);
    eval_add(e, bytes_of(numbers.ptr + expire_len, numbers.len - expire_len));
    eval_add_all(e, w->set, w->set_len);
    eval_add_all(e, w->removed, w->removed_len);
    struct request *r = request_new(w->topic);
    bool sent = redis_command(b->commands, e->args, e->len, on_written, r);
    if (!sent)
        heap_free(r);
    buf_release(&text);
    buf_release(&numbers);
    heap_free(e);
    return sent;
}

/* Reading. */

static size_t take_shares(const redisReply *reply, struct bus_share *shares, struct bytes *texts)
{
    size_t len = 0;

    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *share = reply->element[i];
        if (share->type != REDIS_REPLY_ARRAY || share->elements != 3)
            continue;
        const redisReply *life = share->element[0], *version = share->element[1],
                         *entries = share->element[2];
        if (!life_parse(bytes_of(life->str, life->len), &shares[len].life))
            continue;
        shares[len].version = strtoull(version->str, NULL, 10);
        shares[len].entries = texts;
        shares[len].entries_len = entries->elements;
        for (size_t k = 0; k < entries->elements; k++)
            *texts++ = bytes_of(entries->element[k]->str, entries->element[k]->len);
        len++;
    }
    return len;
}

static void on_read(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct request *r = data;
    struct bytes topic = bytes_of(r->topic, r->len);

    if (is_error(reply) || reply->type != REDIS_REPLY_ARRAY) {
        b->handler->on_read(b->owner, topic, NULL, 0);
    } else {
        size_t texts_len = 0;
        for (size_t i = 0; i < reply->elements; i++)
            if (reply->element[i]->type == REDIS_REPLY_ARRAY && reply->element[i]->elements == 3)
                texts_len += reply->element[i]->element[2]->elements;
        struct bus_share *shares = heap_zalloc(reply->elements, sizeof(*shares));
        struct bytes *texts = heap_zalloc(texts_len, sizeof(*texts));
        size_t len = take_shares(reply, shares, texts);
        b->handler->on_read(b->owner, topic, shares, len);
        heap_free(shares);
        heap_free(texts);
    }
    heap_free(r);
}

static bool redis_bus_read(struct bus *bus, struct bytes topic)
{
    struct bus_redis *b = of(bus);
    struct bytes args[6], key;
    struct buf text;

    begin_keys(&text, b, topic);
    key = put_key(&text, b, "topic:", topic);
    args[0] = B("EVALSHA");
    args[1] = bytes_str(b->shas[READ]);
    args[2] = B("1");
    args[3] = key;
    args[4] = bytes_str(b->prefix);
    args[5] = topic;
    struct request *r = request_new(topic);
    bool sent = redis_command(b->commands, args, 6, on_read, r);
    if (!sent)
        heap_free(r);
    buf_release(&text);
    return sent;
}

/* Leases. */

static void on_renewed(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct life expired[16];
    size_t len = 0;

    (void)data;
    if (is_error(reply) || reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        b->handler->on_renewed(b->owner, BUS_LEASE_UNKNOWN, 0, NULL, 0);
        return;
    }
    enum bus_lease lease = reply->element[0]->integer ? BUS_LEASE_HELD : BUS_LEASE_LOST;
    uint64_t epoch = strtoull(reply->element[1]->str, NULL, 16);
    for (size_t i = 2; i < reply->elements && len < ARRAY_LEN(expired); i++)
        len += life_parse(bytes_of(reply->element[i]->str, reply->element[i]->len), &expired[len]);
    b->handler->on_renewed(b->owner, lease, epoch, expired, len);
}

static bool redis_bus_renew(struct bus *bus, struct life life, uint32_t lease_ms, bool fresh)
{
    struct bus_redis *b = of(bus);
    struct bytes args[9], keys[2];
    char life_text[LIFE_TEXT_MAX], ms[16], epoch[24];
    uint64_t random = 0;
    struct buf text;

    life_put(life, life_text);
    snprintf(ms, sizeof(ms), "%u", lease_ms);
    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        return false;
    snprintf(epoch, sizeof(epoch), "%llx", (unsigned long long)(random | 1));
    begin_keys(&text, b, B(""));
    keys[0] = put_key(&text, b, "leases", B(""));
    keys[1] = put_key(&text, b, "epoch", B(""));
    args[0] = B("EVALSHA");
    args[1] = bytes_str(b->shas[RENEW]);
    args[2] = B("2");
    args[3] = keys[0];
    args[4] = keys[1];
    args[5] = bytes_str(life_text);
    args[6] = bytes_str(ms);
    args[7] = fresh ? B("1") : B("0");
    args[8] = bytes_str(epoch);
    bool sent = redis_command(b->commands, args, 9, on_renewed, NULL);
    buf_release(&text);
    return sent;
}

/* A life with many topics is reaped in several steps, so that no step holds the server up. */
struct reaping {
    struct life life;
    bool leaving;
};

static bool redis_bus_reap(struct bus *bus, struct life life, bool leaving);

static void on_reaped(void *owner, void *data, const redisReply *reply)
{
    struct bus_redis *b = owner;
    struct reaping *r = data;

    if (!is_error(reply) && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        redis_bus_reap(&b->bus, r->life, r->leaving);
    heap_free(r);
}

static bool redis_bus_reap(struct bus *bus, struct life life, bool leaving)
{
    struct bus_redis *b = of(bus);
    struct share_message gone = {.life = life, .gone = true};
    struct bytes args[10], keys[2];
    char life_text[LIFE_TEXT_MAX], most[16];
    struct buf text, message;

    life_put(life, life_text);
    snprintf(most, sizeof(most), "%d", REAP_TOPICS_MAX);
    begin_keys(&text, b, B(""));
    buf_init(&message, BUF_UNBOUNDED);
    keys[0] = put_key(&text, b, "leases", B(""));
    keys[1] = put_key(&text, b, "topics:", bytes_str(life_text));
    share_message_put(&message, &gone);
    args[0] = B("EVALSHA");
    args[1] = bytes_str(b->shas[REAP]);
    args[2] = B("2");
    args[3] = keys[0];
    args[4] = keys[1];
    args[5] = bytes_str(life_text);
    args[6] = bytes_str(b->prefix);
    args[7] = leaving ? B("1") : B("0");
    args[8] = buf_bytes(&message);
    args[9] = bytes_str(most);
    struct reaping *r = heap_alloc(sizeof(*r));
    *r = (struct reaping){life, leaving};
    bool sent = redis_command(b->commands, args, 10, on_reaped, r);
    if (!sent)
        heap_free(r);
    buf_release(&text);
    buf_release(&message);
    return sent;
}

static bool redis_bus_touch(struct bus *bus, struct life life, struct bytes topic)
{
    struct bus_redis *b = of(bus);
    struct bytes args[7], keys[3];
    char life_text[LIFE_TEXT_MAX], seconds[16];
    struct buf text;

    life_put(life, life_text);
    snprintf(seconds, sizeof(seconds), "%d", EXPIRE_S);
    begin_keys(&text, b, topic);
    keys[0] = put_share_key(&text, b, life_text, topic);
    keys[1] = put_key(&text, b, "topic:", topic);
    keys[2] = put_key(&text, b, "topics:", bytes_str(life_text));
    args[0] = B("EVALSHA");
    args[1] = bytes_str(b->shas[TOUCH]);
    args[2] = B("3");
    memcpy(args + 3, keys, sizeof(keys));
    args[6] = bytes_str(seconds);
    bool sent = redis_command(b->commands, args, 7, NULL, NULL);
    buf_release(&text);
    return sent;
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

static bool redis_bus_subscribe(struct bus *bus, struct bytes topic)
{
    return redis_bus_subscription(bus, topic, true);
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

    b->handler->on_subscribed(b->owner, topic_of(b, channel));
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

    if (is_error(reply) || reply->type != REDIS_REPLY_STRING || reply->len != SHA_BYTES - 1)
        return;
    memcpy(sha, reply->str, SHA_BYTES);
    b->loaded++;
    look_up(b);
}

static void on_commands_up(void *owner)
{
    struct bus_redis *b = owner;

    b->loaded = 0;
    for (unsigned i = 0; i < SCRIPTS_LEN; i++) {
        struct bytes args[] = {B("SCRIPT"), B("LOAD"), bytes_str(sources[i])};
        redis_command(b->commands, args, 3, on_loaded, b->shas[i]);
    }
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

static void redis_bus_tick(struct bus *bus, uint64_t now_ms)
{
    struct bus_redis *b = of(bus);

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
    heap_free(b);
}

static const struct bus_ops redis_bus_ops = {
    .write = redis_bus_write,
    .publish = redis_bus_publish,
    .subscribe = redis_bus_subscribe,
    .unsubscribe = redis_bus_unsubscribe,
    .read = redis_bus_read,
    .renew = redis_bus_renew,
    .reap = redis_bus_reap,
    .touch = redis_bus_touch,
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
    .on_down = on_down,
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
