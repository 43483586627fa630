/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - is this UTF-8? Asked as the bytes arrive.
 *
 * Stage 2 (docs/architecture.md): bytes -> FRAME; text frames must be UTF-8 (RFC 6455 section 8.1).
 *
 * Strict as RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF. Input may
 * be cut anywhere; a byte that cannot continue is refused when it comes, not at the end.
 * Non-characters such as U+FFFE and U+0000 are valid. It changes and keeps no bytes.
 */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

/* Zero is the start of a text. */
struct utf8 {
    /* private: */
    uint8_t need; /* continuation bytes still to come in this character */
    uint8_t low;  /* the next one is from `low` */
    uint8_t high; /* to `high` */
};

/* The text goes on with `in`. False as soon as no further byte could make it valid; then feed no
 * more. */
NODISCARD bool utf8_feed(struct utf8 *u, struct bytes in);

/* May the text end here: no character is half there? */
bool utf8_complete(const struct utf8 *u);

/* Is `text` a whole valid text? */
bool utf8_valid(struct bytes text);

#endif
