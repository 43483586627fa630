/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - many WebSocket clients in one thread, as cheap as clients can be.
 *
 * A client is a socket, a few counters and the last number it was shown. The crowd reads frames,
 * looks for that number and calls a hook; it answers pings. It is no conformance test: what it does
 * not expect it counts as an error.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum speech { ROOMS, NATIVE, PHOENIX, SOCKETIO /* of Socket.IO servers, for comparison */ };

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_HANDSHAKE,
    CLIENT_JOINING,
    CLIENT_JOINED
};

struct client {
    int fd;
    uint8_t state;
    bool deaf;  /* does not read */
    bool small; /* has little room for what it did not read, from its next opening on */
    bool refused;
    uint32_t index;
    uint64_t topic;     /* its number in the scenario */
    uint64_t number_id; /* native: of the topic */
    int64_t viewers;    /* the last number shown, -1: none yet */
    int64_t event;      /* the last relayed event's number, -1: none yet */
    uint64_t frames, bytes;
    uint64_t asked_ns; /* when its request was sent */
    uint64_t joined_ns;
    char *partial; /* an unfinished frame or head */
    uint32_t partial_len;
};

struct target {
    char host[64];
    uint16_t port;
    enum speech speech;
    const char *secret; /* signs a token per client, or NULL: a visitor id per client */
    const char *path;   /* rooms: with %u for the topic's number */
};

struct crowd {
    struct target target;
    struct client *clients;
    uint32_t len;
    uint32_t first; /* added to indexes for names and addresses, so that crowds can be told apart */
    int epoll;
    uint64_t frames, bytes, errors;
    uint32_t joined;
    /* A number was shown to a client that had joined. May be NULL. */
    void (*on_number)(struct crowd *c, struct client *cl, int64_t viewers, uint64_t now_ns);
    /* A relayed event came, {"n":`number`}. May be NULL. */
    void (*on_event)(struct crowd *c, struct client *cl, int64_t number);
    void *data;
};

void crowd_init(struct crowd *c, const struct target *t, uint32_t len);
void crowd_release(struct crowd *c);

/* Starts to connect client `i`, which will join topic number `topic`. */
void crowd_open(struct crowd *c, uint32_t i, uint64_t topic);
/* Ends client `i`: with a close frame 1000, or by just dropping the connection. */
void crowd_close(struct crowd *c, uint32_t i, bool politely);
/* Sends a text message. */
void crowd_say(struct crowd *c, uint32_t i, const char *text, size_t len);
/* Starts and stops reading. */
void crowd_deafen(struct crowd *c, uint32_t i, bool deaf);
/* What the kernel holds for the clients' ends because they did not read it. */
double crowd_receive_bytes(const struct crowd *c);
/* Handles what comes until `until_ns`. */
void crowd_run(struct crowd *c, uint64_t until_ns);
/* Handles what is there, waiting at most `wait_ms`. False if there was nothing. */
bool crowd_step(struct crowd *c, int wait_ms);

#endif
