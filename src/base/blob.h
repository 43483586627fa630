/* SPDX-License-Identifier: MIT */
/*
 * blob.h - an encoded, immutable, counted run of bytes, ready for the socket.
 *
 * Encoded once per topic, format and announcement, then shared by every connection of every worker;
 * so the count is atomic. Nobody changes a blob after it was made.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

struct blob {
    atomic_uint refs;
    uint32_t len;
    char data[];
};

/* A copy of `data` with one reference, which is the caller's. */
NODISCARD struct blob *blob_new(struct bytes data);
/* A copy of `head` followed by `tail`. */
NODISCARD struct blob *blob_join(struct bytes head, struct bytes tail);
/* One more reference; returns `b`. */
struct blob *blob_ref(struct blob *b);
/* One reference less; the last one frees. `b` may be NULL. */
void blob_unref(struct blob *b);

static inline struct bytes blob_bytes(const struct blob *b)
{
    return bytes_of(b->data, b->len);
}

#endif
