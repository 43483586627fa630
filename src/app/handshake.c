/* SPDX-License-Identifier: MIT */
#include "app/handshake.h"

#include "app/http.h"

static void upgrade_required(struct session *s, const char *text)
{
    const struct http_field fields[] = {
        {B("Upgrade"), B("websocket")},
        {B("Sec-WebSocket-Version"), B("13")},
    };
    struct http_response r = {
        .status = 426,
        .type = B("text/plain; charset=utf-8"),
        .fields = fields,
        .fields_len = ARRAY_LEN(fields),
    };

    http_respond(s, r, bytes_str(text));
}

/* What RFC 6455 4.2.1 asks of the request; false if it was answered. */
static bool check(struct session *s, const struct http_request *r, char accept[WS_ACCEPT_BYTES])
{
    struct bytes key = http_header(r, B("Sec-WebSocket-Key"));

    if (!r->upgrade_websocket || r->method != HTTP1_GET) {
        upgrade_required(s, "this path speaks WebSocket\n");
        return false;
    }
    if (r->version_minor < 1 || r->body.len) {
        http_respond_text(s, 400, "a WebSocket handshake is an HTTP/1.1 request without a body");
        return false;
    }
    if (http_header_count(r, B("Sec-WebSocket-Version")) != 1 ||
        !bytes_equal(http_header(r, B("Sec-WebSocket-Version")), B("13"))) {
        upgrade_required(s, "Sec-WebSocket-Version must be 13\n");
        return false;
    }
    if (http_header_count(r, B("Sec-WebSocket-Key")) != 1 || !ws_accept_key(key, accept)) {
        http_respond_text(s, 400, "Sec-WebSocket-Key must be one, the base64 of 16 bytes");
        return false;
    }
    return true;
}

void handshake(struct session *s, const struct dialect *d, const struct opening *o)
{
    char accept[WS_ACCEPT_BYTES];
    struct answer a = {0};
    struct buf out;

    if (!check(s, o->request, accept))
        return;
    s->dialect = d;
    d->on_request(s, o, &a);
    if (a.status) {
        if (d->on_release)
            d->on_release(s);
        memset(s->state, 0, sizeof(s->state));
        s->dialect = NULL;
        session_forget(s);
        http_respond_text(s, a.status, a.text);
        return;
    }
    struct http_field fields[] = {
        {B("Upgrade"), B("websocket")},
        {B("Connection"), B("Upgrade")},
        {B("Sec-WebSocket-Accept"), bytes_str(accept)},
        {B("Sec-WebSocket-Protocol"), bytes_str(a.protocol)},
    };
    struct http_response r = {
        .status = 101,
        .fields = fields,
        .fields_len = ARRAY_LEN(fields) - (a.protocol ? 0 : 1),
    };
    buf_init(&out, BUF_UNBOUNDED);
    http_response_head(&out, &r);
    struct blob *b = blob_new(buf_bytes(&out));
    conn_send(&s->conn, b);
    blob_unref(b);
    buf_release(&out);
    s->worker->metrics.requests++;
    session_upgrade(s, d);
}
