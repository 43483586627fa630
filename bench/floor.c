/* SPDX-License-Identifier: MIT */
/*
 * floor.c - what the kernel alone costs: a server of a hundred lines that checks nothing and counts
 * nothing.
 *
 * It answers every request with a 101 and one frame that says 1. A byte on its standard input makes
 * it send one frame, with the next number, to every connection with one send() each. With it in the
 * place of a server, a scenario measures the least that any server pays on this machine.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, FDS_MAX = 200000, CONTROL = 0 };

static int fds[FDS_MAX];
static uint32_t fds_len, slots[FDS_MAX];

static size_t put_frame(char *to, uint32_t viewers)
{
    int len = snprintf(to + 2, 120, "{\"type\":\"viewer_joined\",\"viewers\":%u,\"people\":%u}",
                       viewers, viewers);

    to[0] = (char)0x81;
    to[1] = (char)len;
    return (size_t)len + 2;
}

static void answer(int fd)
{
    static const char head[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    char out[512];
    size_t len = sizeof(head) - 1;

    memcpy(out, head, len);
    len += put_frame(out + len, 1);
    if (send(fd, out, len, MSG_NOSIGNAL) < 0)
        return;
}

static void forget(int fd)
{
    uint32_t slot = slots[fd];

    fds[slot] = fds[--fds_len];
    slots[fds[slot]] = slot;
    close(fd);
}

static void tell_all(uint32_t number)
{
    char frame[128];
    size_t len = put_frame(frame, number);

    for (uint32_t i = 0; i < fds_len; i++)
        if (send(fds[i], frame, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return;
}

static void accept_all(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
        slots[fd] = fds_len;
        fds[fds_len++] = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
    }
}

/* A request has a blank line; anything else that comes is a close. */
static void read_client(int fd)
{
    char buf[4096];
    ssize_t n = recv(fd, buf, sizeof(buf), 0);

    if (n > 4 && memcmp(buf, "GET ", 4) == 0) {
        answer(fd);
    } else {
        if (n > 0)
            send(fd, "\x88\x02\x03\xe8", 4, MSG_NOSIGNAL);
        forget(fd);
    }
}

static int open_listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0) {
        perror("floor");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&a, &len);
    printf("listening on http://127.0.0.1:%u/\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(void)
{
    int listener = open_listener(), epoll = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    struct rlimit files;
    uint32_t number = 1;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
    ev.data.fd = CONTROL;
    epoll_ctl(epoll, EPOLL_CTL_ADD, CONTROL, &ev);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            char byte;
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else if (events[i].data.fd != CONTROL)
                read_client(events[i].data.fd);
            else if (read(CONTROL, &byte, 1) == 1)
                tell_all(++number);
            else
                return 0;
        }
    }
}
