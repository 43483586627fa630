/* SPDX-License-Identifier: MIT */
/*
 * uri.h - what stands in a path, a query or a token: percent-encoding, name=value pairs, base64.
 *
 * Stage 2 (docs/architecture.md), beside the request parser, which leaves paths and queries as they
 * came.
 *
 * What is decoded is strict: after it, text is valid UTF-8 without zero bytes, or it was refused.
 * Nothing here resolves dots or slashes: split a path first, then decode each segment once.
 */
#ifndef WIRE_URI_H
#define WIRE_URI_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

/* Appends `in` with its %XX decoded (RFC 3986 section 2.1). False, with `out` as it was, for a '%'
 * without two hex digits, a zero byte, a result that is not UTF-8, or no room. */
NODISCARD bool uri_decode(struct bytes in, struct buf *out);

/* As uri_decode(), with '+' for a space: names and values of a query
 * (application/x-www-form-urlencoded). */
NODISCARD bool uri_decode_form(struct bytes in, struct buf *out);

/* The next pair of `*rest`, which is cut accordingly; raw, so decode it with uri_decode_form().
 * Empty pairs are passed over; a pair without '=' has an empty value. False at the end.
 *   "a=1&&b&c=2=3" gives (a,1) (b,) (c,2=3) */
bool query_next(struct bytes *rest, struct bytes *name, struct bytes *value);

enum query_result {
    QUERY_OK,
    QUERY_ABSENT,
    QUERY_BAD, /* it is there, and its value cannot be decoded or does not fit */
};

/* Appends the decoded value of the first pair whose decoded name is `name`; `out` is unchanged
 * unless QUERY_OK. */
NODISCARD enum query_result query_get(struct bytes query, struct bytes name, struct buf *out);

/* Appends the bytes that `in` encodes in base64, in the standard or the URL alphabet, with or
 * without padding (RFC 4648 sections 4 and 5). False, with `out` as it was, for a foreign
 * character, an impossible length, wrong padding, stray bits in the last character, or no room. */
NODISCARD bool base64_decode(struct bytes in, struct buf *out);

/* Appends `in` in base64url without padding. */
void base64url_encode(struct bytes in, struct buf *out);

#endif
