/* SPDX-License-Identifier: MIT */
/*
 * patterns.h - an owned list of topic patterns, such as the topics that a token opens.
 *
 * What a pattern is says core/pattern.h. No limit of its own: the list is as long as the token or
 * the command line it was read from.
 */
#ifndef APP_PATTERNS_H
#define APP_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct patterns {
    struct bytes *items; /* owned, each of them too */
    size_t count;
};

/* Empty: matches nothing. A zeroed struct is the same. */
void patterns_init(struct patterns *p);
void patterns_release(struct patterns *p);
/* Adds a copy of `pattern`. */
void patterns_add(struct patterns *p, struct bytes pattern);
/* Does one of them match `topic`? */
bool patterns_match(const struct patterns *p, struct bytes topic);

#endif
