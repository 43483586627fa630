/* SPDX-License-Identifier: MIT */
#include "app/http.h"

#include "app/routes.h"
#include "base/heap.h"

/* Parsers are made when bytes come; a worker keeps one, which serves nearly all requests. */
static struct http1 *take_parser(struct worker *w)
{
    struct http1 *h = w->spare;

    w->spare = NULL;
    return h ? h : http1_new(&w->node->http_limits);
}

static void put_parser(struct worker *w, struct http1 *h)
{
    if (!http1_idle(h) || w->spare)
        http1_free(h);
    else
        w->spare = h;
}

static void send_buf(struct session *s, const struct buf *out)
{
    struct blob *b = blob_new(buf_bytes(out));

    conn_send(&s->conn, b);
    blob_unref(b);
}

void http_respond(struct session *s, struct http_response r, struct bytes body)
{
    struct buf out;

    /* Whoever asks and does not read gets no further answers. */
    if (conn_queued(&s->conn) > s->worker->node->config->queue_bytes_max)
        s->keep_alive = false;
    r.close = !s->keep_alive;
    r.head_only = s->head_only;
    buf_init(&out, BUF_UNBOUNDED);
    http_response(&out, &r, body);
    send_buf(s, &out);
    buf_release(&out);
    s->worker->metrics.requests++;
    bool waited = s->phase == SESSION_WAITING;
    if (!s->keep_alive)
        session_release_input(s); /* nothing behind the last request is answered */
    s->phase = s->keep_alive ? SESSION_HTTP : SESSION_OVER;
    s->heard_ms = (uint32_t)s->worker->now_ms;
    session_schedule(s);
    if (!s->keep_alive)
        conn_close(&s->conn, true);
    else if (waited)
        session_resume(s);
}

void http_respond_text(struct session *s, int status, const char *text)
{
    const struct http_field retry = {B("Retry-After"), B("5")};
    struct http_response r = {.status = status, .type = B("text/plain; charset=utf-8")};
    struct buf body;

    if (status == 503) {
        r.fields = &retry;
        r.fields_len = 1;
    }
    buf_init(&body, BUF_UNBOUNDED);
    buf_printf(&body, "%s\n", text);
    http_respond(s, r, buf_bytes(&body));
    buf_release(&body);
}

void http_late(struct session *s)
{
    bool asked = s->http && !http1_idle(s->http);

    http1_free(s->http);
    s->http = NULL;
    if (asked) {
        s->keep_alive = s->head_only = false;
        http_respond_text(s, 408, "the request did not arrive in time (head_timeout)");
        return;
    }
    session_abort(s); /* nothing was asked, so nothing is answered */
}

static void handle(struct session *s, const struct http_request *r)
{
    s->keep_alive = r->keep_alive && !s->worker->stopping;
    s->head_only = r->method == HTTP1_HEAD;
    routes_handle(s, r);
}

static void handle_whole(struct session *s, struct http1 *h)
{
    /* The session may become something else meanwhile, so it does not hold the parser. */
    s->http = NULL;
    handle(s, http1_request(h));
    http1_next(h);
    put_parser(s->worker, h);
}

size_t http_input(struct session *s, struct bytes in)
{
    enum http1_result result;

    if (!s->http) {
        s->http = take_parser(s->worker);
        s->heard_ms = (uint32_t)s->worker->now_ms; /* head_timeout runs from the first byte */
        session_schedule(s);
    }
    struct http1 *h = s->http;
    size_t used = http1_feed(h, in, &result);
    switch (result) {
    case HTTP1_MORE:
        if (http1_take_continue(h)) {
            struct blob *go_on = blob_new(B("HTTP/1.1 100 Continue\r\n\r\n"));
            conn_send(&s->conn, go_on);
            blob_unref(go_on);
        }
        return used;
    case HTTP1_REQUEST:
        handle_whole(s, h);
        return used;
    case HTTP1_BAD:
        s->http = NULL;
        s->keep_alive = s->head_only = false;
        http_respond_text(s, http1_status(h), http1_problem(h));
        put_parser(s->worker, h);
        return in.len;
    }
    return used;
}
