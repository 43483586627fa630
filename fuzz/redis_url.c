/* SPDX-License-Identifier: MIT */
/*
 * redis_url.c - the parser of Redis addresses on any text: it gives an address that is whole, or
 * says what is allowed.
 */
#include <stddef.h>
#include <stdint.h>

#include "app/redis_url.h"
#include "base/check.h"
#include "base/heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = heap_copy((const char *)data, size);
    struct redis_address a;
    struct buf error;

    buf_init(&error, BUF_UNBOUNDED);
    if (redis_url_parse(url, &a, &error)) {
        assert(!a.host != !a.path && error.len == 0);
        assert(!a.host || (a.port > 0 && a.port <= 65535));
        assert(a.db >= 0 && a.db <= 9999 && (!a.user || a.password));
        redis_url_release(&a);
    } else {
        assert(error.len > 0 && !a.host && !a.path && !a.user && !a.password);
    }
    buf_release(&error);
    heap_free(url);
    return 0;
}
