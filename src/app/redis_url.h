/* SPDX-License-Identifier: MIT */
/*
 * redis_url.h - the address of a Redis server as operators write it.
 */
#ifndef APP_REDIS_URL_H
#define APP_REDIS_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "net/redis.h"

/* Parses `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or `unix:///PATH[?db=N]`; the parts are
 * percent-decoded. `out`'s texts are owned by it. False, with what is allowed in `error`, if it is
 * neither; then there is nothing to release. */
NODISCARD bool redis_url_parse(const char *url, struct redis_address *out, struct buf *error);
void redis_url_release(struct redis_address *a);

#endif
