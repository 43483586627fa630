/* SPDX-License-Identifier: MIT */
#include "net/redis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>

#include "base/heap.h"
#include "net/internal.h"

enum { RETRY_MS = 250, PROBE_AFTER_MS = 1000 };

/* Nothing is published there. To subscribe again is the one question that a connection with
 * subscriptions can ask and whose answer hiredis passes on. */
static const char alive_channel[] = "rollcall:alive";

struct redis {
    struct loop *loop;
    struct redis_address address;
    const struct redis_handler *handler;
    void *owner;
    redisAsyncContext *ctx; /* NULL while there is no connection */
    bool up;
    bool closing;
    uint64_t retry_ms;
    uint64_t waiting_since_ms; /* of the oldest command that is not answered; 0: none */
    uint32_t waiting;
    size_t pending_bytes; /* of commands that are not answered */
    uint64_t now_ms;
    uint64_t heard_ms;  /* of subscriptions: when anything came last */
    uint64_t probed_ms; /* when it was asked whether it lives; 0: it was not */
    bool subscribes;
    char refused[80]; /* what the server said when it let us not in; else empty */
};

/* One command under way. */
struct call {
    struct redis *redis;
    redis_done *done;
    void *data;
    size_t bytes;
};

static void connect_now(struct redis *r);

struct redis *redis_new(struct loop *l, const struct redis_address *a,
                        const struct redis_handler *handler, void *owner)
{
    struct redis *r = heap_zalloc(1, sizeof(*r));

    r->loop = l;
    r->address = *a;
    r->handler = handler;
    r->owner = owner;
    return r;
}

bool redis_up(const struct redis *r)
{
    return r->up;
}

uint32_t redis_waiting(const struct redis *r)
{
    return r->waiting;
}

static void lost(struct redis *r, const char *why)
{
    r->ctx = NULL;
    r->up = r->subscribes = false;
    r->probed_ms = 0;
    r->waiting = 0;
    r->waiting_since_ms = 0;
    r->pending_bytes = 0;
    r->retry_ms = r->now_ms + RETRY_MS;
    if (r->closing)
        heap_free(r);
    else
        r->handler->on_down(r->owner, why);
}

static void on_disconnect(const redisAsyncContext *ctx, int status)
{
    struct redis *r = ctx->data;

    const char *why = status == REDIS_OK ? "the connection was ended" : ctx->errstr;
    lost(r, r->refused[0] ? r->refused : why);
}

static void ready(struct redis *r)
{
    r->up = true;
    r->handler->on_up(r->owner);
}

/* AUTH and SELECT are answered in order, so the last answer tells; an error among them ends the
 * connection. */
static void on_ready(redisAsyncContext *ctx, void *reply, void *last)
{
    struct redis *r = ctx->data;
    const redisReply *answer = reply;

    if (!answer || r->closing)
        return;
    if (answer->type == REDIS_REPLY_ERROR) {
        if (!r->refused[0]) /* the first is the reason, the others follow from it */
            snprintf(r->refused, sizeof(r->refused), "%s", answer->str);
        redisAsyncDisconnect(ctx);
    } else if (last) {
        ready(r);
    }
}

static void on_connect(const redisAsyncContext *ctx, int status)
{
    struct redis *r = ctx->data;
    redisAsyncContext *c = r->ctx;
    static const char last = 1;

    if (status != REDIS_OK) {
        lost(r, ctx->errstr); /* hiredis frees the context */
        return;
    }
    const struct redis_address *a = &r->address;
    r->refused[0] = '\0';
    if (a->password && a->user)
        redisAsyncCommand(c, on_ready, NULL, "AUTH %s %s", a->user, a->password);
    else if (a->password)
        redisAsyncCommand(c, on_ready, NULL, "AUTH %s", a->password);
    redisAsyncCommand(c, on_ready, (void *)(uintptr_t)&last, "SELECT %d", a->db);
}

static void connect_now(struct redis *r)
{
    const struct redis_address *a = &r->address;
    redisAsyncContext *ctx =
        a->path ? redisAsyncConnectUnix(a->path) : redisAsyncConnect(a->host, a->port);

    r->retry_ms = r->now_ms + RETRY_MS;
    if (!ctx || ctx->err) {
        const char *why = ctx ? ctx->errstr : "no memory for a connection";
        r->handler->on_down(r->owner, why);
        if (ctx)
            redisAsyncFree(ctx);
        return;
    }
    ctx->data = r;
    r->ctx = ctx;
    redisLibuvAttach(ctx, &r->loop->uv);
    redisAsyncSetConnectCallback(ctx, on_connect);
    redisAsyncSetDisconnectCallback(ctx, on_disconnect);
}

/* hiredis 0.14 is not told by its libuv adapter of a connection that was refused or reset. */
static int socket_error(const redisAsyncContext *ctx)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(ctx->c.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void cut_off(struct redis *r, const char *why)
{
    redisAsyncContext *ctx = r->ctx;

    r->ctx = NULL;
    ctx->onDisconnect = NULL; /* it is told here, once */
    redisAsyncFree(ctx);
    lost(r, why);
}

static bool subscription(struct redis *r, const char *verb, struct bytes channel);

/* Subscriptions wait for nothing, so a peer that is gone without a word must be asked. */
static bool is_silent(struct redis *r, uint32_t stuck_ms)
{
    if (!r->up || !r->subscribes || r->now_ms - r->heard_ms < PROBE_AFTER_MS)
        return false;
    if (!r->probed_ms) {
        r->probed_ms = r->now_ms;
        subscription(r, "SUBSCRIBE", bytes_str(alive_channel));
    }
    return r->now_ms - r->probed_ms > stuck_ms;
}

void redis_tick(struct redis *r, uint64_t now_ms, uint32_t stuck_ms)
{
    r->now_ms = now_ms;
    if (!r->ctx && now_ms >= r->retry_ms) {
        connect_now(r);
        r->waiting_since_ms = now_ms; /* for the connect itself */
        return;
    }
    bool waits = r->ctx && (r->waiting || !r->up);
    bool stuck = waits && r->waiting_since_ms && now_ms - r->waiting_since_ms > stuck_ms;
    if (stuck || is_silent(r, stuck_ms)) {
        cut_off(r, "it does not answer");
        return;
    }
    int error = r->ctx ? socket_error(r->ctx) : 0;
    if (error)
        cut_off(r, strerror(error));
}

void redis_close(struct redis *r)
{
    r->closing = true;
    if (!r->ctx) {
        heap_free(r);
        return;
    }
    redisAsyncContext *ctx = r->ctx;
    ctx->onDisconnect = NULL;
    redisAsyncFree(ctx);
    heap_free(r);
}

static void on_reply(redisAsyncContext *ctx, void *reply, void *data)
{
    struct call *call = data;
    struct redis *r = call->redis;

    (void)ctx;
    if (r->waiting)
        r->waiting--;
    r->pending_bytes -= call->bytes < r->pending_bytes ? call->bytes : r->pending_bytes;
    r->waiting_since_ms = r->waiting ? r->now_ms : 0;
    if (call->done && !r->closing)
        call->done(r->owner, call->data, reply);
    heap_free(call);
}

bool redis_command(struct redis *r, const struct bytes *args, size_t len, redis_done *done,
                   void *data)
{
    const char *argv[REDIS_ARGS_MAX];
    size_t lens[REDIS_ARGS_MAX], bytes = 0;

    assert(len <= REDIS_ARGS_MAX);
    for (size_t i = 0; i < len; i++) {
        argv[i] = args[i].ptr ? args[i].ptr : "";
        lens[i] = args[i].len;
        bytes += args[i].len + 16;
    }
    if (!r->up || r->pending_bytes + bytes > REDIS_PENDING_BYTES_MAX)
        return false;
    struct call *call = heap_alloc(sizeof(*call));
    *call = (struct call){.redis = r, .done = done, .data = data, .bytes = bytes};
    if (redisAsyncCommandArgv(r->ctx, on_reply, call, (int)len, argv, lens) != REDIS_OK) {
        heap_free(call);
        return false;
    }
    r->pending_bytes += bytes;
    if (r->waiting++ == 0)
        r->waiting_since_ms = r->now_ms;
    return true;
}

static void on_push(redisAsyncContext *ctx, void *reply, void *data)
{
    struct redis *r = ctx->data;
    const redisReply *m = reply;

    (void)data;
    r->heard_ms = r->now_ms;
    r->probed_ms = 0;
    if (!m || r->closing || m->type != REDIS_REPLY_ARRAY || m->elements != 3)
        return;
    const redisReply *kind = m->element[0], *channel = m->element[1], *payload = m->element[2];
    struct bytes what = bytes_of(kind->str, kind->len);
    if (bytes_equal(bytes_of(channel->str, channel->len), bytes_str(alive_channel)))
        return;
    if (bytes_equal(what, B("subscribe")))
        r->handler->on_subscribed(r->owner, bytes_of(channel->str, channel->len));
    else if (bytes_equal(what, B("message")))
        r->handler->on_message(r->owner, bytes_of(channel->str, channel->len),
                               bytes_of(payload->str, payload->len));
}

static bool subscription(struct redis *r, const char *verb, struct bytes channel)
{
    const char *argv[] = {verb, channel.ptr};
    size_t lens[] = {strlen(verb), channel.len};

    return r->up && redisAsyncCommandArgv(r->ctx, on_push, NULL, 2, argv, lens) == REDIS_OK;
}

bool redis_subscribe(struct redis *r, struct bytes channel)
{
    if (!r->subscribes)
        r->heard_ms = r->now_ms;
    r->subscribes = true;
    return subscription(r, "SUBSCRIBE", channel);
}

bool redis_unsubscribe(struct redis *r, struct bytes channel)
{
    return subscription(r, "UNSUBSCRIBE", channel);
}
