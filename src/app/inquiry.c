/* SPDX-License-Identifier: MIT */
#include "app/inquiry.h"

#include "base/heap.h"

static void finish(struct worker *w, struct inquiry *q)
{
    heap_free(q->data);
    heap_free(q->results);
    pool_put(&w->inquiries, q);
}

void inquiry_start(struct session *s, const struct bytes *topics, size_t len,
                   void (*done)(struct session *s, const struct inquiry *q), void *data)
{
    struct worker *w = s->worker;
    struct inquiry *q = pool_take(&w->inquiries);

    assert(len >= 1 && len <= INQUIRY_TOPICS_MAX && s->phase == SESSION_HTTP);
    q->session = pool_id(s);
    q->done = done;
    q->data = data;
    q->results = heap_zalloc(len, sizeof(*q->results));
    q->len = q->waiting = (uint32_t)len;
    for (uint32_t i = 0; i < len; i++) {
        struct letter *l = letter_new(LETTER_COUNTS_WANTED, topics[i].len);
        char *at = l->text;
        l->counts.inquiry = pool_id(q);
        l->counts.index = i;
        l->counts.topic = letter_put(&at, topics[i]);
        l->counts.hash = hash_bytes(&w->node->seed, topics[i]);
        l->counts.settings = config_topic_settings(w->node->config, topics[i]);
        worker_post(w, worker_home(w, l->counts.hash), l);
    }
    s->phase = SESSION_WAITING;
    s->heard_ms = (uint32_t)w->now_ms;
    session_schedule(s);
    conn_pause(&s->conn, true);
}

void inquiry_answer(struct worker *w, const struct letter *l)
{
    struct inquiry *q = pool_get(&w->inquiries, l->counts.inquiry);

    if (!q)
        return;
    q->results[l->counts.index] = (struct counts){l->counts.viewers, l->counts.people};
    if (--q->waiting)
        return;
    struct session *s = pool_get(&w->sessions, q->session);
    if (s && s->phase == SESSION_WAITING)
        q->done(s, q);
    finish(w, q);
}

void inquiries_release(struct worker *w)
{
    struct inquiry *q;
    uint32_t slot = 0;

    while ((q = pool_next(&w->inquiries, &slot)))
        finish(w, q);
    pool_release(&w->inquiries);
}
