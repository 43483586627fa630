/* SPDX-License-Identifier: MIT */
/*
 * base64url.h - strict base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
 *
 * Strict: foreign characters, padding, impossible lengths and bits behind the last byte are refused
 * (RFC 4648 3.3, 3.5), so that a value has one spelling.
 */
#ifndef APP_BASE64URL_H
#define APP_BASE64URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

/* Appends what `text` encodes. False if it is not canonical, or does not fit; then `out` may hold a
 * part. */
NODISCARD bool base64url_decode(struct bytes text, struct buf *out);
/* Appends `data` encoded. */
void base64url_encode(struct bytes data, struct buf *out);

#endif
