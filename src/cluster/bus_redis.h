/* SPDX-License-Identifier: MIT */
/*
 * bus_redis.h - the bus over Redis or Valkey: one connection for commands, one for subscriptions.
 *
 * Scripts are loaded once per connection and called by their SHA; a server that has forgotten them
 * is told again.
 */
#ifndef CLUSTER_BUS_REDIS_H
#define CLUSTER_BUS_REDIS_H

#include "cluster/bus.h"
#include "net/loop.h"
#include "net/redis.h"

/* `prefix` begins every key and channel and outlives the bus; `handler`'s calls get `owner`. */
NODISCARD struct bus *bus_redis_new(struct loop *l, const struct redis_address *a,
                                    const char *prefix, const struct bus_handler *handler,
                                    void *owner);

#endif
