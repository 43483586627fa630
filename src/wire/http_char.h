/* SPDX-License-Identifier: MIT */
/*
 * http_char.h - the classes of bytes in RFC 9110 and 9112, for the http files of this folder.
 */
#ifndef WIRE_HTTP_CHAR_H
#define WIRE_HTTP_CHAR_H

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool same_word(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline struct bytes trimmed(struct bytes s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = bytes_skip(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static inline bool is_alnum(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 9110 section 5.6.2. */
static inline bool is_token(unsigned char c)
{
    return is_alnum(c) || (c && memchr("-!#$%&'*+.^_`|~", c, 15));
}

static inline bool is_visible(unsigned char c)
{
    return c > 0x20 && c < 0x7f;
}

/* RFC 9110 section 5.5: what a value may hold, bytes above ASCII included. */
static inline bool is_value(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

#endif
