/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/heap.h"
#include "net/internal.h"

enum { IOV_MAX_PARTS = 64 };

enum state {
    OPEN,
    FLUSHING,  /* closes once everything is sent */
    LINGERING, /* our side has ended; waits for the peer's */
    ABORTED,   /* closes at the end of the turn */
    CLOSED     /* waits for libuv to let go */
};

static_assert(sizeof(uv_poll_t) <= sizeof(((struct conn *)0)->poll), "a uv_poll_t must fit");

static uv_poll_t *poll_of(struct conn *c)
{
    return (uv_poll_t *)(void *)c->poll;
}

static struct loop *loop_of(struct conn *c)
{
    return CONTAINER_OF(poll_of(c)->loop, struct loop, uv);
}

static void mark_dirty(struct conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = loop_of(c)->dirty;
    loop_of(c)->dirty = c;
}

/* Tells its owner, once, that nothing more will come. */
static void end(struct conn *c, bool broken)
{
    if (c->ended)
        return;
    c->ended = true;
    loop_of(c)->handler->on_end(c, broken);
}

static void on_event(uv_poll_t *poll, int status, int events);

/* An end of the peer stays readable for ever, so nobody looks again. */
static bool reads(const struct conn *c)
{
    return c->state == OPEN ? !c->paused : !c->ended;
}

static void watch(struct conn *c)
{
    int events = (reads(c) ? UV_READABLE : 0) | (c->blocked ? UV_WRITABLE : 0);

    /* libuv pays two system calls to watch for what it watches already. */
    if (c->state == CLOSED || events == c->watched)
        return;
    c->watched = (uint8_t)events;
    if (events)
        uv_poll_start(poll_of(c), events, on_event);
    else
        uv_poll_stop(poll_of(c));
}

void conn_start(struct conn *c, struct loop *l, int fd)
{
    c->fd = fd;
    int bad = uv_poll_init(&l->uv, poll_of(c), fd);
    assert(!bad);
    poll_of(c)->data = c;
    watch(c);
}

/* Output. */

static void outbox_clear(struct conn *c)
{
    struct outbox *o = c->out;

    if (!o)
        return;
    for (uint32_t i = 0; i < o->len; i++)
        blob_unref(o->blobs[i]);
    if (o->blobs != o->first)
        heap_free(o->blobs);
    pool_put(&loop_of(c)->outboxes, o);
    c->out = NULL;
}

static void outbox_add(struct outbox *o, struct blob *b)
{
    if (o->len == o->cap) {
        struct blob **old = o->blobs == o->first ? NULL : o->blobs;
        struct blob **more = heap_realloc(old, 2 * o->cap * sizeof(struct blob *));
        if (!old)
            memcpy(more, o->first, sizeof(o->first));
        o->blobs = more;
        o->cap *= 2;
    }
    o->blobs[o->len++] = blob_ref(b);
    o->bytes += b->len;
}

void conn_send(struct conn *c, struct blob *b)
{
    if (c->state != OPEN || b->len == 0)
        return;
    if (!c->out) {
        c->out = pool_take(&loop_of(c)->outboxes);
        c->out->blobs = c->out->first;
        c->out->cap = OUTBOX_INLINE;
    }
    outbox_add(c->out, b);
    if (!c->blocked)
        mark_dirty(c);
}

size_t conn_queued(const struct conn *c)
{
    return c->out ? c->out->bytes : 0;
}

/* Forgets `sent` bytes at the front of the queue. */
static void outbox_sent(struct conn *c, size_t sent)
{
    struct outbox *o = c->out;
    uint32_t done = 0;

    o->bytes -= sent;
    sent += o->offset;
    while (done < o->len && sent >= o->blobs[done]->len) {
        sent -= o->blobs[done]->len;
        blob_unref(o->blobs[done++]);
    }
    o->offset = (uint32_t)sent;
    o->len -= done;
    if (o->len == 0)
        outbox_clear(c);
    else
        memmove(o->blobs, o->blobs + done, o->len * sizeof(struct blob *));
}

static ssize_t send_parts(struct conn *c, size_t *offered)
{
    const struct outbox *o = c->out;
    struct iovec parts[IOV_MAX_PARTS];
    struct msghdr msg = {.msg_iov = parts};

    for (uint32_t i = 0; i < o->len && i < IOV_MAX_PARTS; i++) {
        uint32_t skip = i == 0 ? o->offset : 0;
        parts[i].iov_base = o->blobs[i]->data + skip;
        parts[i].iov_len = o->blobs[i]->len - skip;
        msg.msg_iovlen = i + 1;
        *offered += parts[i].iov_len;
    }
    return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

/* Small frames are copied together: that costs less than a list of parts does in the kernel. */
static ssize_t send_copied(struct conn *c)
{
    const struct outbox *o = c->out;
    char *to = loop_of(c)->scratch;
    size_t len = 0;

    for (uint32_t i = 0; i < o->len; i++) {
        uint32_t skip = i == 0 ? o->offset : 0;
        memcpy(to + len, o->blobs[i]->data + skip, o->blobs[i]->len - skip);
        len += o->blobs[i]->len - skip;
    }
    return send(c->fd, to, len, MSG_NOSIGNAL);
}

/* `*offered`: how many bytes that was, which may be fewer than wait. */
static ssize_t send_once(struct conn *c, size_t *offered)
{
    const struct outbox *o = c->out;

    *offered = 0;
    if (o->len > 1 && o->bytes > SCRATCH_BYTES)
        return send_parts(c, offered);
    *offered = o->bytes;
    if (o->len == 1)
        return send(c->fd, o->blobs[0]->data + o->offset, o->blobs[0]->len - o->offset,
                    MSG_NOSIGNAL);
    return send_copied(c);
}

/* Sends until the queue is empty or the socket is full. False if the connection is broken. */
static bool flush(struct conn *c)
{
    while (c->out) {
        size_t offered;
        ssize_t n = send_once(c, &offered);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        if (n > 0) {
            loop_of(c)->counts.bytes_out += (uint64_t)n;
            loop_of(c)->counts.writes++;
            outbox_sent(c, (size_t)n);
        }
        if (n < 0 || (size_t)n < offered) {
            if (!c->blocked) {
                c->blocked = true;
                loop_of(c)->counts.blocked++;
                watch(c);
            }
            return true;
        }
    }
    return true;
}

/* Closing. */

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    loop_of(c)->handler->on_closed(c);
}

static void close_now(struct conn *c)
{
    if (c->state == CLOSED)
        return;
    c->state = CLOSED;
    outbox_clear(c);
    end(c, true);
    uv_close((uv_handle_t *)poll_of(c), on_closed);
    close(c->fd);
}

/* Goes on with a close as far as it can now. */
static void close_step(struct conn *c)
{
    if (c->state == ABORTED || (c->state == FLUSHING && !c->out && !c->linger)) {
        close_now(c);
    } else if (c->state == FLUSHING && !c->out) {
        c->state = LINGERING;
        shutdown(c->fd, SHUT_WR);
        c->blocked = false;
        watch(c);
    }
}

void conn_close(struct conn *c, bool linger)
{
    if (c->state != OPEN)
        return;
    c->state = FLUSHING;
    c->linger = linger && !c->ended;
    watch(c);
    mark_dirty(c);
}

void conn_abort(struct conn *c)
{
    if (c->state == CLOSED)
        return;
    c->state = ABORTED;
    mark_dirty(c);
}

bool conn_closing(const struct conn *c)
{
    return c->state != OPEN;
}

void conn_pause(struct conn *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    if (c->state == OPEN)
        watch(c);
}

static void write_and_close(struct conn *c)
{
    if ((c->state == OPEN || c->state == FLUSHING) && !flush(c)) {
        outbox_clear(c);
        c->state = ABORTED;
    }
    close_step(c);
}

void conns_write(struct loop *l)
{
    while (l->dirty) {
        struct conn *c = l->dirty;
        l->dirty = c->next_dirty;
        c->dirty = false;
        if (c->state != CLOSED)
            write_and_close(c);
    }
}

/* Input. */

static void on_readable(struct conn *c)
{
    struct loop *l = loop_of(c);
    ssize_t n = recv(c->fd, l->read, sizeof(l->read), 0);

    if (n > 0) {
        l->counts.bytes_in += (uint64_t)n;
        if (c->state == OPEN)
            l->handler->on_data(c, l->read, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (c->state == OPEN) {
        conn_pause(c, true);
        end(c, n < 0);
    } else if (c->state == FLUSHING && n == 0) {
        c->linger = false; /* it has ended its side, and may still read what is left */
        end(c, false);
        watch(c);
    } else {
        conn_abort(c);
    }
}

static void on_writable(struct conn *c)
{
    c->blocked = false;
    if (!flush(c)) {
        conn_abort(c);
        return;
    }
    if (c->blocked)
        return;
    watch(c);
    if (c->state == OPEN)
        loop_of(c)->handler->on_drained(c);
    else
        mark_dirty(c);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct conn *c = poll->data;

    if (status < 0) {
        /* So libuv reports an error on the socket, and has stopped to poll it. What came before the
         * error, a close frame perhaps, can still be read. */
        if (c->state == OPEN)
            on_readable(c);
        conn_abort(c);
        return;
    }
    if (events & UV_WRITABLE && c->blocked)
        on_writable(c);
    if (events & UV_READABLE && c->state != CLOSED && c->state != ABORTED)
        on_readable(c);
}
