/* SPDX-License-Identifier: MIT */
/*
 * config_value.h - the texts of a configuration as numbers, and back.
 *
 * Pure and strict: a text is a value as a whole or it is not; there are no signs, blanks, fractions
 * or other bases. It knows no keys and no limits but those of its types.
 */
#ifndef APP_CONFIG_VALUE_H
#define APP_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

/* Each returns false if `text` is not such a value, and leaves the output alone. */

/* Decimal digits, below 2^64. */
NODISCARD bool value_count(struct bytes text, uint64_t *out);
/* A count with ms, s, m or h behind it; "0" needs no unit. In milliseconds. */
NODISCARD bool value_duration(struct bytes text, uint64_t *out_ms);
/* A count of bytes, or a count with B, KiB, MiB or GiB behind it. */
NODISCARD bool value_size(struct bytes text, uint64_t *out);
/* "true" or "false". */
NODISCARD bool value_bool(struct bytes text, bool *out);
/* HOST:PORT, where an IPv6 address stands in brackets; the port may be 0. `host` is borrowed from
 * `text`. */
NODISCARD bool value_listen(struct bytes text, struct bytes *host, uint16_t *port);
/* One of `count` zero-terminated names; the index of it. */
NODISCARD bool value_choice(struct bytes text, const char *const *names, size_t count, size_t *out);

/* In the largest unit that gives a whole number: "250ms", "5m", "64KiB", "100". */
void value_put_duration(struct buf *out, uint64_t ms);
void value_put_size(struct buf *out, uint64_t bytes);

/* UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F). */
bool value_is_clean_text(struct bytes text);

#endif
