/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "net/internal.h"

enum { ACCEPTS_PER_EVENT = 64, PAUSE_MS = 100 };

struct listener {
    uv_poll_t poll;
    uv_timer_t pause; /* runs while there are no file descriptors left */
    void (*on_accept)(struct loop *l, int fd);
    struct loop *loop;
    int fd;
    int handles; /* that libuv still holds */
};

static void set_option(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        log_warn("socket option %d/%d: %s", level, name, strerror(errno));
}

/* A bound socket, or -1 with errno. */
static int bind_socket(const struct listen_address *a, bool shared)
{
    const struct sockaddr *addr = (const struct sockaddr *)(const void *)a->storage;
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (addr->sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, addr, a->len) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

bool listen_address_claim(struct listen_address *a, const char *host, uint16_t port,
                          struct buf *error)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];

    snprintf(service, sizeof(service), "%u", port);
    int bad = getaddrinfo(host, service, &hints, &found);
    if (bad) {
        buf_printf(error, "listen %s:%u: %s", host, port, gai_strerror(bad));
        return false;
    }
    assert(found->ai_addrlen <= sizeof(a->storage));
    memset(a, 0, sizeof(*a));
    memcpy(a->storage, found->ai_addr, found->ai_addrlen);
    a->len = (uint32_t)found->ai_addrlen;
    freeaddrinfo(found);

    int fd = bind_socket(a, false);
    socklen_t len = sizeof(a->storage);
    if (fd < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)(void *)a->storage, &len) < 0) {
        buf_printf(error, "listen %s:%u: %s", host, port, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

void listen_address_text(const struct listen_address *a, struct buf *out)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    const struct sockaddr *addr = (const struct sockaddr *)(const void *)a->storage;

    if (getnameinfo(addr, a->len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        buf_put(out, B("?"));
    else
        buf_printf(out, addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void on_pause_over(uv_timer_t *timer);

/* Out of file descriptors: the connections wait in the backlog rather than that we spin on them. */
static void pause_accepting(struct listener *li, int why)
{
    log_warn("accept: %s; trying again in %d ms", strerror(why), PAUSE_MS);
    uv_poll_stop(&li->poll);
    uv_timer_start(&li->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *li = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(li->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            li->on_accept(li->loop, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(li, errno);
        else if (errno == ECONNABORTED || errno == EINTR)
            continue;
        return;
    }
}

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *li = timer->data;
    uv_poll_start(&li->poll, UV_READABLE, on_connection);
}

struct listener *listener_open(struct loop *l, const struct listen_address *a,
                               const struct listen_options *options,
                               void (*on_accept)(struct loop *l, int fd), struct buf *error)
{
    int fd = bind_socket(a, true);

    if (fd < 0) {
        buf_printf(error, "listen: %s", strerror(errno));
        return NULL;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options->send_buffer)
        set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)options->send_buffer);
#ifdef TCP_USER_TIMEOUT
    if (options->user_timeout)
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)options->user_timeout);
#endif
    if (listen(fd, options->backlog) < 0) {
        buf_printf(error, "listen: %s", strerror(errno));
        close(fd);
        return NULL;
    }
    struct listener *li = heap_zalloc(1, sizeof(*li));
    li->fd = fd;
    li->loop = l;
    li->on_accept = on_accept;
    li->handles = 2;
    uv_poll_init(&l->uv, &li->poll, fd);
    uv_timer_init(&l->uv, &li->pause);
    li->poll.data = li->pause.data = li;
    uv_poll_start(&li->poll, UV_READABLE, on_connection);
    return li;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *li = handle->data;

    if (--li->handles == 0)
        heap_free(li);
}

void listener_close(struct listener *li)
{
    uv_close((uv_handle_t *)&li->poll, on_handle_closed);
    close(li->fd);
    uv_close((uv_handle_t *)&li->pause, on_handle_closed);
}

void socket_refuse(int fd, struct bytes answer)
{
    if (send(fd, answer.ptr, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        shutdown(fd, SHUT_WR);
    close(fd);
}
