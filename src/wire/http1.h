/* SPDX-License-Identifier: MIT */
/*
 * http1.h - requests of HTTP/1.1 and 1.0, as they arrive.
 *
 * Stage 2 (docs/architecture.md): BYTES -> REQUEST.
 *
 * http-parser splits the head; what it lets pass for old clients' sake is refused here, since two
 * readings of one request are how requests are smuggled: bare CR or LF, folded lines, spaces around
 * names, lengths that contradict each other. Bodies are read here, by Content-Length or in chunks,
 * and handed out whole. Everything is bounded, and what is wrong is told at the byte that is wrong;
 * the verdict does not depend on how the input was cut.
 *
 * It does not decode paths, look at methods, or decide what a request may do. It sends nothing.
 */
#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/http_request.h"

/* Each with the status of a request that is beyond it. */
struct http_limits {
    uint32_t head_bytes_max; /* 431; request line, headers and blank line; also chunk extensions
                              * and trailers; at most HTTP_HEAD_BYTES_LIMIT */
    uint32_t uri_bytes_max;  /* 414; request target */
    uint32_t headers_max;    /* 431; header lines, with trailers */
    uint32_t body_bytes_max; /* 413; after chunks are joined */
};

enum { HTTP_HEAD_BYTES_LIMIT = 65536 }; /* http-parser itself stops a little later */

struct http1;

enum http1_result {
    HTTP1_MORE,    /* all input is consumed */
    HTTP1_REQUEST, /* http1_request() is there, with its body; input behind it is not consumed */
    HTTP1_BAD,     /* answer with http1_status() and close: the next request cannot be found */
};

/* A parser before its first request; `limits` is copied. Free it while it is idle and make another
 * when bytes come, if memory matters. */
NODISCARD struct http1 *http1_new(const struct http_limits *limits);
void http1_free(struct http1 *h);

/* No byte of a request is there; blank lines before it do not count. */
bool http1_idle(const struct http1 *h);

/* Takes bytes from the front of `in` and returns how many. After HTTP1_REQUEST call http1_next()
 * before feeding the rest; after HTTP1_BAD feed no more. A request that asks for an upgrade ends,
 * like any other, behind its head if it declares no body: the rest of the input is then the new
 * protocol's. */
size_t http1_feed(struct http1 *h, struct bytes in, enum http1_result *result);

/* The request, after HTTP1_REQUEST and until http1_next(). */
const struct http_request *http1_request(const struct http1 *h);

/* True once per request, as soon as its head is there and asks for "100 Continue" before it sends a
 * body that we would take (RFC 9110 section 10.1.1): then send that interim response. Ask after
 * HTTP1_MORE. */
bool http1_take_continue(struct http1 *h);

/* Forgets the request and is idle again. */
void http1_next(struct http1 *h);

/* After HTTP1_BAD: 400, 413, 414, 431, 501 or 505, and what was wrong, a constant text for the
 * response's body. */
int http1_status(const struct http1 *h);
const char *http1_problem(const struct http1 *h);

#endif
