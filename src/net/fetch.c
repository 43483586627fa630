/* SPDX-License-Identifier: MIT */
#include "net/fetch.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { HOST_MAX = 256, PORT_MAX = 6, ANSWER_MAX = 4 * 1024 * 1024, READ_BYTES = 16 * 1024 };

/* `http://HOST[:PORT]`, with a slash behind it or not; IPv6 addresses stand in brackets. */
static bool split(const char *origin, char host[HOST_MAX], char port[PORT_MAX])
{
    const struct bytes scheme = B("http://");
    struct bytes rest = bytes_str(origin), name;
    size_t end;

    if (!bytes_starts(rest, scheme))
        return false;
    rest = bytes_skip(rest, scheme.len);
    if (rest.len && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    bool brackets = rest.len && rest.ptr[0] == '[';
    if (brackets)
        rest = bytes_skip(rest, 1);
    end = bytes_find(rest, brackets ? ']' : ':');
    name = bytes_of(rest.ptr, end);
    rest = bytes_skip(rest, end + brackets);
    if (name.len == 0 || name.len >= HOST_MAX || rest.len > PORT_MAX ||
        (rest.len && (rest.ptr[0] != ':' || rest.len == 1)))
        return false;
    snprintf(host, HOST_MAX, "%.*s", (int)name.len, name.ptr);
    snprintf(port, PORT_MAX, "%.*s", rest.len ? (int)rest.len - 1 : 2,
             rest.len ? rest.ptr + 1 : "80");
    return strspn(port, "0123456789") == strlen(port);
}

/* A connected socket, or -1. */
static int dial(const char *host, const char *port, uint32_t timeout_ms, struct buf *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct addrinfo *all, *a;
    int fd = -1, bad = getaddrinfo(host, port, &hints, &all);

    if (bad) {
        buf_printf(error, "%s", gai_strerror(bad));
        return -1;
    }
    for (a = all; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        bad = errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    if (fd < 0)
        buf_printf(error, "%s", strerror(bad));
    return fd;
}

static bool send_all(int fd, struct bytes data)
{
    while (data.len) {
        ssize_t n = send(fd, data.ptr, data.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data = bytes_skip(data, (size_t)n);
    }
    return true;
}

/* Until the peer ends, which it was asked to do. */
static bool read_all(int fd, struct buf *in)
{
    for (;;) {
        char *room = buf_reserve(in, READ_BYTES);
        if (!room)
            return false;
        ssize_t n = recv(fd, room, READ_BYTES, 0);
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        buf_added(in, (size_t)n);
    }
}

/* Behind the empty line. */
static bool take_body(struct bytes answer, struct buf *body, struct buf *error)
{
    const struct bytes good = B("HTTP/1.1 200 ");
    const char *end = answer.len ? memmem(answer.ptr, answer.len, "\r\n\r\n", 4) : NULL;

    if (!end) {
        buf_put(error, B("the answer is no HTTP"));
        return false;
    }
    if (!bytes_starts(answer, good)) {
        buf_printf(error, "the answer is %.*s", (int)bytes_find(answer, '\r'), answer.ptr);
        return false;
    }
    return buf_put(body, bytes_skip(answer, (size_t)(end - answer.ptr) + 4));
}

bool fetch(const char *origin, struct bytes path, uint32_t timeout_ms, struct buf *body,
           struct buf *error)
{
    char host[HOST_MAX], port[PORT_MAX];
    struct buf out, in;
    bool good = false;

    if (!split(origin, host, port)) {
        buf_put(error, B("allowed: http://HOST[:PORT]"));
        return false;
    }
    int fd = dial(host, port, timeout_ms, error);
    if (fd < 0)
        return false;
    buf_init(&out, BUF_UNBOUNDED);
    buf_init(&in, ANSWER_MAX);
    buf_put(&out, B("GET "));
    buf_put(&out, path);
    buf_printf(&out, " HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", host, port);
    if (send_all(fd, buf_bytes(&out)) && read_all(fd, &in))
        good = take_body(buf_bytes(&in), body, error);
    else
        buf_printf(error, "%s", strerror(errno));
    close(fd);
    buf_release(&out);
    buf_release(&in);
    return good;
}
