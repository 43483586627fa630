/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/heap.h"

enum { FIRST_CAP = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    heap_free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->ptr, b->ptr + n, b->len);
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (n > b->cap - b->len) {
        size_t cap = b->cap ? b->cap : FIRST_CAP;
        while (cap - b->len < n)
            cap *= 2;
        if (cap > b->max)
            cap = b->max;
        b->ptr = heap_realloc(b->ptr, cap);
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->len);
    b->len += n;
}

bool buf_put(struct buf *b, struct bytes data)
{
    if (data.len == 0)
        return true;
    char *p = buf_reserve(b, data.len);
    if (!p)
        return false;
    memcpy(p, data.ptr, data.len);
    b->len += data.len;
    return true;
}

bool buf_put_char(struct buf *b, char c)
{
    return buf_put(b, bytes_of(&c, 1));
}

bool buf_put_uint(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return buf_put(b, bytes_of(digits + at, sizeof(digits) - at));
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(need >= 0);

    /* One more than is kept: vsnprintf() ends with a zero byte. */
    char *p = buf_reserve(b, (size_t)need + 1);
    if (!p)
        return false;
    va_start(args, format);
    vsnprintf(p, (size_t)need + 1, format, args);
    va_end(args);
    b->len += (size_t)need;
    return true;
}

/* The length of the run at `text` that needs no escape: `special` says which bytes do. */
static size_t plain_run(struct bytes text, bool (*special)(unsigned char))
{
    size_t n = 0;

    while (n < text.len && !special((unsigned char)text.ptr[n]))
        n++;
    return n;
}

static bool json_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f ||
           c == 0xe2;
}

/* U+2028 and U+2029 are E2 80 A8 and E2 80 A9. */
static bool is_line_separator(struct bytes text)
{
    return text.len >= 3 && memcmp(text.ptr, "\xe2\x80", 2) == 0 &&
           ((unsigned char)text.ptr[2] & 0xfe) == 0xa8;
}

bool buf_put_json(struct buf *b, struct bytes text)
{
    buf_put_char(b, '"');
    while (text.len) {
        size_t n = plain_run(text, json_special);
        buf_put(b, bytes_of(text.ptr, n));
        text = bytes_skip(text, n);
        if (text.len == 0)
            break;

        unsigned char c = (unsigned char)text.ptr[0];
        size_t used = 1;
        if (c == '"' || c == '\\') {
            buf_put_char(b, '\\');
            buf_put_char(b, (char)c);
        } else if (c == '\n') {
            buf_put(b, B("\\n"));
        } else if (c == 0xe2 && is_line_separator(text)) {
            buf_printf(b, "\\u20%02x", (unsigned char)text.ptr[2] - 0x80);
            used = 3;
        } else if (c == 0xe2) {
            buf_put_char(b, (char)c);
        } else {
            buf_printf(b, "\\u%04x", c);
        }
        text = bytes_skip(text, used);
    }
    buf_put_char(b, '"');
    return !b->failed;
}

static bool html_special(unsigned char c)
{
    return c == '<' || c == '>' || c == '&' || c == '"' || c == '\'';
}

bool buf_put_html(struct buf *b, struct bytes text)
{
    while (text.len) {
        size_t n = plain_run(text, html_special);
        buf_put(b, bytes_of(text.ptr, n));
        text = bytes_skip(text, n);
        if (text.len) {
            buf_printf(b, "&#%d;", (unsigned char)text.ptr[0]);
            text = bytes_skip(text, 1);
        }
    }
    return !b->failed;
}
