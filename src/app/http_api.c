/* SPDX-License-Identifier: MIT */
#include "app/http_api.h"

#include <time.h>

#include "app/http.h"
#include "app/inquiry.h"
#include "base/heap.h"
#include "wire/uri.h"

/* What else there is to say of numbers that may lack other nodes' changes. */
static void put_outage(struct buf *body, const struct outage *o)
{
    time_t seconds = (time_t)(o->since_ms / 1000);
    char text[32];
    struct tm tm;

    if (!o->since_ms)
        return;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(body, ",\"degraded\":true,\"since\":\"%s.%03dZ\",\"why\":", text,
               (int)(o->since_ms % 1000));
    buf_put_json(body, bytes_str(o->why));
}

static void topic_done(struct session *s, const struct inquiry *q)
{
    struct http_response r = {.status = 200, .type = B("application/json")};
    struct buf body;

    buf_init(&body, BUF_UNBOUNDED);
    buf_put(&body, B("{\"topic\":"));
    buf_put_json(&body, bytes_str(q->data));
    buf_printf(&body, ",\"viewers\":%u,\"people\":%u", q->results[0].viewers, q->results[0].people);
    put_outage(&body, &s->worker->outage);
    buf_put(&body, B("}\n"));
    http_respond(s, r, buf_bytes(&body));
    buf_release(&body);
}

void api_topic(struct session *s, struct bytes encoded)
{
    struct buf topic;

    buf_init(&topic, s->worker->node->limits.topic_bytes_max);
    if (encoded.len == 0 || !uri_decode(encoded, &topic)) {
        http_respond_text(
            s, 400,
            "the topic's name must be percent-encoded UTF-8 of at most topic_bytes_max bytes");
    } else {
        struct bytes name = buf_bytes(&topic);
        inquiry_start(s, &name, 1, topic_done, bytes_copy(name));
    }
    buf_release(&topic);
}

void api_metrics(struct session *s)
{
    const struct node *node = s->worker->node;
    struct http_response r = {.status = 200, .type = B("text/plain; version=0.0.4; charset=utf-8")};
    struct metrics sum = {0};
    struct buf body;

    for (uint16_t i = 0; i < node->workers_len; i++)
        metrics_add(&sum, &node->workers[i]->published);
    buf_init(&body, BUF_UNBOUNDED);
    metrics_page(&sum, &body);
    http_respond(s, r, buf_bytes(&body));
    buf_release(&body);
}
