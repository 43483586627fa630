/* SPDX-License-Identifier: MIT */
/*
 * ws.c - the frame decoder on any bytes, whole and cut, must tell the same story.
 *
 * Input: one byte of message limit, one that seeds the cuts, then what a client sends. Beside
 * crashes it looks for texts that are not UTF-8, messages above the limit, memory above it, and
 * bytes that are not consumed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/heap.h"
#include "wire/utf8.h"
#include "wire/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_event(struct buf *out, const struct ws_event *ev, uint32_t max)
{
    bool message = ev->kind == WS_TEXT || ev->kind == WS_BINARY;

    assert(ev->data.len <= (message ? max : WS_CONTROL_BYTES_MAX));
    if (ev->kind == WS_TEXT || ev->kind == WS_CLOSE)
        assert(utf8_valid(ev->data));
    if (ev->kind == WS_CLOSE)
        assert(ev->code == WS_NO_CODE || ws_code_valid(ev->code));
    buf_printf(out, "%d %d %zu ", ev->kind, ev->code, ev->data.len);
    buf_put(out, ev->data);
}

/* The events of `in`, in pieces of at most `step` bytes, each of a length that `seed` chooses. */
static struct buf story(struct bytes in, uint32_t max, size_t step, uint32_t seed)
{
    struct ws_decoder d;
    struct ws_event ev = {0};
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    ws_decoder_init(&d, max);
    while (in.len && ev.kind != WS_CLOSE && ev.kind != WS_FAIL) {
        seed = seed * 1664525 + 1013904223;
        size_t len = 1 + (seed >> 8) % step;
        if (step == SIZE_MAX || len > in.len)
            len = in.len;
        char *piece = heap_copy(in.ptr, len - 1);
        piece[len - 1] = in.ptr[len - 1];
        in = bytes_skip(in, len);
        size_t used = 0;
        do {
            used += ws_decode(&d, piece + used, len - used, &ev);
            assert(used <= len && d.held.cap <= (size_t)max + WS_CONTROL_BYTES_MAX);
            if (ev.kind != WS_NOTHING)
                put_event(&out, &ev, max);
        } while (ev.kind != WS_NOTHING && ev.kind != WS_CLOSE && ev.kind != WS_FAIL);
        assert(ev.kind != WS_NOTHING || used == len);
        heap_free(piece);
    }
    if (ev.kind == WS_NOTHING)
        buf_put(&out, ws_decoder_idle(&d) ? B("idle") : B("open"));
    ws_decoder_release(&d);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes in = bytes_of((const char *)data + 2, size - 2);
    uint32_t max = data[0] * 16u;
    struct buf whole = story(in, max, SIZE_MAX, 0);
    struct buf bytes = story(in, max, 1, 0);
    struct buf cut = story(in, max, 20, data[1]);

    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&bytes)));
    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
    buf_release(&whole);
    buf_release(&bytes);
    buf_release(&cut);
    return 0;
}
