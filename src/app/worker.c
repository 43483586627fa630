/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the order of a turn.
 *
 * The seven stages (docs/architecture.md) in one function: worker_turn(). Events mark; the end of
 * the turn acts. No session is freed in the middle of a turn, so a pointer to one is good until it
 * ends; subscriptions and topics may go with any letter and are looked up by id.
 */
#include "app/worker.h"

#include <time.h>

#include "app/clustering.h"
#include "app/fanout.h"
#include "app/home.h"
#include "app/inquiry.h"
#include "app/session.h"
#include "base/heap.h"
#include "base/log.h"

enum { SESSION_TICK_MS = 64, CLOSE_STEP_MS = 50, CLOSES_PER_STEP_MIN = 50, STOP_SLACK_MS = 3000 };

struct worker *worker_new(struct node *node, uint16_t index)
{
    struct worker *w = heap_zalloc(1, sizeof(*w));

    w->node = node;
    w->index = index;
    w->loop = loop_new(&session_handler, w);
    w->mailbox.loop = w->loop;
    w->out = heap_zalloc(node->workers_len, sizeof(*w->out));
    hub_init(&w->hub, node->seed, node->id, index);
    w->hub.topics_max = (node->config->topics_max + node->workers_len - 1) / node->workers_len;
    wheel_init(&w->wheel, SESSION_TICK_MS, loop_now_ms(w->loop));
    pool_init(&w->sessions, sizeof(struct session));
    pool_init(&w->subscriptions, sizeof(struct subscription));
    pool_init(&w->inquiries, sizeof(struct inquiry));
    audiences_init(&w->audiences);
    buf_init(&w->scratch, BUF_UNBOUNDED);
    w->now_ms = loop_now_ms(w->loop);
    w->unix_s = time(NULL);
    clustering_open(w);
    return w;
}

bool worker_listen(struct worker *w, const struct listen_address *a, struct buf *error)
{
    const struct config *config = w->node->config;
    struct listen_options options = {
        .send_buffer = (uint32_t)config->send_buffer_bytes,
        .user_timeout = config->idle_timeout_ms,
        .backlog = 4096,
    };
    struct listener *li = listener_open(w->loop, a, &options, session_accept, error);

    if (!li)
        return false;
    w->listeners = heap_realloc(w->listeners, (w->listeners_len + 1) * sizeof(struct listener *));
    w->listeners[w->listeners_len++] = li;
    return true;
}

static void close_listeners(struct worker *w)
{
    for (size_t i = 0; i < w->listeners_len; i++)
        listener_close(w->listeners[i]);
    w->listeners_len = 0;
}

void worker_free(struct worker *w)
{
    struct letter *l, *next;

    close_listeners(w);
    for (uint16_t i = 0; i < w->node->workers_len; i++)
        for (l = w->out[i].first; l; l = next) {
            next = l->next;
            letter_free(l);
        }
    for (l = w->answers.first; l; l = next) {
        next = l->next;
        letter_free(l);
    }
    for (l = mailbox_take(&w->mailbox); l; l = next) {
        next = l->next;
        letter_free(l);
    }
    assert(w->sessions.live == 0);
    subscriptions_release(w);
    clustering_close(w);
    hub_release(&w->hub);
    pool_release(&w->sessions);
    inquiries_release(w);
    audiences_release(&w->audiences);
    http1_free(w->spare);
    buf_release(&w->scratch);
    loop_free(w->loop);
    heap_free(w->listeners);
    heap_free(w->out);
    heap_free(w);
}

/* Stopping. */

static void stop(struct worker *w)
{
    uint32_t steps = w->node->config->drain_ms / CLOSE_STEP_MS + 1;

    if (w->stopping)
        return;
    w->stopping = true;
    w->stop_at_ms = w->now_ms + w->node->config->drain_ms + STOP_SLACK_MS;
    w->next_close_ms = w->now_ms;
    w->close_batch = w->sessions.live / steps + CLOSES_PER_STEP_MIN;
    close_listeners(w);
}

/* Closes are spread over `drain`, so that the clients do not all come back in one instant. */
static void stop_step(struct worker *w)
{
    struct session *s;

    if (!w->stopping || w->now_ms < w->next_close_ms)
        return;
    w->next_close_ms = w->now_ms + CLOSE_STEP_MS;
    if (w->now_ms >= w->stop_at_ms) {
        uint32_t slot = 0;
        while ((s = pool_next(&w->sessions, &slot)))
            session_abort(s);
        return;
    }
    for (uint32_t i = 0; i < w->close_batch && (s = pool_next(&w->sessions, &w->close_slot)); i++)
        session_end(s, END_STOPPING);
}

/* The turn. */

static void receive(struct worker *w, struct letter *l)
{
    switch (l->kind) {
    case LETTER_JOIN:
    case LETTER_LEAVE:
    case LETTER_UPDATE:
    case LETTER_PUBLISH:
    case LETTER_STATE_WANTED:
    case LETTER_COUNTS_WANTED:
    case LETTER_PAGE_WANTED:
        home_receive(w, l);
        return;
    case LETTER_JOINED:
        session_joined(w, l);
        break;
    case LETTER_ANNOUNCE:
        fanout_announce(w, &l->announce);
        break;
    case LETTER_EVENT:
        fanout_event(w, &l->announce);
        break;
    case LETTER_STATE:
        fanout_state(w, l);
        break;
    case LETTER_COUNTS:
        inquiry_answer(w, l);
        break;
    case LETTER_PAGE:
        subscription_page(w, l);
        break;
    case LETTER_OUTAGE:
        clustering_outage(w, &l->outage);
        break;
    case LETTER_STOP:
        stop(w);
        break;
    case LETTER_KINDS:
        assert(!"a kind of letter");
    }
    letter_free(l);
}

static void receive_all(struct worker *w, struct letter *l)
{
    for (struct letter *next; l; l = next) {
        next = l->next;
        receive(w, l);
    }
}

/* Letters to this worker itself: the short way, until there are none. */
static void receive_own(struct worker *w)
{
    while (w->out[w->index].first) {
        struct letter *l = w->out[w->index].first;
        w->out[w->index] = (struct batch){0};
        receive_all(w, l);
    }
}

static void receive_mail(struct worker *w)
{
    receive_all(w, mailbox_take(&w->mailbox));
    receive_own(w);
}

static void deliver_mail(struct worker *w)
{
    for (uint16_t i = 0; i < w->node->workers_len; i++)
        if (i != w->index)
            mailbox_deliver(&w->node->workers[i]->mailbox, &w->out[i]);
}

static void expire_sessions(struct worker *w)
{
    struct wheel_timer *t;

    while ((t = wheel_pop(&w->wheel, w->now_ms)))
        session_timer(CONTAINER_OF(t, struct session, timer));
}

void worker_read_clock(struct worker *w)
{
    uint64_t now_ms = loop_now_ms(w->loop);

    if (now_ms == w->now_ms)
        return;
    w->now_ms = now_ms;
    w->unix_s = time(NULL);
}

static uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Until when there is nothing to do unless something happens. */
static uint64_t quiet_until(struct worker *w)
{
    if (w->out[w->index].first)
        return 0;
    uint64_t at = min_ms(hub_next_ms(&w->hub), wheel_next_ms(&w->wheel));
    at = min_ms(at, clustering_next_ms(w));
    return w->stopping ? min_ms(at, w->next_close_ms) : at;
}

static void publish_metrics(struct worker *w)
{
    struct metrics *m = &w->metrics;
    const struct loop_counts *c = loop_counts(w->loop);

    m->sessions = w->sessions.live;
    m->subscriptions = w->subscriptions.live;
    m->audiences = w->audiences.pool.live;
    m->inquiries = w->inquiries.live;
    m->topics = w->hub.topics_len;
    m->presences = w->hub.tables.presences.live;
    m->keys = w->hub.tables.keys.len;
    m->absent = w->hub.tables.absents_len;
    m->timers = w->wheel.live + w->hub.rests.live + w->hub.tables.wheel.live;
    m->letters = w->out[w->index].first != NULL;
    m->outboxes = c->outboxes;
    m->writes = c->writes;
    m->bytes_in = c->bytes_in;
    m->bytes_out = c->bytes_out;
    if (w->cluster)
        clustering_count(w);
    metrics_publish(&w->published, m);
}

void worker_turn(struct worker *w)
{
    loop_poll(w->loop,
              quiet_until(w)); /* 1-3: sessions are fed, and write letters to topics' homes */
    worker_read_clock(w);
    expire_sessions(w); /* pings, deadlines, tokens that end */
    clustering_tick(w); /* leases; what other nodes told marks topics too */
    receive_mail(w);    /* 4: topics are marked; joins are answered */
    home_announce(w);   /* 5-6: what is due becomes a diff or a count, encoded once */
    receive_own(w);     /* 7: and goes to this worker's audiences */
    stop_step(w);
    deliver_mail(w); /* the same for other workers; before the writes, so that they need not wait */
    w->metrics.turns++;
    publish_metrics(w);   /* whoever reads an answer of this turn finds it counted */
    conns_write(w->loop); /* one call per connection with output; closes what is done */
    publish_metrics(w);   /* and what was written */
}

void worker_run(struct worker *w)
{
    /* Topics at home here may have an audience elsewhere, so all workers stay until the last
     * session is closed. */
    while (!w->stopping || atomic_load(&w->node->sessions))
        worker_turn(w);
    clustering_leave(w);
    deliver_mail(w);
}
