/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "token.h"

enum {
    READ_BYTES = 256 * 1024,
    EVENTS = 512,
    PORTS_PER_ADDRESS = 20000,
    REQUEST_MAX = 2048,
    SMALL_BYTES = 4096
};

static char read_buffer[READ_BYTES];

void crowd_init(struct crowd *c, const struct target *t, uint32_t len)
{
    *c = (struct crowd){.target = *t, .len = len, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    c->clients = calloc(len, sizeof(*c->clients));
    for (uint32_t i = 0; i < len; i++)
        c->clients[i] = (struct client){.fd = -1, .index = i, .viewers = -1, .event = -1};
}

static void drop(struct crowd *c, struct client *cl)
{
    if (cl->fd < 0)
        return;
    if (cl->state == CLIENT_JOINED)
        c->joined--;
    close(cl->fd);
    free(cl->partial);
    cl->partial = NULL;
    cl->partial_len = 0;
    cl->fd = -1;
    cl->state = CLIENT_CLOSED;
}

void crowd_release(struct crowd *c)
{
    for (uint32_t i = 0; i < c->len; i++)
        drop(c, &c->clients[i]);
    free(c->clients);
    close(c->epoll);
}

static void watch(struct crowd *c, struct client *cl, int op, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data = {.u32 = cl->index}};

    epoll_ctl(c->epoll, op, cl->fd, &ev);
}

void crowd_open(struct crowd *c, uint32_t i, uint64_t topic)
{
    struct client *cl = &c->clients[i];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->target.port)};
    /* One source address has too few ports for all. */
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(0x7f000001 + (c->first + i) / PORTS_PER_ADDRESS)}};
    int on = 1, small = SMALL_BYTES;

    inet_pton(AF_INET, c->target.host, &to.sin_addr);
    cl->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (cl->fd < 0) {
        perror("socket");
        exit(3);
    }
    setsockopt(cl->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (cl->small)
        setsockopt(cl->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    if (c->first + i >= PORTS_PER_ADDRESS) {
        setsockopt(cl->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        bind(cl->fd, (struct sockaddr *)&from, sizeof(from));
    }
    cl->topic = topic;
    cl->viewers = cl->event = -1;
    cl->deaf = cl->refused = false;
    cl->state = CLIENT_CONNECTING;
    if (connect(cl->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
        c->errors++;
        drop(c, cl);
        return;
    }
    watch(c, cl, EPOLL_CTL_ADD, EPOLLOUT);
}

double crowd_receive_bytes(const struct crowd *c)
{
    double sum = 0;

    for (uint32_t i = 0; i < c->len; i++) {
        uint32_t info[16] = {0}; /* the first is the memory of the receive queue */
        socklen_t size = sizeof(info);
        if (c->clients[i].fd >= 0 &&
            getsockopt(c->clients[i].fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0)
            sum += info[0];
    }
    return sum;
}

static uint32_t name_of(const struct crowd *c, const struct client *cl)
{
    return c->first + cl->index;
}

/* The path of a room: %u in the template is the topic. */
static size_t put_room(const struct crowd *c, const struct client *cl, char *to, size_t size)
{
    const char *path = c->target.path, *at = strstr(path, "%u");

    if (!at)
        return (size_t)snprintf(to, size, "%s", path);
    return (size_t)snprintf(to, size, "%.*s%llu%s", (int)(at - path), path,
                            (unsigned long long)cl->topic, at + 2);
}

/* The request: path, subprotocol and who it is by the dialect. */
static size_t put_request(const struct crowd *c, const struct client *cl, char *to)
{
    char token[512] = "", who[600] = "", path[400] = "";

    if (c->target.secret) {
        token_make(c->target.secret, name_of(c, cl), token, sizeof(token));
        snprintf(who, sizeof(who), "token=%s", token);
    } else {
        snprintf(who, sizeof(who), "visitor=v%u", name_of(c, cl));
    }
    switch (c->target.speech) {
    case ROOMS:
        put_room(c, cl, path, sizeof(path));
        break;
    case PHOENIX:
        snprintf(path, sizeof(path), "/socket/websocket?vsn=2.0.0");
        break;
    case NATIVE: /* says who it is in its first message */
        snprintf(path, sizeof(path), "/rollcall");
        who[0] = '\0';
        break;
    case SOCKETIO: /* the same */
        snprintf(path, sizeof(path), "/socket.io/?EIO=4&transport=websocket");
        who[0] = '\0';
        break;
    }
    return (size_t)snprintf(
        to, REQUEST_MAX,
        "GET %s%s%s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n",
        path, who[0] ? (strchr(path, '?') ? "&" : "?") : "", who,
        c->target.speech == NATIVE ? "Sec-WebSocket-Protocol: rollcall.v1\r\n" : "");
}

static void send_all(struct crowd *c, struct client *cl, const char *data, size_t len)
{
    if (send(cl->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len) {
        c->errors++;
        drop(c, cl);
    }
}

static void send_frame(struct crowd *c, struct client *cl, unsigned char op, const char *data,
                       size_t len)
{
    char frame[REQUEST_MAX];
    size_t head = 2;

    frame[0] = (char)(0x80 | op);
    if (len < 126) {
        frame[1] = (char)(0x80 | len);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
        head = 4;
    }
    memset(frame + head, 0, 4); /* a mask of zeros changes nothing */
    memcpy(frame + head + 4, data, len);
    send_all(c, cl, frame, head + 4 + len);
}

void crowd_say(struct crowd *c, uint32_t i, const char *text, size_t len)
{
    if (c->clients[i].fd >= 0)
        send_frame(c, &c->clients[i], 1, text, len);
}

void crowd_close(struct crowd *c, uint32_t i, bool politely)
{
    struct client *cl = &c->clients[i];

    if (cl->fd < 0)
        return;
    if (politely)
        send_frame(c, cl, 8, "\x03\xe8", 2);
    drop(c, cl);
}

void crowd_deafen(struct crowd *c, uint32_t i, bool deaf)
{
    c->clients[i].deaf = deaf;
    watch(c, &c->clients[i], EPOLL_CTL_MOD, deaf ? 0 : EPOLLIN);
}

/* Messages. */

static void say(struct crowd *c, struct client *cl, const char *text)
{
    if (cl->fd >= 0)
        send_frame(c, cl, 1, text, strlen(text));
}

static void join_topic(struct crowd *c, struct client *cl)
{
    char text[900], token[512];

    cl->state = CLIENT_JOINING;
    if (c->target.speech == PHOENIX) {
        snprintf(text, sizeof(text),
                 "[\"1\",\"1\",\"post:%llu\",\"phx_join\",{\"presence\":\"count\"}]",
                 (unsigned long long)cl->topic);
        say(c, cl, text);
    } else if (c->target.speech == NATIVE) {
        if (c->target.secret) {
            token_make(c->target.secret, name_of(c, cl), token, sizeof(token));
            snprintf(text, sizeof(text), "[\"hello\",{\"token\":\"%s\"}]", token);
        } else {
            snprintf(text, sizeof(text), "[\"hello\",{\"visitor\":\"v%u\"}]", name_of(c, cl));
        }
        say(c, cl, text);
        snprintf(text, sizeof(text), "[\"join\",1,\"post:%llu\",{}]",
                 (unsigned long long)cl->topic);
        say(c, cl, text);
    }
}

static int64_t number_after(const char *text, size_t len, const char *name)
{
    const char *at = memmem(text, len, name, strlen(name));

    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* The second number behind the name of ["count",id,viewers,people], and the third behind that of
 * ["joined",ref,id,viewers,people,...]. */
static int64_t native_number(struct client *cl, const char *text, size_t len)
{
    bool joined = len > 9 && memcmp(text, "[\"joined\"", 9) == 0;
    const char *at = memchr(text, ',', len), *end;

    if (!joined && (len < 8 || memcmp(text, "[\"count\"", 8) != 0))
        return -1;
    for (int skip = joined ? 1 : 0; at && skip; skip--)
        at = memchr(at + 1, ',', (size_t)(text + len - at - 1));
    if (!at)
        return -1;
    cl->number_id = strtoull(at + 1, (char **)(uintptr_t)&end, 10);
    return strtoll(end + 1, NULL, 10);
}

static void on_text(struct crowd *c, struct client *cl, const char *text, size_t len)
{
    int64_t n = c->target.speech == NATIVE ? native_number(cl, text, len)
                                           : number_after(text, len, "\"viewers\":");
    uint64_t now;

    cl->frames++;
    cl->bytes += len;
    c->frames++;
    c->bytes += len;
    if (n < 0) {
        n = c->on_event && cl->state == CLIENT_JOINED ? number_after(text, len, "{\"n\":") : -1;
        if (n >= 0) {
            c->on_event(c, cl, n);
            cl->event = n;
        }
        return;
    }
    now = now_ns();
    cl->viewers = n;
    if (cl->state == CLIENT_JOINING) {
        cl->state = CLIENT_JOINED;
        cl->joined_ns = now;
        c->joined++;
    }
    if (c->on_number)
        c->on_number(c, cl, n, now);
}

/* Engine.IO packets: 0 open, 2 ping; Socket.IO within 4: 0 connected. True if the message is one of
 * these. */
static bool socketio_control(struct crowd *c, struct client *cl, const char *text, size_t len)
{
    char token[512], answer[600];

    if (len && text[0] == '2') {
        say(c, cl, "3");
    } else if (len && text[0] == '0') {
        if (c->target.secret)
            token_make(c->target.secret, name_of(c, cl), token, sizeof(token));
        snprintf(answer, sizeof(answer), c->target.secret ? "40{\"token\":\"%s\"}" : "40", token);
        say(c, cl, answer);
    } else if (len > 1 && text[0] == '4' && text[1] == '0') {
        snprintf(answer, sizeof(answer), "42[\"join\",\"post:%llu\"]",
                 (unsigned long long)cl->topic);
        say(c, cl, answer);
    } else {
        return false;
    }
    return true;
}

static void on_frame(struct crowd *c, struct client *cl, unsigned char op, const char *data,
                     size_t len)
{
    if (op == 1 && c->target.speech == SOCKETIO && socketio_control(c, cl, data, len))
        return;
    if (op == 1) {
        on_text(c, cl, data, len);
    } else if (op == 9) {
        send_frame(c, cl, 10, data, len);
    } else if (op == 8) {
        cl->refused = true;
        c->errors++;
        drop(c, cl);
    }
}

/* Handles what is whole at the front of `data` and returns how much that was. */
static size_t parse(struct crowd *c, struct client *cl, const char *data, size_t len)
{
    size_t used = 0;

    if (cl->state == CLIENT_HANDSHAKE) {
        const char *end = memmem(data, len, "\r\n\r\n", 4);
        if (!end)
            return 0;
        if (memcmp(data, "HTTP/1.1 101", 12) != 0) {
            cl->refused = true;
            c->errors++;
            drop(c, cl);
            return len;
        }
        used = (size_t)(end + 4 - data);
        cl->state = CLIENT_JOINING;
        join_topic(c, cl);
    }
    while (cl->fd >= 0 && len - used >= 2) {
        const unsigned char *f = (const unsigned char *)data + used;
        size_t head = 2, size = f[1] & 0x7f;
        if (size == 126) {
            head = 4;
            if (len - used < head)
                break;
            size = (size_t)f[2] << 8 | f[3];
        } else if (size == 127) {
            head = 10;
            if (len - used < head)
                break;
            size = (size_t)f[6] << 24 | (size_t)f[7] << 16 | (size_t)f[8] << 8 | f[9];
        }
        if (len - used < head + size)
            break;
        on_frame(c, cl, f[0] & 15, data + used + head, size);
        used += head + size;
    }
    return cl->fd < 0 ? len : used;
}

static void keep(struct client *cl, const char *data, size_t len)
{
    char *rest = len ? memcpy(malloc(len), data, len) : NULL;

    free(cl->partial);
    cl->partial = rest;
    cl->partial_len = (uint32_t)len;
}

static void on_readable(struct crowd *c, struct client *cl)
{
    size_t before = cl->partial_len;

    if (before)
        memcpy(read_buffer, cl->partial, before);
    ssize_t n = recv(cl->fd, read_buffer + before, sizeof(read_buffer) - before, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        c->errors++;
        drop(c, cl);
        return;
    }
    if (n < 0)
        return;
    size_t len = before + (size_t)n, used = parse(c, cl, read_buffer, len);
    if (cl->fd >= 0 && (before || used < len))
        keep(cl, read_buffer + used, len - used);
}

static void on_connected(struct crowd *c, struct client *cl)
{
    char request[REQUEST_MAX];
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(cl->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        c->errors++;
        drop(c, cl);
        return;
    }
    watch(c, cl, EPOLL_CTL_MOD, EPOLLIN);
    cl->state = CLIENT_HANDSHAKE;
    cl->asked_ns = now_ns();
    send_all(c, cl, request, put_request(c, cl, request));
}

bool crowd_step(struct crowd *c, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(c->epoll, events, EVENTS, wait_ms);

    for (int i = 0; i < n; i++) {
        struct client *cl = &c->clients[events[i].data.u32];
        if (cl->fd < 0)
            continue;
        if (cl->state == CLIENT_CONNECTING)
            on_connected(c, cl);
        else if (!cl->deaf || events[i].events & (EPOLLHUP | EPOLLERR))
            on_readable(c, cl);
    }
    return n > 0;
}

void crowd_run(struct crowd *c, uint64_t until_ns)
{
    for (uint64_t now = now_ns(); now < until_ns; now = now_ns()) {
        uint64_t left_ms = (until_ns - now) / 1000000;
        crowd_step(c, left_ms < 100 ? (int)left_ms : 100);
    }
}
