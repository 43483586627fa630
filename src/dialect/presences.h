/* SPDX-License-Identifier: MIT */
/*
 * presences.h - walks over presences that encoders share, and the metas that they write.
 */
#ifndef DIALECT_PRESENCES_H
#define DIALECT_PRESENCES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "core/topic.h"

/* Presences in an order in which those of one key stand together. */
struct presences {
    const struct presence **items;
    size_t len;
};

/* Those that audiences know of. */
struct presences presences_told(const struct topic *t);
/* Those of a diff's lists; `second` may be NULL. */
struct presences presences_of_diff(const struct presence *first, const struct presence *second);
void presences_release(struct presences *p);

/* Appends the meta that others see: the client's object without the members that Phoenix reserves,
 * overlaid with the token's (JSON object text, or empty). False if the result would pass `max`
 * bytes; then nothing is appended. `client` may be NULL. */
bool meta_compose(const json_t *client, struct bytes trusted, size_t max, struct buf *out);

#endif
