/* SPDX-License-Identifier: MIT */
#include "wire/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/heap.h"
#include "wire/cutter_test.h"

enum { MAX = 1000 };

/* Appends a masked frame whose first byte is `first`, its length in `len_bytes` bytes (0: the
 * shortest form). */
static void put_frame_long(struct buf *out, int first, struct bytes payload, size_t len_bytes)
{
    static const char mask[4] = {0x37, (char)0xfa, 0x21, 0x3d};

    if (len_bytes == 0)
        len_bytes = ws_head_size(payload.len) == 2 ? 1 : ws_head_size(payload.len) - 2;
    buf_put_char(out, (char)first);
    if (len_bytes == 1) {
        buf_put_char(out, (char)(0x80 | payload.len));
    } else {
        buf_put_char(out, (char)(len_bytes == 2 ? 0x80 | 126 : 0x80 | 127));
        for (size_t i = len_bytes; i > 0; i--)
            buf_put_char(out, (char)((uint64_t)payload.len >> (8 * (i - 1)) & 0xff));
    }
    buf_put(out, bytes_of(mask, 4));
    for (size_t i = 0; i < payload.len; i++)
        buf_put_char(out, (char)(payload.ptr[i] ^ mask[i % 4]));
}

static void put_frame(struct buf *out, int first, struct bytes payload)
{
    put_frame_long(out, first, payload, 0);
}

static const char *const kind_names[] = {"", "text", "binary", "ping", "pong", "close", "fail"};

/* Appends what happened, as "text[hello] ping[x] fail[1002 reserved opcode] ". */
static void put_event(struct buf *out, const struct ws_event *ev)
{
    buf_printf(out, "%s[", kind_names[ev->kind]);
    if (ev->code)
        buf_printf(out, "%d ", ev->code);
    buf_put(out, ev->data);
    buf_put(out, B("] "));
}

/* Decodes `in` cut in one of the ways, and tells what happened and, if nothing ended it, how it was
 * left. */
static struct buf story(struct bytes in, int way)
{
    struct ws_decoder d;
    struct ws_event ev = {0};
    struct cutter c;
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    ws_decoder_init(&d, MAX);
    cutter_init(&c, in, way);
    while (ev.kind != WS_CLOSE && ev.kind != WS_FAIL && cutter_next(&c)) {
        size_t used = 0;
        do {
            used += ws_decode(&d, c.piece + used, c.piece_len - used, &ev);
            assert_true(used <= c.piece_len);
            if (ev.kind != WS_NOTHING)
                put_event(&out, &ev);
        } while (ev.kind != WS_NOTHING && ev.kind != WS_CLOSE && ev.kind != WS_FAIL);
        assert_true(ev.kind != WS_NOTHING || used == c.piece_len);
    }
    if (ev.kind == WS_NOTHING)
        buf_put(&out, ws_decoder_idle(&d) ? B("idle") : B("open"));
    cutter_release(&c);
    ws_decoder_release(&d);
    return out;
}

/* Every cut must give `want`. */
static void check(struct bytes in, struct bytes want)
{
    for (int way = 0; way < CUTTER_WAYS; way++) {
        struct buf got = story(in, way);
        if (!bytes_equal(buf_bytes(&got), want))
            fail_msg("cut %d gave '%.*s', not '%.*s'", way, (int)got.len, got.ptr, (int)want.len,
                     want.ptr);
        buf_release(&got);
    }
}

/* The same for the frames in `in`, which is released. */
static void check_frames(struct buf *in, const char *want)
{
    check(buf_bytes(in), bytes_str(want));
    buf_release(in);
}

static void the_masked_hello_of_the_rfc_is_read(void **state)
{
    (void)state;
    check(B("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), B("text[Hello] idle"));
}

static void frames_in_one_read_come_out_in_order(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    put_frame(&in, 0x81, B("one"));
    put_frame(&in, 0x89, B(""));
    put_frame(&in, 0x82, B("two"));
    put_frame(&in, 0x8a, B("pong"));
    put_frame(&in, 0x81, B(""));

    check_frames(&in, "text[one] ping[] binary[two] pong[pong] text[] idle");
}

static void fragments_are_joined(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    put_frame(&in, 0x01, B("Hel"));
    put_frame(&in, 0x00, B(""));
    put_frame(&in, 0x00, B("lo, "));
    put_frame(&in, 0x80, B("all"));
    put_frame(&in, 0x02, B(""));
    put_frame(&in, 0x80, B(""));
    put_frame(&in, 0x02, B("\xff"));

    check_frames(&in, "text[Hello, all] binary[] open");
}

static void a_masked_ping_between_fragments_is_delivered(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    put_frame(&in, 0x01, B("one "));
    put_frame(&in, 0x89, B("are you there?"));
    put_frame(&in, 0x00, B("two "));
    put_frame(&in, 0x8a, B("yes"));
    put_frame(&in, 0x89, B(""));
    put_frame(&in, 0x80, B("three"));
    put_frame(&in, 0x01, B("x"));
    put_frame(&in, 0x88, B("\x03\xe8"));

    check_frames(&in, "ping[are you there?] pong[yes] ping[] text[one two three] close[1000 ] ");
}

static void payloads_of_every_length_and_place_are_unmasked(void **state)
{
    static const size_t long_ones[] = {125, 126, 127, 128, 255, 256, 257, 999, 1000};

    (void)state;
    for (size_t i = 0; i < 70 + ARRAY_LEN(long_ones); i++) {
        size_t len = i < 70 ? i : long_ones[i - 70];
        char payload[MAX];
        for (size_t at = 0; at < len; at++)
            payload[at] = (char)(at * 7 + i);
        struct buf in;
        struct buf want;
        buf_init(&in, BUF_UNBOUNDED);
        buf_init(&want, BUF_UNBOUNDED);

        put_frame(&in, 0x82, bytes_of(payload, len));
        buf_put(&want, B("binary["));
        buf_put(&want, bytes_of(payload, len));
        buf_put(&want, B("] idle"));

        check(buf_bytes(&in), buf_bytes(&want));
        buf_release(&in);
        buf_release(&want);
    }
}

static void sixty_four_bit_lengths_are_read(void **state)
{
    (void)state;
    enum { LEN = 65536 + 5 };
    char *payload = heap_zalloc(1, LEN);
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);
    put_frame(&in, 0x82, bytes_of(payload, LEN));
    struct ws_decoder d;
    struct ws_event ev;
    ws_decoder_init(&d, LEN);

    size_t used = ws_decode(&d, in.ptr, in.len, &ev);

    assert_int_equal(used, in.len);
    assert_int_equal(ev.kind, WS_BINARY);
    assert_int_equal(ev.data.len, LEN);
    assert_memory_equal(ev.data.ptr, payload, LEN);
    ws_decoder_release(&d);
    buf_release(&in);
    heap_free(payload);
}

static void a_whole_message_is_handed_out_where_it_stands(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);
    put_frame(&in, 0x81, B("in place"));
    struct ws_decoder d;
    struct ws_event ev;
    ws_decoder_init(&d, MAX);

    size_t used = ws_decode(&d, in.ptr, in.len, &ev);

    assert_int_equal(used, in.len);
    assert_ptr_equal(ev.data.ptr, in.ptr + 6);
    assert_null(d.held.ptr);
    assert_true(ws_decoder_idle(&d));
    ws_decoder_release(&d);
    buf_release(&in);
}

static void a_payload_behind_a_cut_head_is_not_copied_either(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);
    put_frame(&in, 0x81, B("in place"));
    struct ws_decoder d;
    struct ws_event ev;
    ws_decoder_init(&d, MAX);

    ws_decode(&d, in.ptr, 6, &ev);
    assert_int_equal(ev.kind, WS_NOTHING);
    assert_false(ws_decoder_idle(&d));
    ws_decode(&d, in.ptr + 6, in.len - 6, &ev);

    assert_int_equal(ev.kind, WS_TEXT);
    assert_ptr_equal(ev.data.ptr, in.ptr + 6);
    ws_decoder_release(&d);
    buf_release(&in);
}

static void what_was_held_is_given_back_with_the_next_call(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);
    put_frame(&in, 0x81, B("cut message"));
    struct ws_decoder d;
    struct ws_event ev;
    ws_decoder_init(&d, MAX);
    ws_decode(&d, in.ptr, 9, &ev);
    assert_int_equal(ev.kind, WS_NOTHING);
    ws_decode(&d, in.ptr + 9, in.len - 9, &ev);
    assert_int_equal(ev.kind, WS_TEXT);
    assert_false(ws_decoder_idle(&d));

    ws_decode(&d, in.ptr, 0, &ev);

    assert_int_equal(ev.kind, WS_NOTHING);
    assert_null(d.held.ptr);
    assert_true(ws_decoder_idle(&d));
    ws_decoder_release(&d);
    buf_release(&in);
}

/* Feeds `in` byte by byte; returns after how many bytes it failed with `code`. */
static size_t failed_after(struct bytes in, uint16_t code)
{
    struct ws_decoder d;
    struct ws_event ev = {0};
    size_t n = 0;

    ws_decoder_init(&d, MAX);
    while (n < in.len && ev.kind != WS_FAIL) {
        char c = in.ptr[n++];
        ws_decode(&d, &c, 1, &ev);
        /* A ping between may be told: what matters is the end. */
    }
    assert_int_equal(ev.kind, WS_FAIL);
    assert_int_equal(ev.code, code);
    assert_true(ev.data.len > 0 && ev.data.len <= WS_REASON_BYTES_MAX);
    ws_decoder_release(&d);
    return n;
}

/* The first bytes of a connection, up to the one that breaks a rule; some harmless ones follow in
 * the test. */
static const struct {
    const char *rule;
    struct bytes in;
    const char *want;
} bad_starts[] = {
    {"RFC 6455 5.1: not masked", {"\x81\x05", 2}, "fail[1002 frame is not masked] "},
    {"5.1: an empty frame is masked too", {"\x81\x00", 2}, "fail[1002 frame is not masked] "},
    {"5.2: RSV1", {"\xc1", 1}, "fail[1002 reserved bit set] "},
    {"5.2: RSV2", {"\xa1", 1}, "fail[1002 reserved bit set] "},
    {"5.2: RSV3", {"\x91", 1}, "fail[1002 reserved bit set] "},
    {"5.2: RSV1 of a ping", {"\xc9", 1}, "fail[1002 reserved bit set] "},
    {"5.2: opcode 3", {"\x83", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 4", {"\x84", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 5", {"\x85", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 6", {"\x86", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 7, not final", {"\x07", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 11", {"\x8b", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 12", {"\x8c", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 13", {"\x8d", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 14", {"\x8e", 1}, "fail[1002 reserved opcode] "},
    {"5.2: opcode 15", {"\x8f", 1}, "fail[1002 reserved opcode] "},
    {"5.2: 125 in 16 bits",
     {"\x82\xfe\x00\x7d", 4},
     "fail[1002 length is not in its shortest form] "},
    {"5.2: 0 in 16 bits",
     {"\x82\xfe\x00\x00", 4},
     "fail[1002 length is not in its shortest form] "},
    {"5.2: 65535 in 64 bits",
     {"\x82\xff\0\0\0\0\0\0\xff\xff", 10},
     "fail[1002 length is not in its shortest form] "},
    {"5.2: 5 in 64 bits",
     {"\x82\xff\0\0\0\0\0\0\0\x05", 10},
     "fail[1002 length is not in its shortest form] "},
    {"5.2: 2^63", {"\x82\xff\x80\0\0\0\0\0\0\0", 10}, "fail[1002 length with its top bit set] "},
    {"5.2: 2^64-1",
     {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10},
     "fail[1002 length with its top bit set] "},
    {"2^63-1 is too big",
     {"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10},
     "fail[1009 message is too big] "},
    {"2^32+5 is too big", {"\x82\xff\0\0\0\x01\0\0\0\x05", 10}, "fail[1009 message is too big] "},
    {"2^32 is too big", {"\x82\xff\0\0\0\x01\0\0\0\0", 10}, "fail[1009 message is too big] "},
    {"2^31 is too big", {"\x82\xff\0\0\0\0\x80\0\0\0", 10}, "fail[1009 message is too big] "},
    {"65536 is too big", {"\x82\xff\0\0\0\0\0\x01\0\0", 10}, "fail[1009 message is too big] "},
    {"1001 is too big", {"\x81\xfe\x03\xe9", 4}, "fail[1009 message is too big] "},
    {"5.4: continuation of nothing", {"\x80", 1}, "fail[1002 continuation of no message] "},
    {"5.4: the same, not final", {"\x00", 1}, "fail[1002 continuation of no message] "},
    {"5.4: text inside a message",
     {"\x01\x80mask\x81", 7},
     "fail[1002 new message inside a message] "},
    {"5.4: binary inside a message",
     {"\x01\x80mask\x02", 7},
     "fail[1002 new message inside a message] "},
    {"5.4: continuation after the end",
     {"\x01\x80mask\x80\x80mask\x80", 13},
     "text[] fail[1002 continuation of no message] "},
    {"5.5: fragmented ping", {"\x09", 1}, "fail[1002 fragmented control frame] "},
    {"5.5: fragmented pong", {"\x0a", 1}, "fail[1002 fragmented control frame] "},
    {"5.5: fragmented close", {"\x08", 1}, "fail[1002 fragmented control frame] "},
    {"5.5: ping of 126", {"\x89\xfe", 2}, "fail[1002 control frame is too long] "},
    {"5.5: pong in 64 bits", {"\x8a\xff", 2}, "fail[1002 control frame is too long] "},
    {"5.5: close of 126", {"\x88\xfe", 2}, "fail[1002 control frame is too long] "},
    {"5.5.1: close of one byte",
     {"\x88\x81\0\0\0\0\x03", 7},
     "fail[1002 close payload of one byte] "},
    {"7.4: close with 1006",
     {"\x88\x82\0\0\0\0\x03\xee", 8},
     "fail[1002 close code that must not be sent] "},
    {"5.5.1: reason is not UTF-8",
     {"\x88\x83\0\0\0\0\x03\xe8\xff", 9},
     "fail[1007 close reason is not UTF-8] "},
    {"5.5.1: reason ends in a character",
     {"\x88\x84\0\0\0\0\x03\xe8\xe2\x82", 10},
     "fail[1007 close reason is not UTF-8] "},
    {"8.1: text of a lone continuation",
     {"\x81\x85\0\0\0\0a\x80", 8},
     "fail[1007 text is not UTF-8] "},
    {"8.1: surrogate, told at its second byte",
     {"\x81\x85\0\0\0\0\xed\xa0", 8},
     "fail[1007 text is not UTF-8] "},
    {"8.1: overlong, in a fragment",
     {"\x01\x81\0\0\0\0\xe0\x80\x81\0\0\0\0\x80", 14},
     "fail[1007 text is not UTF-8] "},
    {"8.1: message ends in a character",
     {"\x81\x82\0\0\0\0\xe2\x82", 8},
     "fail[1007 text is not UTF-8] "},
    {"8.1: fragmented message ends in a character",
     {"\x01\x82\0\0\0\0\xe2\x82\x80\x80\0\0\0\0", 14},
     "fail[1007 text is not UTF-8] "},
};

static void each_rule_is_enforced_at_the_byte_that_breaks_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_starts); i++) {
        struct buf in;
        buf_init(&in, BUF_UNBOUNDED);
        buf_put(&in, bad_starts[i].in);
        uint16_t code = (uint16_t)strtol(strstr(bad_starts[i].want, "fail[") + 5, NULL, 10);

        assert_int_equal(failed_after(buf_bytes(&in), code), in.len);
        check(buf_bytes(&in), bytes_str(bad_starts[i].want));
        buf_put(&in, B("\x01\x02\x03\x04\x05\x06\x07\x08\x09"));
        check_frames(&in, bad_starts[i].want);
    }
}

static void texts_cut_inside_characters_are_read(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in, BUF_UNBOUNDED);

    put_frame(&in, 0x01, B("\xe2\x82"));
    put_frame(&in, 0x00, B("\xac\xf0\x9f"));
    put_frame(&in, 0x00, B("\x98"));
    put_frame(&in, 0x89, B("\xff"));
    put_frame(&in, 0x80, B("\x80"));
    put_frame(&in, 0x81, B("\xc3\xa4 only now and then \xc3\xa4"));

    check_frames(&in, "ping[\xff] text[\xe2\x82\xac\xf0\x9f\x98\x80] "
                      "text[\xc3\xa4 only now and then \xc3\xa4] idle");
}

static void fragments_together_may_reach_the_limit_but_not_pass_it(void **state)
{
    char payload[MAX];

    (void)state;
    memset(payload, 'a', sizeof(payload));
    for (size_t over = 0; over < 2; over++) {
        struct buf in;
        struct buf want;
        buf_init(&in, BUF_UNBOUNDED);
        buf_init(&want, BUF_UNBOUNDED);

        put_frame(&in, 0x01, bytes_of(payload, 600));
        put_frame(&in, 0x89, bytes_of(payload, 125));
        put_frame(&in, 0x00, bytes_of(payload, 399));
        put_frame(&in, 0x80, bytes_of(payload, 1 + over));
        buf_printf(&want, "ping[%.125s] ", payload);
        if (over)
            buf_put(&want, B("fail[1009 message is too big] "));
        else
            buf_printf(&want, "text[%.1000s] idle", payload);

        check(buf_bytes(&in), buf_bytes(&want));
        buf_release(&in);
        buf_release(&want);
    }
}

static void a_hundred_thousand_fragments_hold_no_more_than_one_message(void **state)
{
    (void)state;
    struct ws_decoder d;
    struct ws_event ev;
    char first[] = "\x02\x80mask";
    ws_decoder_init(&d, MAX);
    ws_decode(&d, first, 6, &ev);

    for (int i = 0; i < 100000; i++) {
        char empty[] = "\x00\x80mask";
        char one[] = "\x00\x81maskx";
        ws_decode(&d, empty, 6, &ev);
        assert_int_equal(ev.kind, WS_NOTHING);
        if (i % 100 == 0)
            ws_decode(&d, one, 7, &ev);
        assert_int_equal(ev.kind, WS_NOTHING);
    }

    assert_int_equal(d.held.len, 1000);
    assert_true(d.held.cap <= MAX + WS_CONTROL_BYTES_MAX);
    ws_decoder_release(&d);
}

static void a_close_may_carry_nothing_a_code_or_a_reason(void **state)
{
    static const struct {
        struct bytes payload;
        const char *want;
    } cases[] = {
        {{"", 0}, "close[1005 ] "},
        {{"\x03\xe8", 2}, "close[1000 ] "},
        {{"\x03\xe9going away", 12}, "close[1001 going away] "},
        {{"\x0f\xa1", 2}, "close[4001 ] "},
        {{"\x03\xe8\xe2\x82\xac", 5}, "close[1000 \xe2\x82\xac] "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf in;
        buf_init(&in, BUF_UNBOUNDED);
        put_frame(&in, 0x88, cases[i].payload);
        buf_put(&in, B("what follows a close is not looked at"));
        check_frames(&in, cases[i].want);
    }
}

static void only_registered_and_private_close_codes_are_valid(void **state)
{
    static const uint16_t registered[] = {1000, 1001, 1002, 1003, 1007, 1008,
                                          1009, 1010, 1011, 1012, 1013, 1014};

    (void)state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool want = code >= 3000 && code < 5000;
        for (size_t i = 0; i < ARRAY_LEN(registered); i++)
            want = want || code == registered[i];
        assert_int_equal(ws_code_valid((uint16_t)code), want);
    }
}

static void heads_have_the_shortest_length_and_no_mask(void **state)
{
    static const struct {
        size_t len;
        struct bytes head;
    } cases[] = {
        {0, {"\x81\x00", 2}},
        {125, {"\x81\x7d", 2}},
        {126, {"\x81\x7e\x00\x7e", 4}},
        {65535, {"\x81\x7e\xff\xff", 4}},
        {65536, {"\x81\x7f\0\0\0\0\0\x01\0\0", 10}},
        {(size_t)5 << 32, {"\x81\x7f\0\0\0\x05\0\0\0\0", 10}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, BUF_UNBOUNDED);

        ws_frame_head(&out, WS_OP_TEXT, cases[i].len);

        assert_int_equal(ws_head_size(cases[i].len), cases[i].head.len);
        assert_int_equal(out.len, cases[i].head.len);
        assert_memory_equal(out.ptr, cases[i].head.ptr, out.len);
        buf_release(&out);
    }
}

static void blobs_are_whole_frames(void **state)
{
    (void)state;
    struct blob *text = ws_frame_blob(WS_OP_TEXT, B("Hello"));
    struct blob *ping = ws_frame_blob(WS_OP_PING, B(""));
    struct blob *bye = ws_close_blob(WS_POLICY, B("Invalid token"));
    struct blob *mute = ws_close_blob(WS_NO_CODE, B("not sent"));

    assert_true(bytes_equal(blob_bytes(text), B("\x81\x05Hello")));
    assert_true(bytes_equal(blob_bytes(ping), B("\x89\x00")));
    assert_true(bytes_equal(blob_bytes(bye), B("\x88\x0f\x03\xf0Invalid token")));
    assert_true(bytes_equal(blob_bytes(mute), B("\x88\x00")));
    blob_unref(text);
    blob_unref(ping);
    blob_unref(bye);
    blob_unref(mute);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        struct buf reason;
        buf_init(&reason, BUF_UNBOUNDED);
        buf_put(&reason, bytes_of("aa", shift));
        for (int i = 0; i < 50; i++)
            buf_put(&reason, B("\xe2\x82\xac"));

        struct blob *b = ws_close_blob(WS_NORMAL, buf_bytes(&reason));

        struct bytes sent = bytes_skip(blob_bytes(b), 4);
        assert_int_equal(sent.len, shift == 0 ? 123 : shift == 1 ? 121 : 122);
        assert_true(utf8_valid(sent));
        assert_int_equal(b->data[1], sent.len + 2);
        blob_unref(b);
        buf_release(&reason);
    }
}

static void the_key_of_the_rfc_is_answered(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_BYTES];

    bool ok = ws_accept_key(B("dGhlIHNhbXBsZSBub25jZQ=="), accept);

    assert_true(ok);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void keys_that_are_not_sixteen_bytes_of_base64_are_refused(void **state)
{
    static const char *const keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEy",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub2 jZQ==",
        "dGhlIHNhbXBsZSBub2-jZQ==",
        "=====================A==",
        "dGhlIHNhbXBsZSBub25jZQ=A",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char accept[WS_ACCEPT_BYTES];
        assert_false(ws_accept_key(bytes_str(keys[i]), accept));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_masked_hello_of_the_rfc_is_read),
        cmocka_unit_test(frames_in_one_read_come_out_in_order),
        cmocka_unit_test(fragments_are_joined),
        cmocka_unit_test(a_masked_ping_between_fragments_is_delivered),
        cmocka_unit_test(payloads_of_every_length_and_place_are_unmasked),
        cmocka_unit_test(sixty_four_bit_lengths_are_read),
        cmocka_unit_test(a_whole_message_is_handed_out_where_it_stands),
        cmocka_unit_test(a_payload_behind_a_cut_head_is_not_copied_either),
        cmocka_unit_test(what_was_held_is_given_back_with_the_next_call),
        cmocka_unit_test(each_rule_is_enforced_at_the_byte_that_breaks_it),
        cmocka_unit_test(texts_cut_inside_characters_are_read),
        cmocka_unit_test(fragments_together_may_reach_the_limit_but_not_pass_it),
        cmocka_unit_test(a_hundred_thousand_fragments_hold_no_more_than_one_message),
        cmocka_unit_test(a_close_may_carry_nothing_a_code_or_a_reason),
        cmocka_unit_test(only_registered_and_private_close_codes_are_valid),
        cmocka_unit_test(heads_have_the_shortest_length_and_no_mask),
        cmocka_unit_test(blobs_are_whole_frames),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
        cmocka_unit_test(the_key_of_the_rfc_is_answered),
        cmocka_unit_test(keys_that_are_not_sixteen_bytes_of_base64_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
