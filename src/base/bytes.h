/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - a run of bytes that somebody else owns, passed by value.
 *
 * A `struct bytes` argument is borrowed for the call; whoever keeps it copies it. It has no zero
 * byte at its end.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"

struct bytes {
    const char *ptr; /* may be NULL if len is 0 */
    size_t len;
};

/* A string literal as bytes. */
#define B(literal) ((struct bytes){"" literal, sizeof(literal) - 1})

static inline struct bytes bytes_of(const char *ptr, size_t len)
{
    return (struct bytes){ptr, len};
}

/* `s` is zero-terminated or NULL, which gives no bytes. */
static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){s, s ? strlen(s) : 0};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.len >= prefix.len && bytes_equal(bytes_of(a.ptr, prefix.len), prefix);
}

/* What stands behind the first `n` bytes; `n` is at most the length. */
static inline struct bytes bytes_skip(struct bytes a, size_t n)
{
    assert(n <= a.len);
    return (struct bytes){a.ptr ? a.ptr + n : NULL, a.len - n};
}

/* The offset of the first `c`, or the length if there is none. */
static inline size_t bytes_find(struct bytes a, char c)
{
    const char *p = a.len ? memchr(a.ptr, c, a.len) : NULL;
    return p ? (size_t)(p - a.ptr) : a.len;
}

/* A zero-terminated copy, to be freed with heap_free(). */
NODISCARD static inline char *bytes_copy(struct bytes a)
{
    return heap_copy(a.ptr, a.len);
}

#endif
