/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - one HTTP GET that waits for its answer, for commands that ask a running server; never
 * in a worker.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

/* Gets `path` of `origin`, `http://HOST[:PORT]`, and appends the body of an answer with status 200
 * to `body`. Each step may take `timeout_ms`. False, with a short text in `error`, for anything
 * else. */
NODISCARD bool fetch(const char *origin, struct bytes path, uint32_t timeout_ms, struct buf *body,
                     struct buf *error);

#endif
