/* SPDX-License-Identifier: MIT */
/*
 * http.h - requests of a session and their answers.
 *
 * Stage 2 (docs/architecture.md) for HTTP: parses, hands each request to routes.h, and answers in
 * order. A request whose answer must wait for a topic's home stops reading until it is there, so
 * pipelined requests stay in order.
 */
#ifndef APP_HTTP_H
#define APP_HTTP_H

#include <stddef.h>

#include "app/session.h"
#include "base/bytes.h"
#include "wire/http1.h"
#include "wire/http_response.h"

/* Takes bytes of a session in SESSION_HTTP and returns how many. The phase may be another
 * afterwards. */
size_t http_input(struct session *s, struct bytes in);
/* The deadline of a session in SESSION_HTTP is over: 408 if a request was under way. */
void http_late(struct session *s);

/* The answer to the request that is being handled or that waits. `r` gives status, type and fields.
 */
void http_respond(struct session *s, struct http_response r, struct bytes body);
/* A short text body; `text` is a line without its newline. */
void http_respond_text(struct session *s, int status, const char *text);

#endif
