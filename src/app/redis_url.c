/* SPDX-License-Identifier: MIT */
#include "app/redis_url.h"

#include <stdlib.h>

#include "base/heap.h"
#include "wire/uri.h"

enum { PART_MAX = 1024, DEFAULT_PORT = 6379 };

/* A decoded copy, or NULL if it cannot be decoded. */
static char *decode(struct bytes part)
{
    struct buf text;
    char *copy = NULL;

    buf_init(&text, PART_MAX);
    if (uri_decode(part, &text))
        copy = bytes_copy(buf_bytes(&text));
    buf_release(&text);
    return copy;
}

static bool take_number(struct bytes text, int max, int *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *out > max)
            return false;
        *out = *out * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0 && *out <= max;
}

/* `USER:PASSWORD`, `:PASSWORD` or `PASSWORD`. */
static bool take_credentials(struct bytes text, struct redis_address *a)
{
    size_t colon = bytes_find(text, ':');
    struct bytes user = bytes_of(text.ptr, colon == text.len ? 0 : colon);
    struct bytes password = colon == text.len ? text : bytes_skip(text, colon + 1);

    a->user = user.len ? decode(user) : NULL;
    a->password = decode(password);
    return a->password && (a->user || user.len == 0);
}

static bool take_server(struct bytes text, struct redis_address *a)
{
    size_t at = text.len, slash, colon;

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '@')
            at = i;
    if (at < text.len) {
        if (!take_credentials(bytes_of(text.ptr, at), a))
            return false;
        text = bytes_skip(text, at + 1);
    }
    slash = bytes_find(text, '/');
    if (slash < text.len && slash + 1 < text.len &&
        !take_number(bytes_skip(text, slash + 1), 9999, &a->db))
        return false;
    text = bytes_of(text.ptr, slash);
    colon = text.len;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ':')
            colon = i;
    a->port = DEFAULT_PORT;
    if (colon < text.len && !take_number(bytes_skip(text, colon + 1), 65535, &a->port))
        return false;
    a->host = colon ? decode(bytes_of(text.ptr, colon)) : NULL;
    return a->host && a->port > 0;
}

static bool take_path(struct bytes text, struct redis_address *a)
{
    size_t mark = bytes_find(text, '?');
    const struct bytes db = B("?db=");

    if (mark < text.len) {
        struct bytes rest = bytes_skip(text, mark);
        if (!bytes_starts(rest, db) || !take_number(bytes_skip(rest, db.len), 9999, &a->db))
            return false;
    }
    a->path = mark > 1 && text.ptr[0] == '/' ? decode(bytes_of(text.ptr, mark)) : NULL;
    return a->path != NULL;
}

bool redis_url_parse(const char *url, struct redis_address *out, struct buf *error)
{
    const struct bytes server = B("redis://"), path = B("unix://");
    struct bytes text = bytes_str(url);
    bool good = false;

    *out = (struct redis_address){0};
    if (bytes_starts(text, server))
        good = take_server(bytes_skip(text, server.len), out);
    else if (bytes_starts(text, path))
        good = take_path(bytes_skip(text, path.len), out);
    if (good)
        return true;
    redis_url_release(out);
    buf_put(error, B("allowed: redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix:///PATH[?db=N]"));
    return false;
}

void redis_url_release(struct redis_address *a)
{
    heap_free((char *)(uintptr_t)a->host);
    heap_free((char *)(uintptr_t)a->path);
    heap_free((char *)(uintptr_t)a->user);
    heap_free((char *)(uintptr_t)a->password);
    *a = (struct redis_address){0};
}
