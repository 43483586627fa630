/* SPDX-License-Identifier: MIT */
#include "app/base64url.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits that `c` stands for, or -1. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool base64url_decode(struct bytes text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of the low bits of `bits` that are not yet put */

    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (!buf_put_char(out, (char)(bits >> count & 0xff)))
                return false;
        }
        bits &= (1u << count) - 1;
    }
    return bits == 0;
}

void base64url_encode(struct bytes data, struct buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < data.len; i++) {
        bits = (bits << 8 | (unsigned char)data.ptr[i]) & 0xffff;
        count += 8;
        while (count >= 6) {
            count -= 6;
            buf_put_char(out, alphabet[bits >> count & 0x3f]);
        }
    }
    if (count > 0)
        buf_put_char(out, alphabet[bits << (6 - count) & 0x3f]);
}
