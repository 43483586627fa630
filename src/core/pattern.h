/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - does a topic's name match a pattern? For the configuration and for tokens.
 *
 * A pattern that ends in '*' matches every topic that begins with what stands before it
 * ("article:*", and "*" is every topic); any other pattern matches the topic of exactly that name.
 * A '*' elsewhere is an ordinary character.
 */
#ifndef CORE_PATTERN_H
#define CORE_PATTERN_H

#include <stdbool.h>

#include "base/bytes.h"

static inline bool pattern_match(struct bytes pattern, struct bytes topic)
{
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return bytes_starts(topic, bytes_of(pattern.ptr, pattern.len - 1));
    return bytes_equal(pattern, topic);
}

#endif
