/* SPDX-License-Identifier: MIT */
/*
 * server.c - starts the workers, waits for a signal, stops them.
 *
 * The order of start: claim every address, make every worker, open every worker's sockets, and only
 * then run; so a mistake is told before anything is served. The main thread serves nothing: it
 * waits for signals.
 */
#include "app/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include <openssl/rand.h>

#include "app/clustering.h"
#include "app/session.h"
#include "app/worker.h"
#include "base/heap.h"
#include "base/log.h"

struct server {
    struct node node;
    struct listen_address *addresses;
    pthread_t *threads;
};

static void *thread_main(void *arg)
{
    worker_run(arg);
    return NULL;
}

/* As many file descriptors as we may have: each session is one. */
static void raise_file_limit(uint32_t sessions_max)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < sessions_max)
        log_warn("only %llu file descriptors are allowed, fewer than sessions_max = %u; raise the "
                 "limit (ulimit -n)",
                 (unsigned long long)limit.rlim_cur, sessions_max);
}

static bool node_init(struct node *n, const struct config *config, struct buf *error)
{
    n->config = config;
    n->workers_len = (uint16_t)config->workers;
    n->workers = heap_zalloc(n->workers_len, sizeof(struct worker *));
    n->limits = (struct session_limits){
        .meta_bytes_max = (uint32_t)config->meta_bytes_max,
        .topic_bytes_max = (uint32_t)config->topic_bytes_max,
        .topics_per_session_max = config->topics_per_session_max,
        .idle_timeout_ms = config->idle_timeout_ms,
    };
    n->http_limits = (struct http_limits){
        .head_bytes_max = (uint32_t)config->head_bytes_max,
        .uri_bytes_max = (uint32_t)config->uri_bytes_max,
        .headers_max = config->headers_max,
        .body_bytes_max = (uint32_t)config->body_bytes_max,
    };
    if (RAND_bytes((unsigned char *)&n->seed, sizeof(n->seed)) != 1 ||
        RAND_bytes((unsigned char *)&n->id, sizeof(n->id)) != 1) {
        buf_put(error, B("no random numbers from the system"));
        return false;
    }
    n->auth = auth_new(config, error);
    return n->auth != NULL && clustering_init(n, error);
}

static bool open_all(struct server *s, struct buf *error)
{
    const struct config *config = s->node.config;

    s->addresses = heap_zalloc(config->listen_count, sizeof(*s->addresses));
    for (size_t i = 0; i < config->listen_count; i++)
        if (!listen_address_claim(&s->addresses[i], config->listen[i].host, config->listen[i].port,
                                  error))
            return false;
    for (uint16_t i = 0; i < s->node.workers_len; i++) {
        s->node.workers[i] = worker_new(&s->node, i);
        for (size_t k = 0; k < config->listen_count; k++)
            if (!worker_listen(s->node.workers[i], &s->addresses[k], error))
                return false;
    }
    return true;
}

static void run_workers(struct server *s)
{
    struct node *n = &s->node;

    s->threads = heap_zalloc(n->workers_len, sizeof(*s->threads));
    for (uint16_t i = 0; i < n->workers_len; i++) {
        int bad = pthread_create(&s->threads[i], NULL, thread_main, n->workers[i]);
        assert(!bad);
    }
}

static void release(struct server *s)
{
    for (uint16_t i = 0; i < s->node.workers_len; i++)
        if (s->node.workers[i])
            worker_free(s->node.workers[i]);
    clustering_release(&s->node);
    auth_free((struct auth *)(uintptr_t)s->node.auth);
    heap_free(s->node.workers);
    heap_free(s->addresses);
    heap_free(s->threads);
    heap_free(s);
}

struct server *server_start(const struct config *config, struct buf *error)
{
    struct server *s = heap_zalloc(1, sizeof(*s));

    if (node_init(&s->node, config, error) && open_all(s, error)) {
        run_workers(s);
        return s;
    }
    release(s);
    return NULL;
}

void server_addresses(const struct server *s, struct buf *out)
{
    for (size_t i = 0; i < s->node.config->listen_count; i++) {
        listen_address_text(&s->addresses[i], out);
        buf_put_char(out, '\n');
    }
}

void server_metrics(const struct server *s, struct metrics *sum)
{
    for (uint16_t i = 0; i < s->node.workers_len; i++)
        metrics_add(sum, &s->node.workers[i]->published);
}

void server_stop(struct server *s)
{
    struct node *n = &s->node;

    for (uint16_t i = 0; i < n->workers_len; i++) {
        struct batch b = {0};
        batch_add(&b, letter_new(LETTER_STOP, 0));
        mailbox_deliver(&n->workers[i]->mailbox, &b);
    }
    for (uint16_t i = 0; i < n->workers_len; i++)
        pthread_join(s->threads[i], NULL);
    release(s);
}

/* The program. */

/* On standard output, for people and scripts: it names the port that was chosen for `:0`. */
static void print_addresses(const struct server *s)
{
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    server_addresses(s, &text);
    for (struct bytes rest = buf_bytes(&text); rest.len;) {
        size_t len = bytes_find(rest, '\n');
        printf("listening on http://%.*s/%s\n", (int)len, rest.ptr,
               s->node.config->demo ? "  (the demo)" : "");
        rest = bytes_skip(rest, len + 1);
    }
    fflush(stdout);
    buf_release(&text);
}

static void wait_for_stop(const sigset_t *signals)
{
    int which;

    while (sigwait(signals, &which) != 0)
        ;
    log_info("stopping: %s", which == SIGTERM ? "SIGTERM" : "SIGINT");
    /* Whoever cannot wait for the drain sends a second one. */
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

int server_run(const struct config *config)
{
    struct buf error;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the threads inherit it */
    raise_file_limit(config->sessions_max);
    buf_init(&error, BUF_UNBOUNDED);
    struct server *s = server_start(config, &error);
    if (s) {
        print_addresses(s);
        wait_for_stop(&signals);
        server_stop(s);
    } else {
        log_error("%.*s", (int)error.len, error.ptr);
    }
    buf_release(&error);
    return s ? 0 : 1;
}
