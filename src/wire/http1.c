/* SPDX-License-Identifier: MIT */
#include "wire/http1.h"

#include <http_parser.h>

#include "base/buf.h"
#include "base/heap.h"
#include "wire/http_char.h"

/*
 * Two readers stand behind one another. The scanner looks at every byte of the head first, and lets
 * through only lines in the exact form of RFC 9112; http-parser then splits them. Input goes to
 * http-parser up to the byte that the scanner refuses, so the first fault in the order of bytes is
 * the one that is told, however the input was cut.
 */

enum { METHOD_BYTES_MAX = 24, VERSION_BYTES_MAX = 8, BLANK_LINES_MAX = 4, CHUNK_DIGITS_MAX = 16 };
enum { KEEP_BYTES_MAX = 4096 }; /* memory above this is not kept for the next request */

enum stage {
    START, /* before the first byte, or behind blank lines */
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    REQUEST_LINE_LF,
    FIELD_START, /* this and what follows also read trailers */
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_LF,
    FIELDS_END_LF,
    FIELDS_END,
    BODY_BY_LENGTH,
    CHUNK_SIZE,
    CHUNK_BLANK,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    COMPLETE,
    BROKEN,
};

struct http1 {
    struct http_parser parser;
    struct http_limits limits;
    struct http_request request;

    enum stage stage;
    uint8_t blank_lines;
    bool trailers; /* the fields being read are trailers */
    bool in_value; /* http-parser's last call was for a value */
    bool want_continue;
    uint32_t word_len;   /* bytes of the method, version or chunk size that is being read */
    uint32_t method_len; /* as soon as it is complete */
    uint32_t target_len;
    uint32_t fields;    /* header lines begun, with trailers */
    uint32_t extra;     /* bytes of chunk extensions and trailers */
    uint64_t body_left; /* of the body, or of the chunk */

    struct buf head;
    size_t parsed; /* bytes of it that http-parser has seen */
    struct http_span *spans;
    size_t spans_len;
    size_t spans_cap;
    struct buf body;

    int status;
    const char *problem;
};

/* --- the parser's life --- */

struct http1 *http1_new(const struct http_limits *limits)
{
    assert(limits->head_bytes_max <= HTTP_HEAD_BYTES_LIMIT);
    struct http1 *h = heap_zalloc(1, sizeof(*h));

    h->limits = *limits;
    buf_init(&h->head, limits->head_bytes_max);
    buf_init(&h->body, limits->body_bytes_max);
    http1_next(h);
    return h;
}

void http1_free(struct http1 *h)
{
    if (!h)
        return;
    buf_release(&h->head);
    buf_release(&h->body);
    heap_free(h->spans);
    heap_free(h);
}

static void empty_buf(struct buf *b)
{
    if (b->cap > KEEP_BYTES_MAX)
        buf_release(b);
    else
        buf_clear(b);
}

void http1_next(struct http1 *h)
{
    empty_buf(&h->head);
    empty_buf(&h->body);
    if (h->spans_cap * sizeof(*h->spans) > KEEP_BYTES_MAX) {
        heap_free(h->spans);
        h->spans = NULL;
        h->spans_cap = 0;
    }
    *h = (struct http1){
        .limits = h->limits,
        .head = h->head,
        .body = h->body,
        .spans = h->spans,
        .spans_cap = h->spans_cap,
    };
    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
}

bool http1_idle(const struct http1 *h)
{
    return h->stage == START;
}

const struct http_request *http1_request(const struct http1 *h)
{
    assert(h->stage == COMPLETE);
    return &h->request;
}

bool http1_take_continue(struct http1 *h)
{
    bool want = h->want_continue;

    h->want_continue = false;
    return want;
}

int http1_status(const struct http1 *h)
{
    assert(h->stage == BROKEN);
    return h->status;
}

const char *http1_problem(const struct http1 *h)
{
    assert(h->stage == BROKEN);
    return h->problem;
}

/* Always false, for the caller to return. */
static bool bad(struct http1 *h, int status, const char *problem)
{
    h->stage = BROKEN;
    h->status = status;
    h->problem = problem;
    h->want_continue = false;
    return false;
}

/* --- the scanner: is this byte what may stand here? --- */

static bool scan_start(struct http1 *h, unsigned char c)
{
    if (h->stage == START_LF) {
        if (c != '\n')
            return bad(h, 400, "carriage return without line feed");
        h->stage = START;
        return true;
    }
    /* RFC 9112 section 2.2: blank lines before a request are passed over. */
    if (c == '\r') {
        if (h->blank_lines == BLANK_LINES_MAX)
            return bad(h, 400, "too many blank lines before the request");
        h->blank_lines++;
        h->stage = START_LF;
        return true;
    }
    if (!is_token(c))
        return bad(h, 400, "the request does not begin with a method");
    h->stage = METHOD;
    h->word_len = 1;
    return true;
}

/* RFC 9112 section 3: three words, one space between them. */
static bool scan_request_line(struct http1 *h, unsigned char c)
{
    switch (h->stage) {
    case METHOD:
        if (c == ' ') {
            h->method_len = h->word_len;
            h->stage = TARGET;
            return true;
        }
        if (!is_token(c))
            return bad(h, 400, "invalid character in the method");
        if (++h->word_len > METHOD_BYTES_MAX)
            return bad(h, 501, "unknown method");
        return true;
    case TARGET:
        if (c == ' ' && h->target_len) {
            h->word_len = 0;
            h->stage = VERSION;
            return true;
        }
        if (!is_visible(c) || c == '#')
            return bad(h, 400, "invalid character in the request target");
        if (++h->target_len > h->limits.uri_bytes_max)
            return bad(h, 414, "the request target is too long");
        return true;
    case VERSION:
        if (c == '\r' && h->word_len) {
            h->stage = REQUEST_LINE_LF;
            return true;
        }
        if (!is_visible(c) || ++h->word_len > VERSION_BYTES_MAX)
            return bad(h, 400, "the request line does not end with a version");
        return true;
    default:
        if (c != '\n')
            return bad(h, 400, "carriage return without line feed");
        h->stage = FIELD_START;
        return true;
    }
}

/* RFC 9112 section 5. */
static bool scan_field(struct http1 *h, unsigned char c)
{
    switch (h->stage) {
    case FIELD_START:
        if (c == '\r') {
            h->stage = FIELDS_END_LF;
            return true;
        }
        if (is_blank((char)c))
            return bad(h, 400, "folded header line");
        if (!is_token(c))
            return bad(h, 400, "invalid character in a header name");
        if (++h->fields > h->limits.headers_max)
            return bad(h, 431, "too many header lines");
        h->stage = FIELD_NAME;
        return true;
    case FIELD_NAME:
        if (c == ':')
            h->stage = FIELD_VALUE;
        else if (!is_token(c))
            return bad(h, 400, "invalid character in a header name");
        return true;
    case FIELD_VALUE:
        if (c == '\r')
            h->stage = FIELD_LF;
        else if (!is_value(c))
            return bad(h, 400, "invalid character in a header value");
        return true;
    default:
        if (c != '\n')
            return bad(h, 400, "carriage return without line feed");
        h->stage = h->stage == FIELD_LF ? FIELD_START : FIELDS_END;
        return true;
    }
}

/* Looks at `in` up to the end of the request line, of the fields, or of itself. Returns how many
 * bytes are good; if that is not all and it is at neither end, the stage is BROKEN. */
static size_t scan(struct http1 *h, struct bytes in)
{
    size_t n = 0;

    while (n < in.len) {
        unsigned char c = (unsigned char)in.ptr[n];
        if (h->stage == FIELD_VALUE && is_value(c)) {
            n++;
            continue;
        }
        bool request_line = h->stage < FIELD_START;
        bool good = request_line ? scan_request_line(h, c) : scan_field(h, c);
        if (!good)
            return n;
        n++;
        if (h->stage == FIELDS_END || (request_line && h->stage == FIELD_START))
            return n;
    }
    return n;
}

/* --- http-parser: what the good lines say --- */

static int on_field_name(struct http_parser *parser, const char *at, size_t len)
{
    struct http1 *h = parser->data;

    if (h->spans_len == 0 || h->in_value) {
        if (h->spans_len == h->spans_cap) {
            h->spans_cap = h->spans_cap ? h->spans_cap * 2 : 16;
            h->spans = heap_realloc(h->spans, h->spans_cap * sizeof(*h->spans));
        }
        h->spans[h->spans_len++] = (struct http_span){.name_at = (uint32_t)(at - h->head.ptr)};
        h->in_value = false;
    }
    h->spans[h->spans_len - 1].name_len += (uint32_t)len;
    return 0;
}

static int on_field_value(struct http_parser *parser, const char *at, size_t len)
{
    struct http1 *h = parser->data;

    assert(h->spans_len);
    struct http_span *span = &h->spans[h->spans_len - 1];
    if (!h->in_value)
        span->value_at = (uint32_t)(at - h->head.ptr);
    span->value_len += (uint32_t)len;
    h->in_value = true;
    return 0;
}

/* 2: no body follows, and stop behind the head. Bodies are read here, since http-parser forgives
 * too much in chunks. */
static int on_head_end(struct http_parser *parser)
{
    (void)parser;
    return 2;
}

/* Shows http-parser what the scanner let through. */
static bool parse_head(struct http1 *h)
{
    static const http_parser_settings settings = {
        .on_header_field = on_field_name,
        .on_header_value = on_field_value,
        .on_headers_complete = on_head_end,
    };
    size_t len = h->head.len - h->parsed;

    if (len == 0)
        return true;
    size_t used = http_parser_execute(&h->parser, &settings, h->head.ptr + h->parsed, len);
    h->parsed += used;
    enum http_errno error = HTTP_PARSER_ERRNO(&h->parser);
    if (error == HPE_INVALID_METHOD)
        return bad(h, 501, "unknown method");
    if (error == HPE_HEADER_OVERFLOW)
        return bad(h, 431, "the head is too long");
    if (error != HPE_OK)
        return bad(h, 400, http_errno_description(error));
    if (used != len)
        return bad(h, 400, "invalid head");
    return true;
}

/* --- what the head means --- */

static void read_method(struct http1 *h)
{
    struct http_request *r = &h->request;

    r->method_text = bytes_of(h->head.ptr, h->method_len);
    r->target = bytes_of(h->head.ptr + h->method_len + 1, h->target_len);
    r->version_minor = h->parser.http_minor ? 1 : 0;
    switch (h->parser.method) {
    case HTTP_GET:
        r->method = HTTP1_GET;
        break;
    case HTTP_HEAD:
        r->method = HTTP1_HEAD;
        break;
    case HTTP_POST:
        r->method = HTTP1_POST;
        break;
    case HTTP_OPTIONS:
        r->method = HTTP1_OPTIONS;
        break;
    default:
        r->method = HTTP1_OTHER;
        break;
    }
}

/* uri-host [":" port] of RFC 3986 section 3.2, without user information; empty is valid. */
static bool is_host(struct bytes host)
{
    size_t i = 0;

    if (host.len && host.ptr[0] == '[') {
        size_t close = bytes_find(host, ']');
        if (close == host.len || close < 3)
            return false;
        for (i = 1; i < close; i++) {
            char c = lower(host.ptr[i]);
            if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
                return false;
        }
        i = close + 1;
    } else {
        for (; i < host.len && host.ptr[i] != ':'; i++) {
            unsigned char c = (unsigned char)host.ptr[i];
            if (!is_alnum(c) && !(c && memchr("-._~%!$&'()*+,;=", c, 16)))
                return false;
        }
    }
    if (i == host.len)
        return true;
    if (host.ptr[i] != ':' || host.len - i > 6)
        return false;
    for (i++; i < host.len; i++) {
        if (host.ptr[i] < '0' || host.ptr[i] > '9')
            return false;
    }
    return true;
}

/* RFC 9112 section 3.2. */
static bool read_host(struct http1 *h)
{
    struct http_request *r = &h->request;
    size_t count = http_header_count(r, B("host"));

    if (count > 1)
        return bad(h, 400, "more than one Host header");
    if (count == 0 && r->version_minor > 0)
        return bad(h, 400, "no Host header");
    r->host = http_header(r, B("host"));
    if (!is_host(r->host))
        return bad(h, 400, "invalid Host header");
    return true;
}

/* "http://host" or "https://host" in front of a path, of which `rest` then remains. */
static bool read_authority(struct http1 *h, struct bytes *rest)
{
    static const struct bytes schemes[] = {{"http://", 7}, {"https://", 8}};
    struct http_request *r = &h->request;

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t scheme_len = schemes[i].len;
        if (rest->len <= scheme_len || !same_word(bytes_of(rest->ptr, scheme_len), schemes[i]))
            continue;
        *rest = bytes_skip(*rest, scheme_len);
        size_t len = bytes_find(*rest, '/');
        size_t query_at = bytes_find(*rest, '?');
        r->host = bytes_of(rest->ptr, query_at < len ? query_at : len);
        *rest = bytes_skip(*rest, r->host.len);
        return (r->host.len && is_host(r->host) && r->host.ptr[0] != ':') ||
               bad(h, 400, "invalid host in the request target");
    }
    return bad(h, 400, "the request target is neither a path nor an http address");
}

/* The four forms of RFC 9112 section 3.2. */
static bool read_target(struct http1 *h)
{
    struct http_request *r = &h->request;
    struct bytes rest = r->target;

    if (h->parser.method == HTTP_CONNECT)
        return (is_host(rest) && rest.ptr[0] != ':') ||
               bad(h, 400, "the target of CONNECT is not a host");
    if (rest.ptr[0] == '*') {
        r->path = rest;
        r->method = HTTP1_OTHER;
        return (rest.len == 1 && h->parser.method == HTTP_OPTIONS) ||
               bad(h, 400, "the request target is neither a path nor an http address");
    }
    if (rest.ptr[0] != '/' && !read_authority(h, &rest))
        return false;
    size_t path_len = bytes_find(rest, '?');
    r->path = path_len ? bytes_of(rest.ptr, path_len) : B("/");
    if (path_len < rest.len)
        r->query = bytes_skip(rest, path_len + 1);
    return true;
}

static bool read_content_length(struct http1 *h, struct bytes text)
{
    uint64_t n = 0;

    if (text.len == 0)
        return bad(h, 400, "invalid Content-Length");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return bad(h, 400, "invalid Content-Length");
        n = n * 10 + (uint64_t)(text.ptr[i] - '0');
        if (n > h->limits.body_bytes_max)
            return bad(h, 413, "the body is too long");
    }
    h->body_left = n;
    h->stage = n ? BODY_BY_LENGTH : COMPLETE;
    return true;
}

/* How long is the body (RFC 9112 section 6.3)? In doubt the request is refused. */
static bool read_framing(struct http1 *h)
{
    const struct http_request *r = &h->request;
    size_t lengths = http_header_count(r, B("content-length"));
    size_t codings = http_header_count(r, B("transfer-encoding"));

    if (codings == 0) {
        if (lengths > 1)
            return bad(h, 400, "more than one Content-Length");
        if (lengths == 1)
            return read_content_length(h, http_header(r, B("content-length")));
        h->stage = COMPLETE;
        return true;
    }
    if (lengths)
        return bad(h, 400, "Content-Length with Transfer-Encoding");
    if (r->version_minor == 0)
        return bad(h, 400, "Transfer-Encoding in HTTP/1.0");
    struct bytes coding = http_header(r, B("transfer-encoding"));
    if (codings > 1 || !same_word(coding, B("chunked"))) {
        /* Unknown codings below a final "chunked" are well formed: 501 (RFC 9112 section 6.1). */
        struct http_tokens t = {.request = r, .name = B("transfer-encoding")};
        struct bytes last = {0};
        struct bytes token;
        bool inner_chunked = false;
        while (http_token_next(&t, &token)) {
            inner_chunked = inner_chunked || same_word(last, B("chunked"));
            last = token;
        }
        if (inner_chunked || !same_word(last, B("chunked")))
            return bad(h, 400, "Transfer-Encoding is not chunked");
        return bad(h, 501, "unknown Transfer-Encoding");
    }
    h->stage = CHUNK_SIZE;
    h->word_len = 0;
    return true;
}

/* The head is complete, and does not move from here on. */
static bool finish_head(struct http1 *h)
{
    struct http_request *r = &h->request;

    for (size_t i = 0; i < h->spans_len; i++) {
        struct http_span *s = &h->spans[i];
        struct bytes value = trimmed(bytes_of(h->head.ptr + s->value_at, s->value_len));
        s->value_at = (uint32_t)(value.ptr - h->head.ptr);
        s->value_len = (uint32_t)value.len;
    }
    r->spans = h->spans;
    r->headers_len = h->spans_len;
    r->head = h->head.ptr;

    read_method(h);
    if (!read_host(h) || !read_target(h) || !read_framing(h))
        return false;
    r->keep_alive = r->version_minor > 0 ? !http_header_lists(r, B("connection"), B("close"))
                                         : http_header_lists(r, B("connection"), B("keep-alive"));
    r->upgrade_websocket = http_header_lists(r, B("connection"), B("upgrade")) &&
                           http_header_lists(r, B("upgrade"), B("websocket"));
    h->want_continue = h->stage != COMPLETE && r->version_minor > 0 &&
                       http_header_lists(r, B("expect"), B("100-continue"));
    return true;
}

/* The first byte of `in` is the first of a head, and most often all of it follows. */
static void begin_head(struct http1 *h, struct bytes in)
{
    uint32_t max = h->limits.head_bytes_max;

    if (max == 0) {
        bad(h, 431, "the head is too long");
        return;
    }
    char *room = buf_reserve(&h->head, in.len < max ? in.len : max);
    assert(room);
    room[0] = in.ptr[0];
    buf_added(&h->head, 1);
}

static size_t feed_head(struct http1 *h, struct bytes in)
{
    size_t room = h->limits.head_bytes_max - h->head.len;
    bool cut = in.len > room;

    if (cut)
        in.len = room;
    size_t n = scan(h, in);
    enum stage stage = h->stage;
    int status = h->status;
    const char *problem = h->problem;
    bool kept = buf_put(&h->head, bytes_of(in.ptr, n));
    assert(kept);

    /* Without its last character a method cannot be told from an unknown one. */
    if (h->method_len && !parse_head(h))
        return n;
    if (stage == BROKEN) {
        bad(h, status, problem);
        return n;
    }
    if (stage == FIELD_START && h->fields == 0 && h->parser.http_major != 1) {
        bad(h, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        return n;
    }
    if (stage == FIELDS_END)
        finish_head(h);
    else if (cut && n == in.len && h->head.len == h->limits.head_bytes_max)
        bad(h, 431, "the head is too long");
    return n;
}

/* --- bodies --- */

static size_t feed_body(struct http1 *h, struct bytes in, enum stage next)
{
    size_t n = in.len < h->body_left ? in.len : (size_t)h->body_left;
    bool kept = buf_put(&h->body, bytes_of(in.ptr, n));

    assert(kept);
    h->body_left -= n;
    if (h->body_left == 0)
        h->stage = next;
    return n;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool scan_chunk_size(struct http1 *h, unsigned char c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (++h->word_len > CHUNK_DIGITS_MAX)
            return bad(h, 400, "invalid chunk size");
        h->body_left = h->body_left * 16 + (uint64_t)digit;
        if (h->body_left > h->limits.body_bytes_max - h->body.len)
            return bad(h, 413, "the body is too long");
        return true;
    }
    if (h->word_len && c == '\r')
        h->stage = CHUNK_SIZE_LF;
    else if (h->word_len && (c == ';' || is_blank((char)c)))
        h->stage = c == ';' ? CHUNK_EXTENSION : CHUNK_BLANK;
    else
        return bad(h, 400, "invalid chunk size");
    h->word_len = 0;
    return true;
}

/* One byte of a chunk's framing (RFC 9112 section 7.1). Extensions are read over. */
static bool scan_chunk(struct http1 *h, unsigned char c)
{
    switch (h->stage) {
    case CHUNK_SIZE:
        return scan_chunk_size(h, c);
    case CHUNK_BLANK:
        if (c == ';')
            h->stage = CHUNK_EXTENSION;
        else if (!is_blank((char)c))
            return bad(h, 400, "invalid chunk size");
        return ++h->extra <= h->limits.head_bytes_max ||
               bad(h, 431, "the chunk extensions are too long");
    case CHUNK_EXTENSION:
        if (c == '\r' && h->word_len) {
            h->stage = CHUNK_SIZE_LF;
            h->word_len = 0;
            return true;
        }
        if (!is_visible(c) && !is_blank((char)c))
            return bad(h, 400, "invalid chunk extension");
        h->word_len += is_token(c);
        return ++h->extra <= h->limits.head_bytes_max ||
               bad(h, 431, "the chunk extensions are too long");
    case CHUNK_DATA_CR:
        h->stage = CHUNK_DATA_LF;
        return c == '\r' || bad(h, 400, "a chunk is longer than its size");
    default:
        if (c != '\n')
            return bad(h, 400, "carriage return without line feed");
        if (h->stage == CHUNK_DATA_LF) {
            h->stage = CHUNK_SIZE;
        } else if (h->body_left) {
            h->stage = CHUNK_DATA;
        } else {
            h->stage = FIELD_START;
            h->trailers = true;
        }
        return true;
    }
}

/* Trailers are read over: nothing that they could say is of use here (RFC 9110 section 6.5.1). */
static size_t feed_trailers(struct http1 *h, struct bytes in)
{
    size_t room = h->limits.head_bytes_max - h->extra;
    bool cut = in.len > room;

    if (cut)
        in.len = room;
    size_t n = scan(h, in);
    h->extra += (uint32_t)n;
    if (h->stage == FIELDS_END)
        h->stage = COMPLETE;
    else if (h->stage != BROKEN && cut)
        bad(h, 431, "the trailers are too long");
    return n;
}

static size_t feed_some(struct http1 *h, struct bytes in)
{
    switch (h->stage) {
    case START:
    case START_LF:
        if (!scan_start(h, (unsigned char)in.ptr[0]))
            return 0;
        if (h->stage == METHOD)
            begin_head(h, in);
        return 1;
    case BODY_BY_LENGTH:
        return feed_body(h, in, COMPLETE);
    case CHUNK_DATA:
        return feed_body(h, in, CHUNK_DATA_CR);
    case CHUNK_SIZE:
    case CHUNK_BLANK:
    case CHUNK_EXTENSION:
    case CHUNK_SIZE_LF:
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
        return scan_chunk(h, (unsigned char)in.ptr[0]) ? 1 : 0;
    default:
        return h->trailers ? feed_trailers(h, in) : feed_head(h, in);
    }
}

size_t http1_feed(struct http1 *h, struct bytes in, enum http1_result *result)
{
    assert(h->stage != COMPLETE && h->stage != BROKEN);
    size_t used = 0;

    while (used < in.len && h->stage != COMPLETE && h->stage != BROKEN)
        used += feed_some(h, bytes_skip(in, used));
    if (h->stage == COMPLETE) {
        h->want_continue = false;
        h->request.body = buf_bytes(&h->body);
        *result = HTTP1_REQUEST;
    } else {
        if (h->body.len)
            h->want_continue = false;
        *result = h->stage == BROKEN ? HTTP1_BAD : HTTP1_MORE;
    }
    return used;
}
