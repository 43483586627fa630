/* SPDX-License-Identifier: MIT */
/*
 * redis.h - one connection to a Redis or Valkey server on a worker's loop, over hiredis.
 *
 * Commands are pipelined: what a turn asks leaves together. The connection comes back by itself;
 * what was under way when it broke is answered with NULL, in order. A server that takes commands
 * and does not answer is cut off after `stuck_ms`, so that nothing grows without bound and whoever
 * waits is told.
 *
 * It knows no keys and no scripts. One thread owns it.
 */
#ifndef NET_REDIS_H
#define NET_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/loop.h"

struct redis;

/* Where it is. Texts outlive the connection; NULL if not given. */
struct redis_address {
    const char *host; /* or NULL, and then `path` */
    const char *path; /* of a Unix socket */
    const char *user, *password;
    int port, db;
};

struct redis_handler {
    /* The connection stands, and has been authenticated. */
    void (*on_up)(void *owner);
    /* It is lost, or could not be made; `why` is a short text. It is tried again. */
    void (*on_down)(void *owner, const char *why);
    /* A subscription stands: what is published from now on comes. */
    void (*on_subscribed)(void *owner, struct bytes channel);
    /* Published on a subscribed channel. */
    void (*on_message)(void *owner, struct bytes channel, struct bytes payload);
};

enum { REDIS_ARGS_MAX = 4096, REDIS_PENDING_BYTES_MAX = 16 * 1024 * 1024 };

NODISCARD struct redis *redis_new(struct loop *l, const struct redis_address *a,
                                  const struct redis_handler *handler, void *owner);
/* Freed in a later loop_poll(); callbacks of what is under way come no more. */
void redis_close(struct redis *r);
bool redis_up(const struct redis *r);
/* Commands that are not answered yet. */
uint32_t redis_waiting(const struct redis *r);
/* To be called about ten times a second: connects again, and cuts off a server that is stuck. */
void redis_tick(struct redis *r, uint64_t now_ms, uint32_t stuck_ms);

/* Called with the reply, borrowed, or with NULL if the connection broke. */
typedef void redis_done(void *owner, void *data, const redisReply *reply);

/* Sends a command. False, and `done` will not be called, if there is no connection or too much is
 * under way. `done` may be NULL. */
bool redis_command(struct redis *r, const struct bytes *args, size_t len, redis_done *done,
                   void *data);
/* Subscriptions; messages come to on_message. A connection that has any is for nothing else. False
 * as above. */
bool redis_subscribe(struct redis *r, struct bytes channel);
bool redis_unsubscribe(struct redis *r, struct bytes channel);

#endif
