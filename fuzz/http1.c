/* SPDX-License-Identifier: MIT */
/*
 * http1.c - the request parser on any bytes, whole and cut, must tell the same story.
 *
 * Input: one byte of limits, one that seeds the cuts, then what a client sends. What is read is
 * also decoded and walked, as the server does with it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/heap.h"
#include "wire/http1.h"
#include "wire/uri.h"
#include "wire/utf8.h"
#include "wire/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_query(struct buf *out, struct bytes query)
{
    struct bytes name;
    struct bytes value;
    size_t before = out->len;

    if (query_get(query, B("token"), out) == QUERY_OK)
        assert(utf8_valid(bytes_of(out->ptr + before, out->len - before)));
    while (query_next(&query, &name, &value)) {
        size_t len = out->len;
        if (!uri_decode_form(value, out))
            assert(out->len == len);
    }
}

static void put_request(struct buf *out, const struct http_request *r, const struct http_limits *l)
{
    char accept[WS_ACCEPT_BYTES];
    struct bytes token;

    assert(r->headers_len <= l->headers_max && r->body.len <= l->body_bytes_max);
    assert(r->target.len > 0 && r->target.len <= l->uri_bytes_max);
    assert(r->version_minor == 0 || http_header_count(r, B("host")) == 1);
    buf_printf(out, "\n%d %u %d %d ", r->method, r->version_minor, r->keep_alive,
               r->upgrade_websocket);
    buf_put(out, r->method_text);
    buf_put(out, r->target);
    buf_put(out, r->host);
    buf_put(out, r->path);
    buf_put(out, r->query);
    for (size_t i = 0; i < r->headers_len; i++) {
        struct http_field field = http_header_at(r, i);
        buf_put(out, field.name);
        buf_put(out, field.value);
        assert(bytes_find(field.value, '\n') == field.value.len);
        assert(bytes_find(field.value, '\0') == field.value.len);
    }
    buf_put(out, r->body);
    (void)uri_decode(r->path, out);
    walk_query(out, r->query);
    struct http_tokens t = {.request = r, .name = B("sec-websocket-protocol")};
    while (http_token_next(&t, &token))
        (void)base64_decode(token, out);
    if (ws_accept_key(http_header(r, B("sec-websocket-key")), accept))
        buf_put(out, bytes_str(accept));
}

/* The requests of `in`, in pieces of at most `step` bytes, each of a length that `seed` chooses. */
static struct buf story(struct bytes in, const struct http_limits *l, size_t step, uint32_t seed)
{
    struct http1 *h = http1_new(l);
    enum http1_result result = HTTP1_MORE;
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    while (in.len && result != HTTP1_BAD) {
        seed = seed * 1664525 + 1013904223;
        size_t len = 1 + (seed >> 8) % step;
        if (step == SIZE_MAX || len > in.len)
            len = in.len;
        char *piece = heap_copy(in.ptr, len - 1);
        piece[len - 1] = in.ptr[len - 1];
        in = bytes_skip(in, len);
        size_t used = 0;
        do {
            used += http1_feed(h, bytes_of(piece + used, len - used), &result);
            assert(used <= len);
            if (result == HTTP1_REQUEST) {
                put_request(&out, http1_request(h), l);
                http1_next(h);
            }
        } while (result == HTTP1_REQUEST);
        assert(result == HTTP1_BAD || used == len);
        heap_free(piece);
    }
    if (result == HTTP1_BAD)
        buf_printf(&out, "%d %s", http1_status(h), http1_problem(h));
    else
        buf_put(&out, http1_idle(h) ? B("idle") : B("open"));
    http1_free(h);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct http_limits l = {.head_bytes_max = 32u * (data[0] & 0x1f),
                                  .uri_bytes_max = 8u * (data[0] & 0x1f),
                                  .headers_max = 2u * (data[0] >> 5),
                                  .body_bytes_max = data[0] & 0x3f};
    struct bytes in = bytes_of((const char *)data + 2, size - 2);
    struct buf whole = story(in, &l, SIZE_MAX, 0);
    struct buf bytes = story(in, &l, 1, 0);
    struct buf cut = story(in, &l, 20, data[1]);

    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&bytes)));
    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
    buf_release(&whole);
    buf_release(&bytes);
    buf_release(&cut);
    return 0;
}
