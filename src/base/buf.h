/* SPDX-License-Identifier: MIT */
/*
 * buf.h - a growing run of bytes with a maximum.
 *
 * For what arrives in pieces (the maximum is a limit of the configuration) and for what we build to
 * send (the maximum is BUF_UNBOUNDED, because its parts are limited). Putting beyond the maximum
 * fails, changes nothing and stays visible in `failed`, so that a builder may check once at its
 * end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

#define BUF_UNBOUNDED SIZE_MAX

struct buf {
    char *ptr; /* NULL until the first byte */
    size_t len;
    size_t cap;
    size_t max;
    bool failed; /* something did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
/* Empty again; the memory is kept. */
void buf_clear(struct buf *b);
/* The first `n` bytes are dropped, the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);
/* Room for `n` more bytes at buf_end(), or NULL if that would pass the maximum. Say what was used
 * with buf_added(). */
char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

bool buf_put(struct buf *b, struct bytes data);
bool buf_put_char(struct buf *b, char c);
bool buf_put_uint(struct buf *b, uint64_t n); /* decimal */
PRINTF_LIKE(2, 3) bool buf_printf(struct buf *b, const char *format, ...);
/* `text`, UTF-8, as a JSON string with its quotes. Also escapes '<', '>', '&' and U+2028/9, so that
 * the result may stand in a page. Bytes that are not UTF-8 pass as they are: check input where it
 * comes in. */
bool buf_put_json(struct buf *b, struct bytes text);
/* `text` for HTML text or a quoted attribute. */
bool buf_put_html(struct buf *b, struct bytes text);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->ptr, b->len);
}

#endif
