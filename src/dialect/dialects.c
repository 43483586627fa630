/* SPDX-License-Identifier: MIT */
/*
 * dialects.c - the list of formats, and what all dialects write alike.
 */
#include "base/buf.h"
#include "dialect/formats.h"
#include "dialect/presences.h"

const struct format *const formats[FORMATS_LEN] = {
    [FORMAT_ROOMS] = &rooms_format,
    [FORMAT_NATIVE_COUNT] = &native_count_format,
    [FORMAT_NATIVE_LIST] = &native_list_format,
    [FORMAT_PHOENIX2_COUNT] = &phoenix2_count_format,
    [FORMAT_PHOENIX2_LIST] = &phoenix2_list_format,
    [FORMAT_PHOENIX1_COUNT] = &phoenix1_count_format,
    [FORMAT_PHOENIX1_LIST] = &phoenix1_list_format,
};

static_assert((int)FORMATS_LEN <= (int)FORMATS_MAX, "core counts subscribers by format");

/* base64url without padding of a number of bytes that three divides, or of 10 (then 14 characters).
 */
static struct ref_text encode(const unsigned char *bytes, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct ref_text out = {.len = 0};
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (held += 8; held >= 6; held -= 6)
            out.text[out.len++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held)
        out.text[out.len++] = alphabet[bits << (6 - held) & 63];
    out.text[out.len] = '\0';
    return out;
}

static void pack(unsigned char *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)(value >> 8 * (len - 1 - i));
}

struct ref_text ref_put(uint32_t node, uint64_t ref)
{
    unsigned char bytes[10];

    pack(bytes, node, 4);
    pack(bytes + 4, ref, 6);
    return encode(bytes, sizeof(bytes));
}

struct ref_text ref_put_rev(uint32_t node, uint64_t ref, uint16_t rev)
{
    unsigned char bytes[12];

    pack(bytes, node, 4);
    pack(bytes + 4, ref, 6);
    pack(bytes + 10, rev, 2);
    return encode(bytes, sizeof(bytes));
}

bool event_name_reserved(struct bytes name)
{
    return bytes_starts(name, B("phx_")) || bytes_starts(name, B("presence_")) ||
           bytes_equal(name, B("count"));
}

uint64_t topic_number(const struct topic *t)
{
    return (uint64_t)pool_id(t).slot * WORKERS_MAX + t->tables->home;
}
