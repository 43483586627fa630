/* SPDX-License-Identifier: MIT */
#include "wire/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/heap.h"
#include "wire/cutter_test.h"

static const struct http_limits limits = {
    .head_bytes_max = 500, .uri_bytes_max = 100, .headers_max = 10, .body_bytes_max = 50};

static const char *const method_names[] = {"GET", "HEAD", "POST", "OPTIONS", "OTHER"};

/* Appends what was asked, as "GET path ?query @host 1.1 keep ws [body]; ", without what is not
 * there. */
static void put_request(struct buf *out, const struct http_request *r)
{
    buf_printf(out, "%s %.*s", method_names[r->method], (int)r->path.len, r->path.ptr);
    if (r->query.len)
        buf_printf(out, " ?%.*s", (int)r->query.len, r->query.ptr);
    if (r->host.len)
        buf_printf(out, " @%.*s", (int)r->host.len, r->host.ptr);
    buf_printf(out, " 1.%u%s%s", r->version_minor, r->keep_alive ? " keep" : "",
               r->upgrade_websocket ? " ws" : "");
    if (r->body.len) {
        buf_put(out, B(" ["));
        buf_put(out, r->body);
        buf_put(out, B("]"));
    }
    buf_put(out, B("; "));
}

/* Reads `in` cut in one of the ways, and tells the requests, the status of what is bad, or how it
 * was left. */
static struct buf story(struct bytes in, int way)
{
    struct http1 *h = http1_new(&limits);
    enum http1_result result = HTTP1_MORE;
    struct cutter c;
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    cutter_init(&c, in, way);
    while (result != HTTP1_BAD && cutter_next(&c)) {
        size_t used = 0;
        do {
            used += http1_feed(h, bytes_of(c.piece + used, c.piece_len - used), &result);
            assert_true(used <= c.piece_len);
            if (result == HTTP1_REQUEST) {
                put_request(&out, http1_request(h));
                http1_next(h);
            }
        } while (result == HTTP1_REQUEST);
        assert_true(result == HTTP1_BAD || used == c.piece_len);
    }
    if (result == HTTP1_BAD)
        buf_printf(&out, "%d %s", http1_status(h), http1_problem(h));
    else
        buf_put(&out, http1_idle(h) ? B("idle") : B("open"));
    cutter_release(&c);
    http1_free(h);
    return out;
}

/* Every cut must begin with `want`, and all must be the same. */
static void check(struct bytes in, const char *want)
{
    struct buf whole = story(in, CUTTER_WHOLE);

    if (!bytes_starts(buf_bytes(&whole), bytes_str(want)))
        fail_msg("'%.*s' gave '%.*s', not '%s'", (int)in.len, in.ptr, (int)whole.len, whole.ptr,
                 want);
    for (int way = CUTTER_WHOLE + 1; way < CUTTER_WAYS; way++) {
        struct buf got = story(in, way);
        if (!bytes_equal(buf_bytes(&got), buf_bytes(&whole)))
            fail_msg("'%.*s' cut %d gave '%.*s', whole '%.*s'", (int)in.len, in.ptr, way,
                     (int)got.len, got.ptr, (int)whole.len, whole.ptr);
        buf_release(&got);
    }
    buf_release(&whole);
}

struct vector {
    struct bytes in;
    const char *want;
};
#define V(in, want)                                                                                \
    {                                                                                              \
        {in, sizeof(in) - 1}, want                                                                 \
    }

static void check_all(const struct vector *vectors, size_t len)
{
    for (size_t i = 0; i < len; i++)
        check(vectors[i].in, vectors[i].want);
}

#define HOST "Host: h\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void requests_are_read(void **state)
{
    static const struct vector vectors[] = {
        V(GET HOST "\r\n", "GET / @h 1.1 keep; idle"),
        V("HEAD /a/b?c=d?e HTTP/1.1\r\nhOsT:h:80\r\n\r\n", "HEAD /a/b ?c=d?e @h:80 1.1 keep; idle"),
        V("OPTIONS /%41%zz HTTP/1.1\r\n" HOST "\r\n", "OPTIONS /%41%zz @h 1.1 keep; idle"),
        V("DELETE //x HTTP/1.1\r\n" HOST "\r\n", "OTHER //x @h 1.1 keep; idle"),
        V("GET /? HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 keep; idle"),
        V("GET / HTTP/1.2\r\n" HOST "\r\n", "GET / @h 1.1 keep; idle"),
        V("GET / HTTP/1.0\r\n\r\n", "GET / 1.0; idle"),
        V("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 keep; idle"),
        V(GET HOST "Connection: x, CLOSE\r\n\r\n", "GET / @h 1.1; idle"),
        V(GET HOST "Connection: closed\r\n\r\n", "GET / @h 1.1 keep; idle"),
        V("\r\n\r\n" GET HOST "\r\n\r\n", "GET / @h 1.1 keep; idle"),
        V("\r\n", "idle"),
        V("\r\n\r", "open"),
        V("G", "open"),
        V(GET HOST, "open"),
        V("GET /"
          "\xc3"
          " HTTP/1.1\r\n",
          "400 invalid character in the request target"),
        V(GET "Host: [::1]:8080\r\n\r\n", "GET / @[::1]:8080 1.1 keep; idle"),
        V(GET HOST "X: \xc3\xa4\t\"\r\nY:\r\nZ: \t \r\n\r\n", "GET / @h 1.1 keep; idle"),
        V("M-SEARCH / HTTP/1.1\r\n" HOST "\r\n", "OTHER / @h 1.1 keep; idle"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void targets_come_in_four_forms(void **state)
{
    static const struct vector vectors[] = {
        V("GET http://a.b:81/c?d HTTP/1.1\r\n" HOST "\r\n", "GET /c ?d @a.b:81 1.1 keep; "),
        V("GET HTTPS://a HTTP/1.1\r\n" HOST "\r\n", "GET / @a 1.1 keep; "),
        V("GET http://a?/b HTTP/1.1\r\n" HOST "\r\n", "GET / ?/b @a 1.1 keep; "),
        V("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OTHER * @h 1.1 keep; "),
        V("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", "OTHER  @h 1.1 keep; "),
        V("GET * HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("OPTIONS *a HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET http:///c HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET http:// HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET http://a:b/ HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET http://a/ HTTP/1.1\r\n\r\n", "400 no Host header"),
        V("GET a HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET index.html HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("GET /a#b HTTP/1.1\r\n" HOST "\r\n", "400"),
        V("CONNECT / HTTP/1.1\r\n" HOST "\r\n", "400"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void the_request_line_has_one_form(void **state)
{
    static const struct vector vectors[] = {
        V(" GET / HTTP/1.1\r\n", "400 the request does not begin with a method"),
        V("GET  / HTTP/1.1\r\n", "400"),
        V("GET\t/ HTTP/1.1\r\n", "400"),
        V("GET /  HTTP/1.1\r\n", "400"),
        V("GET / HTTP/1.1 \r\n", "400"),
        V("GET /a b HTTP/1.1\r\n", "400"),
        V("GET /\r\n", "400"),
        V("GET / \r\n", "400"),
        V("GET\r\n", "400"),
        V("GET / HTTP/1.1\n", "400"),
        V("GET / HTTP/1.1\r\r\n", "400"),
        V("\nGET / HTTP/1.1\r\n", "400"),
        V("\r\r\n", "400"),
        V("\r\n\r\n\r\n\r\n\r\n", "400 too many blank lines before the request"),
        V("GET /\0 HTTP/1.1\r\n", "400"),
        V("GET /\x7f HTTP/1.1\r\n", "400"),
        V("GET / HTTP/1\r\n", "400"),
        V("GET / HTTP/1.\r\n", "400"),
        V("GET / HTTP/1.1x\r\n", "400"),
        V("GET / HTTP/11\r\n", "400"),
        V("GET / HTTP/01.1\r\n", "400"),
        V("GET / http/1.1\r\n", "400"),
        V("GET / HTTP 1.1\r\n", "400"),
        V("GET / HTTP/+1.1\r\n", "400"),
        V("GET / ICE/1.0\r\n", "400"),
        V("GET / HTTP/2.0\r\n", "505"),
        V("GET / HTTP/0.9\r\n", "505"),
        V("GET / HTTP/9.9\r\n", "505"),
        V("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "501"),
        V("get / HTTP/1.1\r\n", "501 unknown method"),
        V("FOO / HTTP/1.1\r\n", "501 unknown method"),
        V("GETX / HTTP/1.1\r\n", "501 unknown method"),
        V("G\x01T / HTTP/1.1\r\n", "400"),
        V("\x16\x03\x01\x02", "400"),
        V("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "501 unknown method"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void header_lines_have_one_form(void **state)
{
    static const struct vector vectors[] = {
        V(GET HOST "A : b\r\n", "400 invalid character in a header name"),
        V(GET HOST ": b\r\n", "400"),
        V(GET HOST "A\r\n", "400"),
        V(GET HOST "A\0: b\r\n", "400"),
        V(GET HOST "A\xc3: b\r\n", "400"),
        V(GET HOST "A(b: c\r\n", "400"),
        V(GET HOST "A: b\r\n c\r\n", "400 folded header line"),
        V(GET HOST "A: b\r\n\tc\r\n", "400 folded header line"),
        V(GET HOST "A:\r\n b\r\n", "400 folded header line"),
        V(GET " A: b\r\n" HOST, "400 folded header line"),
        V(GET HOST "A: b\nC: d\r\n", "400 invalid character in a header value"),
        V(GET HOST "A: b\rC: d\r\n", "400 carriage return without line feed"),
        V(GET HOST "A: b\r\r\n", "400 carriage return without line feed"),
        V(GET HOST "A: \0\r\n", "400 invalid character in a header value"),
        V(GET HOST "A: \x01\r\n", "400"),
        V(GET HOST "A: \x7f\r\n", "400"),
        V(GET HOST "\n", "400"),
        V(GET HOST "\r\r", "400"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void there_is_one_valid_host(void **state)
{
    static const struct vector vectors[] = {
        V(GET "\r\n", "400 no Host header"),
        V(GET HOST HOST "\r\n", "400 more than one Host header"),
        V("GET / HTTP/1.0\r\n" HOST HOST "\r\n", "400 more than one Host header"),
        V(GET "Host: a b\r\n\r\n", "400 invalid Host header"),
        V(GET "Host: a/b\r\n\r\n", "400"),
        V(GET "Host: u@a\r\n\r\n", "400"),
        V(GET "Host: a:b\r\n\r\n", "400"),
        V(GET "Host: a:80:81\r\n\r\n", "400"),
        V(GET "Host: a:123456\r\n\r\n", "400"),
        V(GET "Host: [::1\r\n\r\n", "400"),
        V(GET "Host: []\r\n\r\n", "400"),
        V(GET "Host: [::1]a\r\n\r\n", "400"),
        V(GET "Host: [v]\r\n\r\n", "400"),
        V(GET "Host: a\xc3\xa4\r\n\r\n", "400"),
        V(GET "Host: http://a\r\n\r\n", "400"),
        V(GET "Host: a?b\r\n\r\n", "400"),
        V(GET "Host: xn--a_b.c%20:\r\n\r\n", "GET / @xn--a_b.c%20: 1.1 keep; idle"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void bodies_by_length_are_read(void **state)
{
    static const struct vector vectors[] = {
        V(POST "Content-Length: 5\r\n\r\nhello", "POST / @h 1.1 keep [hello]; idle"),
        V(POST "Content-Length: 0\r\n\r\n", "POST / @h 1.1 keep; idle"),
        V(POST "Content-Length: \t5 \r\n\r\nhello", "POST / @h 1.1 keep [hello]; idle"),
        V(POST "Content-Length: 05 \r\n\r\nhello", "POST / @h 1.1 keep [hello]; idle"),
        V(POST "Content-Length: 5\r\n\r\nhell", "open"),
        V(POST "\r\nhello", "POST / @h 1.1 keep; open"),
        V(POST "Content-Length: 50\r\n\r\n", "open"),
        V(POST "Content-Length: 51\r\n\r\n", "413 the body is too long"),
        V(POST "Content-Length: 4294967296\r\n\r\n", "413"),
        V(POST "Content-Length: 4294967301\r\n\r\n", "413"),
        V(POST "Content-Length: 18446744073709551621\r\n\r\n", "400"),
        V(POST "Content-Length: 99999999999999999999999999\r\n\r\n", "400"),
        V(POST "Content-Length: -1\r\n\r\n", "400"),
        V(POST "Content-Length: +1\r\n\r\n", "400"),
        V(POST "Content-Length: 0x1\r\n\r\n", "400"),
        V(POST "Content-Length: 1e1\r\n\r\n", "400"),
        V(POST "Content-Length: 1 1\r\n\r\n", "400"),
        V(POST "Content-Length: 1,1\r\n\r\n", "400"),
        V(POST "Content-Length: 1.0\r\n\r\n", "400"),
        V(POST "Content-Length: \"1\"\r\n\r\n", "400"),
        V(POST "Content-Length: a\r\n\r\n", "400"),
        V(POST "Content-Length:\r\n\r\n", "400"),
        V(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"),
        V(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"),
        V(POST "Content-Length : 5\r\n\r\nhello", "400"),
        V(POST "Content-Length\r\n\r\nhello", "400"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void chunks_are_joined(void **state)
{
    static const struct vector vectors[] = {
        V(CHUNKED "0\r\n\r\n", "POST / @h 1.1 keep; idle"),
        V(CHUNKED "5\r\nhello\r\n0\r\n\r\n", "POST / @h 1.1 keep [hello]; idle"),
        V(CHUNKED "005\r\nhello\r\nA\r\n0123456789\r\n1\r\n\r\r\n000\r\n\r\n" GET HOST "\r\n",
          "POST / @h 1.1 keep [hello0123456789\r]; GET / @h 1.1 keep; idle"),
        V(CHUNKED "5;a=b;c=\"d e\"\r\nhello\r\n0;e\r\n\r\n", "POST / @h 1.1 keep [hello]; idle"),
        V(CHUNKED "5 ; a\r\nhello\r\n0\r\n\r\n", "POST / @h 1.1 keep [hello]; idle"),
        V(CHUNKED "1\r\nx\r\n0\r\nContent-Length: 5\r\nHost: a b\r\n\r\n",
          "POST / @h 1.1 keep [x]; idle"),
        V(CHUNKED "0\r\n", "open"),
        V(CHUNKED "32\r\n0123456789012345678901234567890123456789012345678\r\n\r\n0\r\n\r\n",
          "400"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void chunks_have_one_form(void **state)
{
    static const struct vector vectors[] = {
        V(CHUNKED "\r\n", "400 invalid chunk size"),
        V(CHUNKED "g\r\n", "400 invalid chunk size"),
        V(CHUNKED "0x5\r\n", "400 invalid chunk size"),
        V(CHUNKED "-5\r\n", "400 invalid chunk size"),
        V(CHUNKED "+5\r\n", "400 invalid chunk size"),
        V(CHUNKED " 5\r\n", "400 invalid chunk size"),
        V(CHUNKED "5 \r\n", "400 invalid chunk size"),
        V(CHUNKED "5 5\r\n", "400 invalid chunk size"),
        V(CHUNKED "5\n", "400 invalid chunk size"),
        V(CHUNKED "5\r\rhello", "400 carriage return without line feed"),
        V(CHUNKED "5_\r\n", "400 invalid chunk size"),
        V(CHUNKED "5;\r\n", "400 invalid chunk extension"),
        V(CHUNKED "5;a\n", "400 invalid chunk extension"),
        V(CHUNKED "5;a\x01\r\n", "400 invalid chunk extension"),
        V(CHUNKED "5;a\rb\n", "400 carriage return without line feed"),
        V(CHUNKED "5\r\nhello!\r\n", "400 a chunk is longer than its size"),
        V(CHUNKED "5\r\nhello\n", "400 a chunk is longer than its size"),
        V(CHUNKED "5\r\nhello\r0", "400 carriage return without line feed"),
        V(CHUNKED "5\r\nhello0\r\n\r\n", "400 a chunk is longer than its size"),
        V(CHUNKED "00000000000000005\r\n", "400 invalid chunk size"),
        V(CHUNKED "33\r\n", "413 the body is too long"),
        V(CHUNKED "100000005\r\n", "413 the body is too long"),
        V(CHUNKED "ffffffffffffffff\r\n", "413 the body is too long"),
        V(CHUNKED "10000000000000005\r\n", "413 the body is too long"),
        V(CHUNKED "1\r\nx\r\n32\r\n", "413 the body is too long"),
        V(CHUNKED "0\r\nA : b\r\n", "400 invalid character in a header name"),
        V(CHUNKED "0\r\n A: b\r\n", "400 folded header line"),
        V(CHUNKED "0\r\nA: b\n", "400"),
        V(CHUNKED "0\r\n\r0", "400"),
        V(CHUNKED "0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:\r\nI:\r\n",
          "431 too many header lines"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void contradicting_or_unknown_framing_is_refused(void **state)
{
    static const struct vector vectors[] = {
        V(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "400"),
        V(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        V(POST "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n", "400"),
        V("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunked, gzip\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: identity\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: xchunked\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunkedx\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: chunked;q=1\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n",
          "400"),
        V(POST "Transfer-Encoding:\r\n\r\n", "400"),
        V(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "501 unknown Transfer-Encoding"),
        V(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "501"),
        V(POST "Transfer-Encoding:\tCHUNKED\t \r\n\r\n0\r\n\r\n", "POST / @h 1.1 keep; idle"),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void requests_in_one_read_come_out_in_order(void **state)
{
    (void)state;
    check(B(GET HOST "\r\n" POST "Content-Length: 3\r\n\r\nabc\r\n" CHUNKED
                     "1\r\nz\r\n0\r\n\r\nGET /last HTTP/1.1\r\n" HOST "\r\nX"),
          "GET / @h 1.1 keep; POST / @h 1.1 keep [abc]; POST / @h 1.1 keep [z]; "
          "GET /last @h 1.1 keep; open");
}

static void an_upgrade_is_seen_in_lists_of_any_case(void **state)
{
    static const struct vector vectors[] = {
        V(GET HOST "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
          "GET / @h 1.1 keep ws; "),
        V(GET HOST "Connection: a\r\nCONNECTION:,,UPGRADE,\r\nUpgrade: h2c, websocket\r\n\r\n",
          "GET / @h 1.1 keep ws; "),
        V("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "GET / 1.0 ws; "),
        V(GET HOST "Connection: upgraded\r\nUpgrade: websocket\r\n\r\n", "GET / @h 1.1 keep; "),
        V(GET HOST "Connection: upgrade\r\nUpgrade: websocket/13\r\n\r\n", "GET / @h 1.1 keep; "),
        V(GET HOST "Upgrade: websocket\r\n\r\n", "GET / @h 1.1 keep; "),
        V(POST "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab",
          "POST / @h 1.1 keep ws [ab]; "),
    };

    (void)state;
    check_all(vectors, ARRAY_LEN(vectors));
}

static void what_follows_an_upgrade_is_not_consumed(void **state)
{
    (void)state;
    struct http1 *h = http1_new(&limits);
    enum http1_result result;
    struct bytes in =
        B(GET HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x80mask\r\n");

    size_t used = http1_feed(h, in, &result);

    assert_int_equal(result, HTTP1_REQUEST);
    assert_true(http1_request(h)->upgrade_websocket);
    assert_int_equal(used, in.len - 8);
    http1_free(h);
}

/* Feeds `in` byte by byte; returns after how many bytes it was bad with `status`, 0 if it never
 * was. */
static size_t bad_after(struct bytes in, int status)
{
    struct http1 *h = http1_new(&limits);
    enum http1_result result = HTTP1_MORE;
    size_t n = 0;

    while (n < in.len && result == HTTP1_MORE)
        http1_feed(h, bytes_of(in.ptr + n++, 1), &result);
    if (result == HTTP1_BAD)
        assert_int_equal(http1_status(h), status);
    http1_free(h);
    return result == HTTP1_BAD ? n : 0;
}

static void limits_are_told_at_the_first_byte_beyond(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    buf_put(&in, B("GET /"));
    for (int i = 0; i < 100; i++)
        buf_put_char(&in, 'u');
    assert_int_equal(bad_after(buf_bytes(&in), 414), 4 + 100 + 1);
    check(buf_bytes(&in), "414 the request target is too long");

    buf_clear(&in);
    buf_put(&in, B(GET));
    size_t before = in.len;
    for (int i = 0; i < 11; i++)
        buf_put(&in, B("A:\r\n"));
    assert_int_equal(bad_after(buf_bytes(&in), 431), before + 10 * 4 + 1);
    check(buf_bytes(&in), "431 too many header lines");

    buf_clear(&in);
    buf_put(&in, B(GET "A: "));
    while (in.len < 600)
        buf_put_char(&in, 'v');
    assert_int_equal(bad_after(buf_bytes(&in), 431), 501);
    check(buf_bytes(&in), "431 the head is too long");

    buf_clear(&in);
    buf_put(&in, B(CHUNKED "1;"));
    before = in.len;
    while (in.len < 1200)
        buf_put_char(&in, 'e');
    assert_int_equal(bad_after(buf_bytes(&in), 431), before + 501);
    check(buf_bytes(&in), "431 the chunk extensions are too long");

    buf_clear(&in);
    buf_put(&in, B(CHUNKED "0\r\nT: "));
    before = in.len - 3;
    while (in.len < 1200)
        buf_put_char(&in, 't');
    assert_int_equal(bad_after(buf_bytes(&in), 431), before + 501);
    check(buf_bytes(&in), "431 the trailers are too long");
    buf_release(&in);
}

static void a_head_of_just_the_limit_is_read(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    buf_put(&in, B("GET /"));
    for (int i = 1; i < 100; i++)
        buf_put_char(&in, 'u');
    buf_put(&in, B(" HTTP/1.1\r\n" HOST "A: "));
    while (in.len < 500 - 4)
        buf_put_char(&in, 'v');
    buf_put(&in, B("\r\n\r\n" GET));

    assert_int_equal(bad_after(buf_bytes(&in), 0), 0);
    check(buf_bytes(&in), "GET /uuu");
    buf_release(&in);
}

static void wrong_syntax_is_told_at_its_byte(void **state)
{
    static const struct bytes cases[] = {
        {"\x16", 1},
        {"GET  ", 5},
        {"GET / HTTP/1.1\n", 15},
        {"FOO ", 4},
        {"GET / X", 7},
        {"GET / HTTP/2.0\r\n", 16},
        {"GET / HTTP/1.1\r\nA ", 18},
        {"GET / HTTP/1.1\r\nA: \0", 20},
        {"GET / HTTP/1.1\r\nA: b\r\n ", 23},
    };
    static const int status[] = {400, 400, 400, 501, 400, 505, 400, 400, 400};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(bad_after(cases[i], status[i]), cases[i].len);
}

static void a_continue_is_wanted_once_and_only_before_the_body(void **state)
{
    (void)state;
    struct http1 *h = http1_new(&limits);
    enum http1_result result;
    struct bytes head = B(POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");

    http1_feed(h, bytes_of(head.ptr, head.len - 1), &result);
    assert_false(http1_take_continue(h));
    http1_feed(h, bytes_skip(head, head.len - 1), &result);
    assert_int_equal(result, HTTP1_MORE);
    assert_true(http1_take_continue(h));
    assert_false(http1_take_continue(h));
    http1_feed(h, B("ab"), &result);
    assert_int_equal(result, HTTP1_REQUEST);

    http1_next(h);
    http1_feed(h, head, &result);
    http1_feed(h, B("a"), &result);
    assert_false(http1_take_continue(h));
    http1_feed(h, B("b"), &result);
    assert_false(http1_take_continue(h));

    http1_next(h);
    http1_feed(h, B("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
               &result);
    assert_false(http1_take_continue(h));
    http1_free(h);
}

static void headers_are_found_counted_and_listed(void **state)
{
    (void)state;
    struct http1 *h = http1_new(&limits);
    enum http1_result result;
    http1_feed(h,
               B(GET HOST "Sec-WebSocket-Protocol: one, two\r\nEmpty:\r\nOther:  spaced out \t\r\n"
                          "sec-websocket-protocol:,three ,, \r\n\r\n"),
               &result);
    assert_int_equal(result, HTTP1_REQUEST);
    const struct http_request *r = http1_request(h);

    assert_int_equal(r->headers_len, 5);
    assert_true(bytes_equal(http_header_at(r, 3).name, B("Other")));
    assert_true(bytes_equal(http_header(r, B("OTHER")), B("spaced out")));
    assert_non_null(http_header(r, B("empty")).ptr);
    assert_int_equal(http_header(r, B("empty")).len, 0);
    assert_null(http_header(r, B("absent")).ptr);
    assert_int_equal(http_header_count(r, B("Sec-WebSocket-Protocol")), 2);
    assert_true(bytes_equal(http_header(r, B("Sec-WebSocket-Protocol")), B("one, two")));
    assert_true(http_header_lists(r, B("Sec-WebSocket-Protocol"), B("THREE")));
    assert_false(http_header_lists(r, B("Sec-WebSocket-Protocol"), B("thre")));

    struct http_tokens t = {.request = r, .name = B("Sec-WebSocket-Protocol")};
    static const char *const want[] = {"one", "two", "three"};
    struct bytes token;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(http_token_next(&t, &token));
        assert_true(bytes_equal(token, bytes_str(want[i])));
    }
    assert_false(http_token_next(&t, &token));
    assert_false(http_token_next(&t, &token));
    assert_true(bytes_equal(r->method_text, B("GET")));
    assert_true(bytes_equal(r->target, B("/")));
    http1_free(h);
}

static void a_large_head_with_many_headers_is_read_within_large_limits(void **state)
{
    (void)state;
    struct http_limits large = {65536, 60000, 5000, 100};
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);
    buf_put(&in, B(GET HOST));
    for (int i = 0; i < 4000; i++)
        buf_printf(&in, "N%d: %d\r\n", i, i);
    buf_put(&in, B("\r\n"));
    assert_true(in.len < 65536);
    for (size_t step = 1; step < in.len; step = step * 7 + 1000) {
        struct http1 *h = http1_new(&large);
        enum http1_result result = HTTP1_MORE;

        for (size_t at = 0; at < in.len && result == HTTP1_MORE; at += step) {
            size_t n = step < in.len - at ? step : in.len - at;
            http1_feed(h, bytes_of(in.ptr + at, n), &result);
        }

        assert_int_equal(result, HTTP1_REQUEST);
        assert_int_equal(http1_request(h)->headers_len, 4001);
        assert_true(bytes_equal(http_header(http1_request(h), B("n3999")), B("3999")));
        http1_next(h);
        assert_true(http1_idle(h));
        http1_free(h);
    }
    buf_release(&in);
}

static void no_input_is_no_request(void **state)
{
    (void)state;
    struct http1 *h = http1_new(&limits);
    enum http1_result result;

    size_t used = http1_feed(h, (struct bytes){0}, &result);

    assert_int_equal(used, 0);
    assert_int_equal(result, HTTP1_MORE);
    assert_true(http1_idle(h));
    http1_free(h);
    http1_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(targets_come_in_four_forms),
        cmocka_unit_test(the_request_line_has_one_form),
        cmocka_unit_test(header_lines_have_one_form),
        cmocka_unit_test(there_is_one_valid_host),
        cmocka_unit_test(bodies_by_length_are_read),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(chunks_have_one_form),
        cmocka_unit_test(contradicting_or_unknown_framing_is_refused),
        cmocka_unit_test(requests_in_one_read_come_out_in_order),
        cmocka_unit_test(an_upgrade_is_seen_in_lists_of_any_case),
        cmocka_unit_test(what_follows_an_upgrade_is_not_consumed),
        cmocka_unit_test(limits_are_told_at_the_first_byte_beyond),
        cmocka_unit_test(a_head_of_just_the_limit_is_read),
        cmocka_unit_test(wrong_syntax_is_told_at_its_byte),
        cmocka_unit_test(a_continue_is_wanted_once_and_only_before_the_body),
        cmocka_unit_test(headers_are_found_counted_and_listed),
        cmocka_unit_test(a_large_head_with_many_headers_is_read_within_large_limits),
        cmocka_unit_test(no_input_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
