/* SPDX-License-Identifier: MIT */
/*
 * http1.h - requests of HTTP/1.1 and 1.0, as they arrive, and the heads of the responses.
 *
 * Stage 2 (DESIGN 3): BYTES -> REQUEST.
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

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

struct http_limits {
    uint32_t head_bytes_max; /* request line, headers and blank line; at most HTTP_HEAD_BYTES_LIMIT.
                                Beyond: 431 */
    uint32_t uri_bytes_max;  /* request target. Beyond: 414 */
    uint32_t headers_max;    /* header lines, also trailers. Beyond: 431 */
    uint32_t body_bytes_max; /* after chunks are joined. Beyond: 413 */
};

enum { HTTP_HEAD_BYTES_LIMIT = 65536 }; /* http-parser itself stops a little later */

enum http1_method { HTTP1_GET, HTTP1_HEAD, HTTP1_POST, HTTP1_OPTIONS, HTTP1_OTHER };

/* Everything is borrowed from the parser until http1_next() or http1_free(). */
struct http_request {
    enum http1_method method; /* HTTP1_OTHER also for `OPTIONS *` and CONNECT: answer 405 (501) */
    struct bytes method_text;
    struct bytes target; /* as it came */
    struct bytes
        host; /* of an absolute target, else of the Host header; may be empty. Syntax checked */
    struct bytes
        path; /* still percent-encoded, begins with '/'; "*" for `OPTIONS *`; empty for CONNECT */
    struct bytes query;     /* what stands behind the first '?', still encoded; may be empty */
    unsigned version_minor; /* HTTP/1.x; above 1 counts as 1 */
    bool keep_alive;        /* the client means to send another request (RFC 9112 section 9.3) */
    bool upgrade_websocket; /* Connection lists upgrade and Upgrade lists websocket. Method and
                             * version are the caller's to check */
    struct bytes body;
    size_t headers_len;
    /* private: */
    const struct http_span *spans;
    const char *head;
};

/* One header line; for the response and for http_header_at(). */
struct http_field {
    struct bytes name;
    struct bytes value; /* without the blanks around it */
};

/* The i-th header line, 0 <= i < headers_len. */
struct http_field http_header_at(const struct http_request *r, size_t i);
/* The value of the first header called `name`, in any case of letters; ptr is NULL if there is
 * none, and not NULL if its value is empty. */
struct bytes http_header(const struct http_request *r, struct bytes name);
/* How many header lines are called `name`. */
size_t http_header_count(const struct http_request *r, struct bytes name);

/* A walk over the comma-separated elements of all headers called `name` (RFC 9110 section 5.6.1),
 * in order; empty elements are passed over, quoted commas are not understood. Begin with {.request
 * = r, .name = B("...")}. */
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

struct http1;

enum http1_result {
    HTTP1_MORE,    /* all input is consumed */
    HTTP1_REQUEST, /* http1_request() is there, with its body; input behind it is not consumed */
    HTTP1_BAD, /* answer with http1_status() and close: where the next request begins is not known
                */
};

/* A parser before its first request; `limits` is copied. Free it while it is idle and make another
 * when bytes come, if memory matters. */
NODISCARD struct http1 *http1_new(const struct http_limits *limits);
void http1_free(struct http1 *h);

/* No byte of a request is there. */
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

/* The reason phrase of a status that we send; "Unknown" for others. */
const char *http_reason(int status);

struct http_response {
    int status;
    bool close;  /* "Connection: close"; else "keep-alive". Not with 101, whose fields say it */
    bool stream; /* no Content-Length: the body ends with the connection (then close is also needed)
                  */
    bool head_only;    /* answer to HEAD: Content-Length is that of the body, which is not sent */
    struct bytes type; /* Content-Type; none if empty */
    size_t length;     /* of the body; http_response() sets it. 1xx and 204 send none */
    const struct http_field *fields; /* further header lines */
    size_t fields_len;
};

/* Appends the status line, the header lines and the blank line. CR, LF, zero and other control
 * bytes in values become spaces (RFC 9110 section 5.5); names are ours and must be tokens. */
void http_response_head(struct buf *out, const struct http_response *r);
/* The same with the length of `body`, followed by `body` unless head_only. */
void http_response(struct buf *out, const struct http_response *r, struct bytes body);

#endif
