/* SPDX-License-Identifier: MIT */
/*
 * phoenix_wire.h - messages of Phoenix Channels, versions 1.0 and 2.0, from and to text.
 *
 * Version 2 is the array [join_ref, ref, topic, event, payload], version 1 an object of the same
 * parts. A reference is kept as JSON text, because it is echoed as it came and compared exactly.
 */
#ifndef DIALECT_PHOENIX_WIRE_H
#define DIALECT_PHOENIX_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

enum { PHOENIX_V1 = 1, PHOENIX_V2 = 2, PHOENIX_REF_MAX = 128 };

/* A message of a client; release it. `topic` and `event` point into `json`. */
struct phoenix_message {
    struct bytes topic, event;
    struct bytes join_ref, ref; /* JSON text, `null` if absent */
    json_t *payload;            /* any value, borrowed from `json`; NULL for a binary push */
    json_t *json;
    char refs[2][PHOENIX_REF_MAX];
};

/* False for what Phoenix calls malformed; then there is nothing to release. */
NODISCARD bool phoenix_parse(struct phoenix_message *m, int version, struct bytes text);
/* The same for a binary push of version 2 (kind 0); its payload is not looked at. */
NODISCARD bool phoenix_parse_binary(struct phoenix_message *m, struct bytes data);
void phoenix_release(struct phoenix_message *m);

/* Begins a message from the server: put the payload next, an object, then phoenix_finish(). Version
 * 1 has no join_ref. */
struct phoenix_head {
    struct bytes join_ref, ref; /* JSON text */
    struct bytes topic;
    struct bytes event;
};
void phoenix_begin(struct buf *out, int version, const struct phoenix_head *head);
void phoenix_finish(struct buf *out, int version);

#endif
