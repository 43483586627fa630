/* SPDX-License-Identifier: MIT */
/*
 * redis_sync.h - a connection to Redis whose calls wait for their answers, for commands and for the
 * start of the server; never in a worker.
 */
#ifndef NET_REDIS_SYNC_H
#define NET_REDIS_SYNC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "net/redis.h"

/* Connects, authenticates and selects the database; each step, and each later call, may take
 * `timeout_ms`. Freed with redisFree(). NULL, with a short text in `error`, if that fails. */
NODISCARD redisContext *redis_sync_open(const struct redis_address *a, uint32_t timeout_ms,
                                        struct buf *error);

#endif
