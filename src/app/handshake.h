/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - a request becomes a WebSocket, or is told why not (RFC 6455, section 4.2).
 */
#ifndef APP_HANDSHAKE_H
#define APP_HANDSHAKE_H

#include "app/session.h"
#include "dialect/dialect.h"

/* Answers a request whose path belongs to `d`: 101 and the dialect goes on, or a refusal. */
void handshake(struct session *s, const struct dialect *d, const struct opening *o);

#endif
