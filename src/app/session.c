/* SPDX-License-Identifier: MIT */
/*
 * session.c - the way in: bytes of a connection become requests or frames, and these go to a
 * handler or a dialect.
 *
 * Stages 2 and 3 (docs/architecture.md). What a dialect asks for in turn is in subscription.c. A
 * read never writes: answers are queued and leave at the end of the turn.
 */
#include "app/session.h"

#include <stdatomic.h>

#include "app/http.h"
#include "base/heap.h"
#include "base/log.h"

enum { CLOSE_WAIT_MS = 2000, STASH_MAX = 64 * 1024 };

static struct session *session_of(struct conn *c)
{
    return (struct session *)(void *)c;
}

/* Birth and death. */

void session_accept(struct loop *l, int fd)
{
    struct worker *w = loop_owner(l);

    worker_read_clock(w);
    w->metrics.accepted++;
    if (atomic_fetch_add_explicit(&w->node->sessions, 1, memory_order_relaxed) >=
        w->node->config->sessions_max) {
        atomic_fetch_sub_explicit(&w->node->sessions, 1, memory_order_relaxed);
        w->metrics.refused++;
        socket_refuse(
            fd,
            B("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 34\r\nContent-Type: "
              "text/plain\r\n"
              "Retry-After: 5\r\nConnection: close\r\n\r\nthe server is full (sessions_max)\n"));
        return;
    }
    struct session *s = pool_take(&w->sessions);
    s->worker = w;
    s->heard_ms = (uint32_t)w->now_ms;
    conn_start(&s->conn, l, fd);
    session_schedule(s);
}

/* Which kind it is depends on the phase. */
void session_release_input(struct session *s)
{
    switch ((enum session_phase)s->phase) {
    case SESSION_HTTP:
        http1_free(s->http);
        break;
    case SESSION_WAITING:
        if (s->stash)
            buf_release(s->stash);
        heap_free(s->stash);
        break;
    case SESSION_WEBSOCKET:
    case SESSION_CLOSING:
        if (s->decoder)
            ws_decoder_release(s->decoder);
        heap_free(s->decoder);
        break;
    case SESSION_OVER:
        assert(!s->http);
        break;
    }
    s->http = NULL;
}

static void on_closed(struct conn *c)
{
    struct session *s = session_of(c);
    struct worker *w = s->worker;

    assert(!s->subs);
    if (s->dialect && s->dialect->on_release)
        s->dialect->on_release(s);
    session_forget(s);
    session_release_input(s);
    wheel_cancel(&w->wheel, &s->timer);
    pool_put(&w->sessions, s);
    atomic_fetch_sub_explicit(&w->node->sessions, 1, memory_order_relaxed);
}

/* The connection is ending; whoever was here is held if it may return. */
static void over(struct session *s, bool broken)
{
    session_drop_all(s, broken);
    session_release_input(s);
    s->phase = SESSION_OVER;
    s->heard_ms = (uint32_t)s->worker->now_ms;
    session_schedule(s);
}

void session_abort(struct session *s)
{
    over(s, true);
    conn_abort(&s->conn);
}

static void on_end(struct conn *c, bool broken)
{
    struct session *s = session_of(c);

    worker_read_clock(s->worker);
    /* A client may end its side behind a request; it still gets the answer. */
    if (s->phase == SESSION_WAITING && !broken) {
        s->keep_alive = false;
        return;
    }
    over(s, true);
    conn_close(c, false);
}

/* Time. */

static uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The full time of `heard_ms`, of which the session keeps the low bits. */
static uint64_t heard_at(const struct session *s)
{
    uint64_t now_ms = s->worker->now_ms;

    return now_ms - ((uint32_t)now_ms - s->heard_ms);
}

static uint64_t websocket_deadline(const struct session *s)
{
    const struct config *config = s->worker->node->config;
    uint64_t quiet_ms = s->asked ? config->idle_timeout_ms : config->idle_timeout_ms / 2;

    if (s->dialect->liveness == LIVENESS_HEARTBEAT)
        quiet_ms = config->idle_timeout_ms;
    if (!s->person) /* the dialect admits by message */
        return heard_at(s) + config->head_timeout_ms;
    return min_ms(heard_at(s) + quiet_ms, s->person->end_ms);
}

void session_schedule(struct session *s)
{
    const struct config *config = s->worker->node->config;
    uint64_t at = UINT64_MAX;

    switch ((enum session_phase)s->phase) {
    case SESSION_HTTP:
        at = heard_at(s) + config->head_timeout_ms;
        break;
    case SESSION_WAITING:
        at = heard_at(s) + config->idle_timeout_ms;
        break;
    case SESSION_WEBSOCKET:
        at = websocket_deadline(s);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        at = heard_at(s) + (s->dialect ? CLOSE_WAIT_MS : config->head_timeout_ms);
        break;
    }
    wheel_set(&s->worker->wheel, &s->timer, at);
}

static void ask(struct session *s)
{
    uint32_t half_ms = s->worker->node->config->idle_timeout_ms / 2;

    /* Half of idle_timeout for the answer, also if we were stopped meanwhile and are late with the
     * question. */
    s->heard_ms = (uint32_t)(s->worker->now_ms - half_ms);
    if (s->dialect->liveness == LIVENESS_ASK) {
        s->dialect->on_ask(s);
    } else {
        struct blob *ping = ws_frame_blob(WS_OP_PING, B(""));
        session_send(s, ping);
        blob_unref(ping);
    }
    s->asked = true;
}

static void websocket_timer(struct session *s)
{
    struct worker *w = s->worker;

    if (s->slow) {
        w->metrics.slow_closes++;
        s->slow = false; /* so that the goodbye is queued */
        session_end(s, END_SLOW);
    } else if (w->now_ms < websocket_deadline(s)) {
        session_schedule(s);
    } else if (!s->person) {
        session_end(s, END_NO_HELLO);
    } else if (w->now_ms >= s->person->end_ms) {
        w->metrics.expired++;
        session_end(s, END_EXPIRED);
    } else if (s->asked || s->dialect->liveness == LIVENESS_HEARTBEAT) {
        w->metrics.timeouts++;
        session_close(s, WS_GOING_AWAY, B("idle timeout"), true);
    } else {
        ask(s);
        session_schedule(s);
    }
}

void session_timer(struct session *s)
{
    switch ((enum session_phase)s->phase) {
    case SESSION_HTTP:
        http_late(s);
        break;
    case SESSION_WEBSOCKET:
        websocket_timer(s);
        break;
    case SESSION_WAITING:
    case SESSION_CLOSING:
    case SESSION_OVER:
        session_abort(s);
        break;
    }
}

/* WebSocket. */

static void send_frame(struct session *s, struct blob *frame)
{
    conn_send(&s->conn, frame);
    s->worker->metrics.frames++;
    blob_unref(frame);
}

/* One message is taken from the credit, which fills up at messages_per_second. */
static bool take_credit(struct session *s)
{
    const struct config *config = s->worker->node->config;
    uint32_t now = (uint32_t)s->worker->now_ms;
    uint64_t gained = (uint64_t)(now - s->credit_ms) * config->messages_per_second / 1000;

    if (gained) {
        uint64_t credit = s->credit + gained;
        s->credit = credit < config->messages_burst ? (uint32_t)credit : config->messages_burst;
        s->credit_ms = now;
    }
    if (s->credit == 0)
        return false;
    s->credit--;
    return true;
}

static void heard(struct session *s)
{
    if (!s->person)
        return; /* whoever has not said who it is has head_timeout for it, whatever else it says */
    s->heard_ms = (uint32_t)s->worker->now_ms;
    s->asked = false;
}

static void on_text(struct session *s, const struct ws_event *ev)
{
    heard(s);
    s->worker->metrics.messages++;
    if (take_credit(s)) {
        s->dialect->on_message(s, ev->data, ev->kind == WS_BINARY);
    } else {
        s->worker->metrics.fast_closes++;
        session_end(s, END_TOO_FAST);
    }
}

static void on_control(struct session *s, const struct ws_event *ev)
{
    if (s->dialect->liveness != LIVENESS_ASK)
        heard(s);
    if (ev->kind == WS_PONG)
        return;
    if (take_credit(s)) {
        struct blob *pong = ws_frame_blob(WS_OP_PONG, ev->data);
        session_send(s, pong);
        blob_unref(pong);
    } else {
        s->worker->metrics.fast_closes++;
        session_end(s, END_TOO_FAST);
    }
}

/* Went away and may come back, as opposed to left. */
static bool is_away(const struct session *s, uint16_t code)
{
    return code == WS_GOING_AWAY || (s->dialect->away_code && code == s->dialect->away_code) ||
           (code == WS_NO_CODE && s->dialect->bare_close_is_away);
}

static void on_peer_close(struct session *s, const struct ws_event *ev)
{
    if (s->phase == SESSION_WEBSOCKET)
        send_frame(s, ws_close_blob(ev->code, B("")));
    over(s, is_away(s, ev->code));
    conn_close(&s->conn, false);
}

static void on_event(struct session *s, const struct ws_event *ev)
{
    bool open = s->phase == SESSION_WEBSOCKET;

    switch (ev->kind) {
    case WS_NOTHING:
        break;
    case WS_TEXT:
    case WS_BINARY:
        if (open)
            on_text(s, ev);
        break;
    case WS_PING:
    case WS_PONG:
        if (open)
            on_control(s, ev);
        break;
    case WS_CLOSE:
        on_peer_close(s, ev);
        break;
    case WS_FAIL:
        s->worker->metrics.protocol_errors++;
        if (open)
            send_frame(s, ws_close_blob(ev->code, ev->data));
        over(s, true);
        conn_close(&s->conn, true);
        break;
    }
}

/* Between messages a connection holds no decoder: one on the stack serves the usual case. */
static void on_frames(struct session *s, char *data, size_t len)
{
    struct ws_decoder d;
    struct ws_event ev;

    if (s->decoder)
        d = *s->decoder;
    else
        ws_decoder_init(&d, (uint32_t)s->worker->node->config->message_bytes_max);
    heap_free(s->decoder);
    s->decoder = NULL;
    do {
        size_t used = ws_decode(&d, data, len, &ev);
        data += used;
        len -= used;
        on_event(s, &ev);
    } while (ev.kind != WS_NOTHING && s->phase != SESSION_OVER);

    if (ws_decoder_idle(&d) || s->phase == SESSION_OVER) {
        ws_decoder_release(&d);
        return;
    }
    s->decoder = heap_alloc(sizeof(d));
    *s->decoder = d;
}

void session_upgrade(struct session *s, const struct dialect *d)
{
    s->dialect = d;
    s->phase = SESSION_WEBSOCKET;
    s->heard_ms = (uint32_t)s->worker->now_ms;
    s->credit_ms = (uint32_t)s->worker->now_ms;
    s->credit = s->worker->node->config->messages_burst;
    s->worker->metrics.upgrades++;
    s->worker->metrics.websockets++;
    session_schedule(s);
    if (d->on_open)
        d->on_open(s);
}

void session_close(struct session *s, uint16_t code, struct bytes reason, bool may_return)
{
    if (s->phase != SESSION_WEBSOCKET)
        return;
    send_frame(s, ws_close_blob(code, reason));
    session_drop_all(s, may_return);
    s->phase = SESSION_CLOSING;
    s->heard_ms = (uint32_t)s->worker->now_ms;
    session_schedule(s);
}

void session_end(struct session *s, enum ending why)
{
    switch ((enum session_phase)s->phase) {
    case SESSION_WEBSOCKET:
        s->dialect->on_end(s, why);
        break;
    case SESSION_HTTP:
        over(s, true);
        conn_close(&s->conn, false);
        break;
    case SESSION_WAITING: /* is answered, then closed */
        s->keep_alive = false;
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

/* Input. */

static void stash(struct session *s, const char *data, size_t len)
{
    if (!s->stash) {
        s->stash = heap_alloc(sizeof(*s->stash));
        buf_init(s->stash, STASH_MAX);
    }
    if (!buf_put(s->stash, bytes_of(data, len)))
        session_abort(s);
}

static void on_data(struct conn *c, char *data, size_t len)
{
    struct session *s = session_of(c);

    worker_read_clock(s->worker);
    while (len && s->phase == SESSION_HTTP) {
        size_t used = http_input(s, bytes_of(data, len));
        data += used;
        len -= used;
    }
    if (len == 0)
        return;
    if (s->phase == SESSION_WAITING)
        stash(s, data, len);
    else if (s->phase == SESSION_WEBSOCKET || s->phase == SESSION_CLOSING)
        on_frames(s, data, len);
}

void session_resume(struct session *s)
{
    struct buf *waiting = s->stash;

    s->stash = NULL;
    conn_pause(&s->conn, false);
    if (!waiting)
        return;
    on_data(&s->conn, waiting->ptr, waiting->len);
    buf_release(waiting);
    heap_free(waiting);
}

static void on_drained(struct conn *c)
{
    struct session *s = session_of(c);

    for (struct subscription *sub = s->subs; sub; sub = sub->next)
        if (sub->behind)
            subscription_refresh(sub);
}

const struct conn_handler session_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};
