/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The first byte of a character says how many follow, and what the next may be (RFC 3629 section
 * 4): that alone keeps out overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF
 * (F4). */
static bool lead(struct utf8 *u, unsigned char c)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        u->need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->need = 2;
        if (c == 0xe0)
            u->low = 0xa0;
        else if (c == 0xed)
            u->high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->need = 3;
        if (c == 0xf0)
            u->low = 0x90;
        else if (c == 0xf4)
            u->high = 0x8f;
    } else {
        return false;
    }
    return true;
}

static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        p += sizeof(word);
    }
    while (p < end && *p < 0x80)
        p++;
    return p;
}

bool utf8_feed(struct utf8 *u, struct bytes in)
{
    if (in.len == 0)
        return true;

    const unsigned char *p = (const unsigned char *)in.ptr;
    const unsigned char *end = p + in.len;
    while (p < end) {
        if (u->need == 0) {
            p = skip_ascii(p, end);
            if (p == end)
                break;
            if (!lead(u, *p++))
                return false;
        } else {
            if (*p < u->low || *p > u->high)
                return false;
            u->low = 0x80;
            u->high = 0xbf;
            u->need--;
            p++;
        }
    }
    return true;
}

bool utf8_complete(const struct utf8 *u)
{
    return u->need == 0;
}

bool utf8_valid(struct bytes text)
{
    struct utf8 u = {0};

    return utf8_feed(&u, text) && utf8_complete(&u);
}
