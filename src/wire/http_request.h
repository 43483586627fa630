/* SPDX-License-Identifier: MIT */
/*
 * http_request.h - a request that was read, and what its headers say.
 *
 * Stage 2 (docs/architecture.md): what http1.h makes out of bytes. Everything is borrowed from the
 * parser until http1_next() or http1_free(). Its syntax was checked; what it asks for was not.
 */
#ifndef WIRE_HTTP_REQUEST_H
#define WIRE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* One header line, of a request or a response. */
struct http_field {
    struct bytes name;
    struct bytes value; /* without the blanks around it */
};

/* Where a header line stands in the head. Only http1.c and http_request.c look at it. */
struct http_span {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t value_at;
    uint32_t value_len;
};

enum http1_method { HTTP1_GET, HTTP1_HEAD, HTTP1_POST, HTTP1_OPTIONS, HTTP1_OTHER };

struct http_request {
    enum http1_method method; /* HTTP1_OTHER also for `OPTIONS *` and CONNECT: answer 405 */
    struct bytes method_text;
    struct bytes target; /* as it came */
    struct bytes host;   /* of an absolute target, else of Host; checked; may be empty */
    struct bytes path;   /* still encoded, from its '/'; "*" for `OPTIONS *`, empty for CONNECT */
    struct bytes query;  /* behind the first '?', still encoded; may be empty */
    unsigned version_minor; /* HTTP/1.x; above 1 counts as 1 */
    bool keep_alive;        /* the client may send another request (RFC 9112 section 9.3) */
    bool upgrade_websocket; /* Connection lists upgrade, Upgrade lists websocket; the method and
                             * the version are the caller's to check */
    struct bytes body;
    size_t headers_len;
    /* private: */
    const struct http_span *spans;
    const char *head;
};

/* The i-th header line, 0 <= i < headers_len. */
struct http_field http_header_at(const struct http_request *r, size_t i);
/* The value of the first header called `name`, in any case of letters; ptr is NULL if there is
 * none, and not NULL if its value is empty. */
struct bytes http_header(const struct http_request *r, struct bytes name);
/* How many header lines are called `name`. */
size_t http_header_count(const struct http_request *r, struct bytes name);

/* A walk over the comma-separated elements of all headers called `name` (RFC 9110 section 5.6.1),
 * in order; empty elements are passed over, quoted commas are not understood.
 * Begin with `struct http_tokens t = {.request = r, .name = B("...")}`. */
struct http_tokens {
    const struct http_request *request;
    struct bytes name;
    /* private: */
    size_t next_header;
    struct bytes rest;
};
/* The next element without the blanks around it; false at the end. */
bool http_token_next(struct http_tokens *t, struct bytes *token);
/* Is `token`, in any case of letters, among the elements of the headers called `name`? */
bool http_header_lists(const struct http_request *r, struct bytes name, struct bytes token);

#endif
