/* SPDX-License-Identifier: MIT */
#include "net/redis_sync.h"

#include <stdlib.h>

/* Whether the server did not refuse; hiredis gives NULL for a connection that broke. */
static bool is_good(redisContext *r, redisReply *reply, struct buf *error)
{
    bool good = reply && reply->type != REDIS_REPLY_ERROR;

    if (!good)
        buf_printf(error, "%s", reply ? reply->str : r->errstr);
    if (reply)
        freeReplyObject(reply);
    return good;
}

static bool authenticate(redisContext *r, const struct redis_address *a, struct buf *error)
{
    if (a->password && a->user)
        return is_good(r, redisCommand(r, "AUTH %s %s", a->user, a->password), error);
    return !a->password || is_good(r, redisCommand(r, "AUTH %s", a->password), error);
}

redisContext *redis_sync_open(const struct redis_address *a, uint32_t timeout_ms, struct buf *error)
{
    const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisContext *r = a->path ? redisConnectUnixWithTimeout(a->path, timeout)
                              : redisConnectWithTimeout(a->host, a->port, timeout);

    if (!r || r->err) {
        buf_printf(error, "%s", r ? r->errstr : "no memory for a connection");
    } else if (redisSetTimeout(r, timeout) == REDIS_OK && authenticate(r, a, error) &&
               is_good(r, redisCommand(r, "SELECT %d", a->db), error)) {
        return r;
    }
    if (r)
        redisFree(r);
    return NULL;
}
