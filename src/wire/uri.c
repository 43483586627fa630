/* SPDX-License-Identifier: MIT */
#include "wire/uri.h"

#include <stddef.h>
#include <stdint.h>

#include "wire/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Takes one byte off `*in`, which is not empty, decoded; -1 if it cannot be. */
static int decode_one(struct bytes *in, bool plus_is_space)
{
    char c = in->ptr[0];

    if (c == '%') {
        if (in->len < 3)
            return -1;
        int high = hex_digit(in->ptr[1]);
        int low = hex_digit(in->ptr[2]);
        *in = bytes_skip(*in, 3);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return -1;
        return high * 16 + low;
    }
    *in = bytes_skip(*in, 1);
    if (c == '\0')
        return -1;
    return plus_is_space && c == '+' ? ' ' : (unsigned char)c;
}

static bool decode(struct bytes in, bool plus_is_space, struct buf *out)
{
    size_t before = out->len;

    while (in.len) {
        int c = decode_one(&in, plus_is_space);
        if (c < 0 || !buf_put_char(out, (char)c)) {
            out->len = before;
            return false;
        }
    }
    if (out->len > before && !utf8_valid(bytes_of(out->ptr + before, out->len - before))) {
        out->len = before;
        return false;
    }
    return true;
}

bool uri_decode(struct bytes in, struct buf *out)
{
    return decode(in, false, out);
}

bool uri_decode_form(struct bytes in, struct buf *out)
{
    return decode(in, true, out);
}

bool query_next(struct bytes *rest, struct bytes *name, struct bytes *value)
{
    while (rest->len) {
        size_t len = bytes_find(*rest, '&');
        struct bytes pair = bytes_of(rest->ptr, len);
        *rest = bytes_skip(*rest, len < rest->len ? len + 1 : len);
        if (pair.len == 0)
            continue;

        size_t name_len = bytes_find(pair, '=');
        *name = bytes_of(pair.ptr, name_len);
        *value = bytes_skip(pair, name_len < pair.len ? name_len + 1 : name_len);
        return true;
    }
    return false;
}

/* Compares while decoding, so that names of others' pairs are never stored. */
static bool name_is(struct bytes raw, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (raw.len == 0 || decode_one(&raw, true) != (unsigned char)name.ptr[i])
            return false;
    }
    return raw.len == 0;
}

enum query_result query_get(struct bytes query, struct bytes name, struct buf *out)
{
    struct bytes raw_name;
    struct bytes raw_value;

    while (query_next(&query, &raw_name, &raw_value)) {
        if (name_is(raw_name, name))
            return uri_decode_form(raw_value, out) ? QUERY_OK : QUERY_BAD;
    }
    return QUERY_ABSENT;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

bool base64_decode(struct bytes in, struct buf *out)
{
    size_t padded_len = in.len;
    while (in.len && padded_len - in.len < 2 && in.ptr[in.len - 1] == '=')
        in.len--;
    if ((padded_len != in.len && padded_len % 4 != 0) || in.len % 4 == 1)
        return false;

    size_t before = out->len;
    uint32_t bits = 0;
    unsigned bits_len = 0;
    for (size_t i = 0; i < in.len; i++) {
        int digit = base64_digit(in.ptr[i]);
        if (digit < 0)
            goto fail;
        bits = bits << 6 | (uint32_t)digit;
        bits_len += 6;
        if (bits_len >= 8) {
            bits_len -= 8;
            if (!buf_put_char(out, (char)(bits >> bits_len & 0xff)))
                goto fail;
            bits &= (1u << bits_len) - 1;
        }
    }
    if (bits != 0) /* two texts for one value would make tokens malleable */
        goto fail;
    return true;

fail:
    out->len = before;
    return false;
}

void base64url_encode(struct bytes in, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned bits_len = 0;

    for (size_t i = 0; i < in.len; i++) {
        bits = (bits << 8 | (unsigned char)in.ptr[i]) & 0xffff;
        bits_len += 8;
        while (bits_len >= 6) {
            bits_len -= 6;
            buf_put_char(out, digits[bits >> bits_len & 0x3f]);
        }
    }
    if (bits_len)
        buf_put_char(out, digits[bits << (6 - bits_len) & 0x3f]);
}
