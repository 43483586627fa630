/* SPDX-License-Identifier: MIT */
#include "wire/ws.h"

#include <openssl/evp.h>

/* The first byte of a head (RFC 6455 section 5.2). */
enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f };
/* The second. */
enum { MASKED = 0x80, LEN7 = 0x7f, LEN16_FOLLOWS = 126, LEN64_FOLLOWS = 127 };

enum { MASK_BYTES = 4, HEAD_MIN = 2, HEAD_DONE = 0xff };

void ws_decoder_init(struct ws_decoder *d, uint32_t message_bytes_max)
{
    *d = (struct ws_decoder){.message_bytes_max = message_bytes_max};
    buf_init(&d->held, (size_t)message_bytes_max + WS_CONTROL_BYTES_MAX);
}

void ws_decoder_release(struct ws_decoder *d)
{
    buf_release(&d->held);
}

bool ws_decoder_idle(const struct ws_decoder *d)
{
    return d->head_len == 0 && d->message_op == 0 && !d->held.ptr && !d->done;
}

static void fail(struct ws_decoder *d, struct ws_event *ev, enum ws_code code, struct bytes why)
{
    d->done = true;
    *ev = (struct ws_event){WS_FAIL, (uint16_t)code, why};
}

static bool is_control(uint8_t op)
{
    return (op & 0x8) != 0;
}

/* What is wrong with the first byte, or no bytes. */
static struct bytes check_first(const struct ws_decoder *d, uint8_t first)
{
    uint8_t op = first & OPCODE;

    if (first & RSV)
        return B("reserved bit set");
    switch (op) {
    case WS_OP_CONTINUATION:
        return d->message_op ? B("") : B("continuation of no message");
    case WS_OP_TEXT:
    case WS_OP_BINARY:
        return d->message_op ? B("new message inside a message") : B("");
    case WS_OP_CLOSE:
    case WS_OP_PING:
    case WS_OP_PONG:
        return first & FIN ? B("") : B("fragmented control frame");
    default:
        return B("reserved opcode");
    }
}

static struct bytes check_second(uint8_t first, uint8_t second)
{
    if (!(second & MASKED))
        return B("frame is not masked");
    if (is_control(first & OPCODE) && (second & LEN7) > WS_CONTROL_BYTES_MAX)
        return B("control frame is too long");
    return B("");
}

/* How long the head is without its mask, judged by its second byte. */
static size_t length_end(uint8_t second)
{
    switch (second & LEN7) {
    case LEN16_FOLLOWS:
        return HEAD_MIN + 2;
    case LEN64_FOLLOWS:
        return HEAD_MIN + 8;
    default:
        return HEAD_MIN;
    }
}

static uint64_t big_endian(const uint8_t *p, size_t len)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len; i++)
        n = n << 8 | p[i];
    return n;
}

/* Judges the payload length, whose bytes are all there, and keeps it; false after a failure. */
static bool take_length(struct ws_decoder *d, const uint8_t *head, struct ws_event *ev)
{
    size_t end = length_end(head[1]);
    uint64_t len = head[1] & LEN7;

    if (end > HEAD_MIN) {
        len = big_endian(head + HEAD_MIN, end - HEAD_MIN);
        if (len >> 63) {
            fail(d, ev, WS_PROTOCOL_ERROR, B("length with its top bit set"));
            return false;
        }
        if (len < (end == HEAD_MIN + 2 ? LEN16_FOLLOWS : UINT64_C(65536))) {
            fail(d, ev, WS_PROTOCOL_ERROR, B("length is not in its shortest form"));
            return false;
        }
    }
    if (!is_control(head[0] & OPCODE) && len > d->message_bytes_max - d->message_len) {
        fail(d, ev, WS_TOO_BIG, B("message is too big"));
        return false;
    }
    d->payload_left = (uint32_t)len;
    return true;
}

/* Judges as much of a head as is there, in the order of its bytes, so that a fault is told at its
 * byte. Returns how long the head is, as far as can be known; 0 after a failure. */
static size_t judge_head(struct ws_decoder *d, const uint8_t *head, size_t len, struct ws_event *ev)
{
    struct bytes wrong = len >= 1 ? check_first(d, head[0]) : B("");

    if (wrong.len == 0 && len >= 2)
        wrong = check_second(head[0], head[1]);
    if (wrong.len) {
        fail(d, ev, WS_PROTOCOL_ERROR, wrong);
        return 0;
    }
    if (len < HEAD_MIN)
        return HEAD_MIN;
    if (len >= length_end(head[1]) && !take_length(d, head, ev))
        return 0;
    return length_end(head[1]) + MASK_BYTES;
}

/* The head is complete at `head`: what its payload needs is set, and `head[0]` of the decoder is
 * its first byte. */
static void open_frame(struct ws_decoder *d, const uint8_t *head)
{
    d->head[0] = head[0];
    d->head_len = HEAD_DONE;
    memcpy(d->mask, head + length_end(head[1]), MASK_BYTES);
}

/* Reads a frame's head from `in`, of which it returns how many bytes it took. Either the head is
 * done then, or `len` bytes are taken, or it failed. */
static size_t read_head(struct ws_decoder *d, const char *in, size_t len, struct ws_event *ev)
{
    const uint8_t *head = (const uint8_t *)in;

    if (d->head_len == 0 && len >= HEAD_MIN) {
        size_t size = judge_head(d, head, len, ev);
        if (size == 0)
            return 0;
        if (size <= len) {
            open_frame(d, head);
            return size;
        }
    }
    size_t used = 0;
    while (used < len) {
        d->head[d->head_len++] = head[used++];
        size_t size = judge_head(d, d->head, d->head_len, ev);
        if (size == 0)
            return used;
        if (size == d->head_len) {
            open_frame(d, d->head);
            return used;
        }
    }
    return used;
}

/* Unmasks `len` bytes in place and turns the mask for the byte behind them (RFC 6455 section 5.3).
 * False if all of them are ASCII, so that most texts need no second look. */
static bool unmask(struct ws_decoder *d, char *p, size_t len)
{
    uint8_t mask[2 * MASK_BYTES];
    uint64_t wide;
    uint64_t seen = 0;
    size_t i = 0;

    memcpy(mask, d->mask, MASK_BYTES);
    memcpy(mask + MASK_BYTES, d->mask, MASK_BYTES);
    memcpy(&wide, mask, sizeof(wide));
    for (; len - i >= sizeof(wide); i += sizeof(wide)) {
        uint64_t word;
        memcpy(&word, p + i, sizeof(word));
        word ^= wide;
        seen |= word;
        memcpy(p + i, &word, sizeof(word));
    }
    for (; i < len; i++) {
        uint8_t byte = (uint8_t)((uint8_t)p[i] ^ mask[i % MASK_BYTES]);
        seen |= byte;
        p[i] = (char)byte;
    }
    memcpy(d->mask, mask + len % MASK_BYTES, MASK_BYTES);
    return (seen & UINT64_C(0x8080808080808080)) != 0;
}

bool ws_code_valid(uint16_t code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && code != 1004 && code != WS_NO_CODE &&
           code != WS_ABNORMAL;
}

static void finish_close(struct ws_decoder *d, struct bytes data, struct ws_event *ev)
{
    uint16_t code = WS_NO_CODE;

    if (data.len == 1) {
        fail(d, ev, WS_PROTOCOL_ERROR, B("close payload of one byte"));
        return;
    }
    if (data.len >= 2) {
        code = (uint16_t)big_endian((const uint8_t *)data.ptr, 2);
        if (!ws_code_valid(code)) {
            fail(d, ev, WS_PROTOCOL_ERROR, B("close code that must not be sent"));
            return;
        }
        data = bytes_skip(data, 2);
        if (!utf8_valid(data)) {
            fail(d, ev, WS_BAD_DATA, B("close reason is not UTF-8"));
            return;
        }
    }
    d->done = true;
    *ev = (struct ws_event){WS_CLOSE, code, data};
}

/* The payload of a control frame is complete. */
static void finish_control(struct ws_decoder *d, struct bytes data, struct ws_event *ev)
{
    switch (d->head[0] & OPCODE) {
    case WS_OP_CLOSE:
        finish_close(d, data, ev);
        break;
    case WS_OP_PING:
        *ev = (struct ws_event){WS_PING, 0, data};
        break;
    default:
        *ev = (struct ws_event){WS_PONG, 0, data};
        break;
    }
}

/* Keeps a part of a control frame behind the open message. */
static void control_payload(struct ws_decoder *d, struct bytes part, struct ws_event *ev)
{
    bool whole = d->payload_left == 0;

    if (whole && d->held.len == d->message_len) {
        finish_control(d, part, ev);
        return;
    }
    bool fits = buf_put(&d->held, part);
    assert(fits);
    if (whole) {
        finish_control(d, bytes_skip(buf_bytes(&d->held), d->message_len), ev);
        d->delivered = true;
    }
}

static void message_payload(struct ws_decoder *d, struct bytes part, bool ascii,
                            struct ws_event *ev)
{
    bool whole = d->payload_left == 0;
    bool last = whole && d->head[0] & FIN;
    uint8_t op = d->message_op ? d->message_op : d->head[0] & OPCODE;

    if (op == WS_OP_TEXT) {
        bool ok = ascii && utf8_complete(&d->utf8) ? true : utf8_feed(&d->utf8, part);
        if (!ok || (last && !utf8_complete(&d->utf8))) {
            fail(d, ev, WS_BAD_DATA, B("text is not UTF-8"));
            return;
        }
    }
    if (last && d->message_op == 0) {
        *ev = (struct ws_event){op == WS_OP_TEXT ? WS_TEXT : WS_BINARY, 0, part};
        return;
    }
    d->message_op = op;
    bool fits = buf_put(&d->held, part);
    assert(fits);
    d->message_len = (uint32_t)d->held.len;
    if (last) {
        *ev = (struct ws_event){op == WS_OP_TEXT ? WS_TEXT : WS_BINARY, 0, buf_bytes(&d->held)};
        d->message_op = 0;
        d->message_len = 0;
        d->delivered = true;
    }
}

/* Takes as much of the open frame's payload as is there; returns how much that was. */
static size_t read_payload(struct ws_decoder *d, char *in, size_t len, struct ws_event *ev)
{
    size_t part_len = len < d->payload_left ? len : d->payload_left;
    bool ascii = !unmask(d, in, part_len);

    d->payload_left -= (uint32_t)part_len;
    if (is_control(d->head[0] & OPCODE))
        control_payload(d, bytes_of(in, part_len), ev);
    else
        message_payload(d, bytes_of(in, part_len), ascii, ev);
    if (d->payload_left == 0)
        d->head_len = 0;
    return part_len;
}

/* What the last event lent out is no longer needed. An open message stays. */
static void drop_delivered(struct ws_decoder *d)
{
    d->delivered = false;
    d->held.len = d->message_len;
    if (d->message_op == 0)
        buf_release(&d->held);
}

size_t ws_decode(struct ws_decoder *d, char *in, size_t len, struct ws_event *ev)
{
    assert(!d->done);
    size_t used = 0;

    *ev = (struct ws_event){.kind = WS_NOTHING};
    if (d->delivered)
        drop_delivered(d);
    while (ev->kind == WS_NOTHING && used < len) {
        if (d->head_len != HEAD_DONE)
            used += read_head(d, in + used, len - used, ev);
        /* An empty payload is complete with its head, without another byte. */
        if (d->head_len == HEAD_DONE && (d->payload_left == 0 || used < len))
            used += read_payload(d, in + used, len - used, ev);
    }
    return used;
}

size_t ws_head_size(size_t payload_len)
{
    if (payload_len < LEN16_FOLLOWS)
        return HEAD_MIN;
    return payload_len <= UINT16_MAX ? HEAD_MIN + 2 : HEAD_MIN + 8;
}

size_t ws_put_head(char *to, enum ws_opcode op, size_t payload_len)
{
    size_t size = ws_head_size(payload_len);
    size_t shifted = payload_len;

    assert(!is_control((uint8_t)op) || payload_len <= WS_CONTROL_BYTES_MAX);
    to[0] = (char)(FIN | (int)op);
    if (size == HEAD_MIN) {
        to[1] = (char)payload_len;
        return size;
    }
    to[1] = size == HEAD_MIN + 2 ? LEN16_FOLLOWS : LEN64_FOLLOWS;
    for (size_t i = size; i > HEAD_MIN; i--) {
        to[i - 1] = (char)(shifted & 0xff);
        shifted >>= 8;
    }
    return size;
}

void ws_frame_head(struct buf *out, enum ws_opcode op, size_t payload_len)
{
    char head[WS_HEAD_BYTES_MAX];

    buf_put(out, bytes_of(head, ws_put_head(head, op, payload_len)));
}

struct blob *ws_frame_blob(enum ws_opcode op, struct bytes payload)
{
    char head[WS_HEAD_BYTES_MAX];

    return blob_join(bytes_of(head, ws_put_head(head, op, payload.len)), payload);
}

struct blob *ws_close_blob(uint16_t code, struct bytes reason)
{
    char payload[WS_CONTROL_BYTES_MAX];

    if (code == WS_NO_CODE)
        return ws_frame_blob(WS_OP_CLOSE, B(""));
    assert(ws_code_valid(code));
    if (reason.len > WS_REASON_BYTES_MAX) {
        reason.len = WS_REASON_BYTES_MAX;
        /* ptr[len] is the first byte that is cut off: not the middle of a character. */
        while (reason.len && ((unsigned char)reason.ptr[reason.len] & 0xc0) == 0x80)
            reason.len--;
    }
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    if (reason.len)
        memcpy(payload + 2, reason.ptr, reason.len);
    return ws_frame_blob(WS_OP_CLOSE, bytes_of(payload, 2 + reason.len));
}

/* 22 digits of the standard alphabet and "==". Stray bits in the last digit are let pass: the key
 * is only echoed. */
static bool is_key(struct bytes key)
{
    if (key.len != 24 || key.ptr[22] != '=' || key.ptr[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

bool ws_accept_key(struct bytes key, char out[WS_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof(guid) - 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (!is_key(key))
        return false;
    memcpy(text, key.ptr, key.len);
    memcpy(text + key.len, guid, sizeof(guid) - 1);
    if (EVP_Digest(text, sizeof(text), digest, &digest_len, EVP_sha1(), NULL) != 1)
        return false; /* an OpenSSL without SHA-1: no handshake is possible */
    assert(digest_len == 20);
    int len = EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_len);
    assert(len == WS_ACCEPT_BYTES - 1);
    return true;
}
