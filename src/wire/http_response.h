/* SPDX-License-Identifier: MIT */
/*
 * http_response.h - status lines, header lines and small bodies that go out.
 *
 * It only appends to a buffer. Values that came from somewhere else cannot begin a new line.
 */
#ifndef WIRE_HTTP_RESPONSE_H
#define WIRE_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "wire/http_request.h"

/* The reason phrase of a status that we send; "Unknown" for others. */
const char *http_reason(int status);

struct http_response {
    int status;
    bool close;        /* "Connection: close", else "keep-alive"; 1xx have neither */
    bool stream;       /* no Content-Length: the body ends with the connection, so close it too */
    bool head_only;    /* answers HEAD: Content-Length is that of the body, which is not sent */
    struct bytes type; /* Content-Type; none if empty */
    size_t length;     /* of the body; http_response() sets it; 1xx, 204 and 304 have none */
    const struct http_field *fields; /* further header lines */
    size_t fields_len;
};

/* Appends the status line, the header lines and the blank line. CR, LF, zero and other control
 * bytes in values become spaces (RFC 9110 section 5.5); names are ours and must be tokens. */
void http_response_head(struct buf *out, const struct http_response *r);
/* The same with the length of `body`, followed by `body` unless head_only. */
void http_response(struct buf *out, const struct http_response *r, struct bytes body);

#endif
