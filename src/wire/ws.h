/* SPDX-License-Identifier: MIT */
/*
 * ws.h - WebSocket frames of RFC 6455, the server's side, without extensions.
 *
 * Stage 2 (docs/architecture.md): BYTES -> FRAME; and the heads of the frames that go out.
 *
 * The decoder is fed whatever a read brought. A message that lies whole and unfragmented in that
 * input is unmasked where it stands and handed out without a copy; only what is cut or fragmented
 * is kept, and never more than message_bytes_max of it, in one run, however many fragments there
 * are. Between messages it holds no memory.
 *
 * It refuses what the RFC refuses, as soon as the byte that breaks a rule is there. It answers
 * nothing: pongs, the answering close and the end of the connection are the caller's.
 */
#ifndef WIRE_WS_H
#define WIRE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "wire/utf8.h"

/* RFC 6455 section 5.2. */
enum ws_opcode {
    WS_OP_CONTINUATION = 0x0,
    WS_OP_TEXT = 0x1,
    WS_OP_BINARY = 0x2,
    WS_OP_CLOSE = 0x8,
    WS_OP_PING = 0x9,
    WS_OP_PONG = 0xa,
};

/* RFC 6455 section 7.4.1 and the registry it opens. */
enum ws_code {
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,
    WS_PROTOCOL_ERROR = 1002,
    WS_UNSUPPORTED = 1003,
    WS_NO_CODE = 1005,  /* never sent: a close frame without a code came */
    WS_ABNORMAL = 1006, /* never sent: no close frame came */
    WS_BAD_DATA = 1007,
    WS_POLICY = 1008,
    WS_TOO_BIG = 1009,
    WS_INTERNAL_ERROR = 1011,
    WS_SERVICE_RESTART = 1012,
    WS_TRY_LATER = 1013,
};

enum {
    WS_HEAD_BYTES_MAX = 10,     /* of a frame that the server sends */
    WS_CONTROL_BYTES_MAX = 125, /* payload of close, ping and pong */
    WS_REASON_BYTES_MAX = 123,  /* of a close */
    WS_ACCEPT_BYTES = 29,       /* Sec-WebSocket-Accept with its zero byte */
};

enum ws_kind {
    WS_NOTHING, /* all input is consumed, nothing is complete */
    WS_TEXT,    /* data: a whole message, valid UTF-8 */
    WS_BINARY,  /* data: a whole message */
    WS_PING,    /* data: what the pong must carry */
    WS_PONG,    /* data */
    WS_CLOSE,   /* code: what came, or WS_NO_CODE; data: the reason. Feed no more */
    WS_FAIL,    /* code: to close with; data: a constant text for the reason. Feed no more */
};

struct ws_event {
    enum ws_kind kind;
    uint16_t code; /* of WS_CLOSE and WS_FAIL, else 0 */
    struct bytes
        data; /* valid until the next ws_decode() or ws_decoder_release(), and while `in` is */
};

struct ws_decoder {
    /* private: */
    uint32_t message_bytes_max;
    uint32_t payload_left; /* of the open frame */
    uint32_t
        message_len; /* bytes of the open message in `held`; a control frame's stand behind them */
    uint8_t head[14];
    uint8_t head_len; /* bytes of a frame head that are there; HEAD_DONE while its payload comes */
    uint8_t mask[4];  /* turned so that mask[0] is for the next byte */
    uint8_t message_op; /* of the open message, 0 if none is */
    bool done;          /* a close or a failure was handed out */
    bool delivered;     /* the last event's data lies in `held` */
    struct utf8 utf8;   /* of the open text message */
    struct buf held;
};

/* Ready for the first frame. `message_bytes_max` is for one message, summed over its fragments;
 * control frames have their own limit. */
void ws_decoder_init(struct ws_decoder *d, uint32_t message_bytes_max);
void ws_decoder_release(struct ws_decoder *d);

/* Between frames, no message open, nothing held: the owner may release the decoder and make a new
 * one when the next byte comes. Never true between an event and the call behind it, if the event's
 * data is the decoder's. */
bool ws_decoder_idle(const struct ws_decoder *d);

/* Takes bytes from the front of `in`, which it may change (payloads are unmasked in place), up to
 * the end of the first thing worth telling; fills `ev` and returns how many bytes it took. Call
 * again with the rest until the kind is WS_NOTHING (then all `len` bytes are taken), WS_CLOSE or
 * WS_FAIL (after these, never again). `len` may be 0.
 *
 * WS_FAIL gives WS_PROTOCOL_ERROR for what RFC 6455 sections 5 and 7.4 forbid (a frame without
 * mask, reserved bits and opcodes, control frames that are long or fragmented, a continuation of
 * nothing, a new message inside another, lengths not in their shortest form, a close payload of one
 * byte or with a code that must not be sent), WS_TOO_BIG when a frame head announces more than
 * message_bytes_max, WS_BAD_DATA for text that is not UTF-8. */
size_t ws_decode(struct ws_decoder *d, char *in, size_t len, struct ws_event *ev);

/* May a peer send this code in a close frame (RFC 6455 section 7.4, IANA registry)? */
bool ws_code_valid(uint16_t code);

/* How long the head of an unmasked frame is: 2, 4 or 10. */
size_t ws_head_size(size_t payload_len);
/* Writes that head at `to` and returns its length. Frames are final, never fragments. */
size_t ws_put_head(char *to, enum ws_opcode op, size_t payload_len);
/* Appends it to `out`. */
void ws_frame_head(struct buf *out, enum ws_opcode op, size_t payload_len);
/* A finished frame; the reference is the caller's. Control payloads are at most
 * WS_CONTROL_BYTES_MAX. */
NODISCARD struct blob *ws_frame_blob(enum ws_opcode op, struct bytes payload);
/* A finished close frame. `reason` is UTF-8 and is cut at a character to WS_REASON_BYTES_MAX; with
 * WS_NO_CODE the payload is empty. `code` is otherwise one that may be sent. */
NODISCARD struct blob *ws_close_blob(uint16_t code, struct bytes reason);

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key, zero-terminated (RFC 6455 section 4.2.2). False,
 * with `out` unset, if the key is not the base64 of 16 bytes. */
NODISCARD bool ws_accept_key(struct bytes key, char out[WS_ACCEPT_BYTES]);

#endif
