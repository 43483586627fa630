/* SPDX-License-Identifier: MIT */
/*
 * server_threads_test.c - the whole server with four workers under a crowd of threads that join,
 * leave, talk, break off and ask, in every dialect: afterwards every number is right and nothing is
 * left.
 *
 * What the threads do comes from a seed that is printed; CROWD_SEED sets it. When they do it is the
 * machine's choice.
 */
#include "app/server.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "app/crowd_test.h"
#include "app/metrics.h"

enum { THREADS = 6, TOPICS = 12, STAYERS = 20, RUN_MS = 3000 };

struct actor {
    const struct crowd *crowd;
    atomic_bool *over;
    uint64_t random;
    uint32_t visits;
    pthread_t thread;
};

static uint32_t draw(struct actor *a, uint32_t below)
{
    a->random ^= a->random << 13;
    a->random ^= a->random >> 7;
    a->random ^= a->random << 17;
    return (uint32_t)(a->random >> 32) % below;
}

/* What comes is not looked at, but room is made for more. */
static void listen_a_while(struct actor *a, int fd)
{
    struct buf got;

    buf_init(&got, BUF_UNBOUNDED);
    socket_patience(fd, 2);
    for (uint32_t i = draw(a, 4); i; i--)
        if (socket_read(fd, &got) <= 0)
            break;
    socket_patience(fd, SOCKET_PATIENCE_MS);
    buf_release(&got);
}

static void end(struct actor *a, int fd)
{
    static const struct bytes closes[] = {
        {"\x88\x82\0\0\0\0\x03\xe8", 8}, /* 1000 */
        {"\x88\x82\0\0\0\0\x03\xe9", 8}, /* 1001 */
        {"\x88\x80\0\0\0\0", 6},
        {"\x81\x05naked", 7}, /* without a mask */
    };

    switch (draw(a, 4)) {
    case 0:
        socket_break(fd);
        return;
    case 1:
        socket_finish(fd);
        break;
    case 2:
        if (socket_send(fd, closes[draw(a, ARRAY_LEN(closes))]))
            crowd_wait(fd, "nothing is like this"); /* until the server ends it */
        break;
    default:
        break;
    }
    close(fd);
}

static void visit_native(struct actor *a)
{
    int fd = crowd_open(a->crowd, "/rollcall", "rollcall.v1");
    char text[160];

    snprintf(text, sizeof(text), "[\"hello\",{\"visitor\":\"v%u\"}]", draw(a, 50));
    bool good = crowd_say(fd, draw(a, 3) ? text : "[\"hello\"]");
    for (uint32_t i = draw(a, 6); good && i; i--) {
        snprintf(text, sizeof(text),
                 "[\"%s\",%u,\"post:%u\",{\"mode\":\"%s\",\"meta\":{\"n\":%u}}]",
                 draw(a, 4) ? "join" : "watch", i, draw(a, TOPICS), draw(a, 2) ? "list" : "count",
                 draw(a, 9));
        good = crowd_say(fd, text);
    }
    if (draw(a, 2))
        listen_a_while(a, fd);
    for (uint32_t i = draw(a, 8); good && i; i--) {
        /* Numbers of topics are multiples of 256 and a home; most of these are wrong. */
        static const char *const talk[] = {"[\"leave\",9,%u]", "[\"update\",9,%u,{\"a\":1}]",
                                           "[\"publish\",9,%u,\"clap\",[1]]"};
        char format[64];
        snprintf(format, sizeof(format), "%s", talk[draw(a, ARRAY_LEN(talk))]);
        char *number = strchr(format, '%');
        *number = '\0';
        snprintf(text, sizeof(text), "%s%u%s", format, draw(a, 4) * 256 + draw(a, 4), number + 2);
        good = crowd_say(fd, text);
    }
    if (draw(a, 2))
        listen_a_while(a, fd);
    end(a, fd);
}

static void visit_phoenix(struct actor *a)
{
    char text[128];

    snprintf(text, sizeof(text), "/socket/websocket?vsn=2.0.0&visitor=v%u", draw(a, 50));
    int fd = crowd_open(a->crowd, text, NULL);
    bool good = true;
    for (uint32_t i = draw(a, 8); good && i; i--) {
        static const char *const events[] = {"phx_join", "phx_join", "phx_leave", "clap"};
        snprintf(text, sizeof(text), "[\"%u\",\"%u\",\"post:%u\",\"%s\",{\"presence\":\"%s\"}]",
                 draw(a, 3), i, draw(a, TOPICS), events[draw(a, ARRAY_LEN(events))],
                 draw(a, 2) ? "count" : "list");
        good = crowd_say(fd, text);
    }
    if (draw(a, 3))
        listen_a_while(a, fd);
    end(a, fd);
}

static void visit_rooms(struct actor *a)
{
    char target[64];

    snprintf(target, sizeof(target), "/live/%u?visitor=v%u", draw(a, TOPICS), draw(a, 50));
    int fd = crowd_open(a->crowd, target, NULL);
    if (draw(a, 2))
        crowd_wait(fd, "room_joined");
    if (draw(a, 2))
        crowd_say(fd, "{\"type\":\"ping\"}");
    if (draw(a, 2))
        listen_a_while(a, fd);
    end(a, fd);
}

static void ask(struct actor *a)
{
    char target[64];

    if (draw(a, 4) == 0) {
        heap_free(crowd_get(a->crowd, "/metrics"));
        return;
    }
    snprintf(target, sizeof(target), "/api/v1/topics/post:%u", draw(a, TOPICS));
    if (draw(a, 2)) {
        heap_free(crowd_get(a->crowd, target));
        return;
    }
    /* Breaks off while the homes are asked. */
    int fd = socket_connect(a->crowd->port);
    char request[128];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    socket_send(fd, bytes_of(request, 1 + draw(a, (uint32_t)strlen(request))));
    end(a, fd);
}

static void *act(void *arg)
{
    struct actor *a = arg;

    for (; !atomic_load_explicit(a->over, memory_order_relaxed); a->visits++)
        switch (draw(a, 5)) {
        case 0:
        case 1:
            visit_native(a);
            break;
        case 2:
            visit_phoenix(a);
            break;
        case 3:
            visit_rooms(a);
            break;
        default:
            ask(a);
            break;
        }
    return NULL;
}

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t seed_of_the_day(void)
{
    const char *given = getenv("CROWD_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

    printf("CROWD_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* Runs the crowd for a while; how many visits there were. */
static uint32_t run_crowd(const struct crowd *c)
{
    struct actor actors[THREADS];
    atomic_bool over = false;
    uint32_t visits = 0;
    uint64_t seed = seed_of_the_day(), until = clock_ms() + RUN_MS;

    for (uint32_t i = 0; i < THREADS; i++) {
        actors[i] = (struct actor){
            .crowd = c, .over = &over, .random = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15)};
        int bad = pthread_create(&actors[i].thread, NULL, act, &actors[i]);
        assert_false(bad);
    }
    while (clock_ms() < until) /* and somebody who looks at the numbers all the time */
        heap_free(crowd_get(c, "/api/v1/topics/post:1"));
    atomic_store(&over, true);
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(actors[i].thread, NULL);
        visits += actors[i].visits;
    }
    return visits;
}

/* What may not be left when everybody has gone. */
static bool nothing_is_left(const struct crowd *c)
{
    struct metrics m = {0};

    server_metrics(c->server, &m);
    return m.sessions + m.websockets + m.subscriptions + m.audiences + m.topics + m.presences +
               m.keys + m.absent + m.timers + m.inquiries + m.outboxes + m.letters ==
           0;
}

static void under_a_crowd_every_number_is_right_and_nothing_is_left(void **state)
{
    static const char *const settings[] = {
        "listen=127.0.0.1:0", "workers=4", "leave_grace=50ms", "drain=0s", "log_level=error", NULL};
    struct crowd c = crowd_start(settings);
    int stayers[STAYERS];
    char *body = NULL;
    (void)state;

    for (size_t i = 0; i < STAYERS; i++)
        stayers[i] = crowd_join(&c, "post:1", i);
    uint32_t visits = run_crowd(&c);
    do { /* until the graces of the last are over */
        heap_free(body);
        body = crowd_get(&c, "/api/v1/topics/post:1");
    } while (strcmp(body, "{\"topic\":\"post:1\",\"viewers\":20,\"people\":20}\n") != 0);
    heap_free(body);
    for (size_t i = 0; i < STAYERS; i++)
        socket_break(stayers[i]);
    while (!nothing_is_left(&c))
        sched_yield();

    print_message("%u visits\n", visits);
    assert_true(visits > THREADS);
    crowd_stop(&c);
}

/* Everybody is connected and talking when the stop comes. */
static void a_stop_under_load_ends(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "workers=4", "leave_grace=10s",
                                           "drain=50ms", NULL};
    struct crowd c = crowd_start(settings);
    char topic[32];
    int fds[40];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        snprintf(topic, sizeof(topic), "post:%zu", i % TOPICS);
        fds[i] = crowd_join(&c, topic, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        crowd_say(fds[i], "[\"join\",2,\"lobby\",{\"mode\":\"list\"}]");
        crowd_say(fds[i], "[\"publish\",3,0,\"clap\",[1]]");
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i += 2)
        socket_break(fds[i]);
    for (size_t i = 1; i < ARRAY_LEN(fds); i += 4)
        socket_finish(fds[i]);
    crowd_stop(&c);

    for (size_t i = 1; i < ARRAY_LEN(fds); i += 2)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_a_crowd_every_number_is_right_and_nothing_is_left),
        cmocka_unit_test(a_stop_under_load_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
