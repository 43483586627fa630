/* SPDX-License-Identifier: MIT */
#include "app/home.h"

#include "app/clustering.h"
#include "cluster/cluster.h"
#include "wire/ws.h"

enum { SETTLE_MS = 250 };

/* Encoding. */

static struct blob *frame_scratch(struct worker *w)
{
    struct blob *b = ws_frame_blob(WS_OP_TEXT, buf_bytes(&w->scratch));

    buf_clear(&w->scratch);
    return b;
}

static struct blob *encode_count(struct worker *w, const struct topic *t, uint8_t format)
{
    bool fewer = t->viewers < t->told_viewers ||
                 (t->viewers == t->told_viewers && t->people <= t->told_people);

    formats[format]->count(&w->scratch, t, fewer);
    return frame_scratch(w);
}

static struct blob *encode_diff(struct worker *w, const struct topic *t, uint8_t format,
                                const struct diff *diff)
{
    formats[format]->diff(&w->scratch, t, diff);
    return frame_scratch(w);
}

/* The state as of the last announcement: encoded once, however many arrive before the next. */
static struct blob *encode_state(struct worker *w, struct topic *t, uint8_t format)
{
    if (!t->state_cache[format]) {
        if (t->brief)
            formats[format]->brief(&w->scratch, t);
        else
            formats[format]->state(&w->scratch, t);
        t->state_cache[format] = frame_scratch(w);
    }
    return blob_ref(t->state_cache[format]);
}

/* Joining and leaving. */

static void receive_join(struct worker *w, struct letter *l)
{
    struct letter *answer = letter_new(LETTER_JOINED, 0);
    struct letter_joined *out = &answer->joined;

    out->result = hub_join(&w->hub, &l->join, &out->joined);
    out->subscription = l->join.owner.subscription;
    out->audience = l->join.audience;
    out->format = l->join.format;
    out->node = w->node->id;
    if (out->result == HUB_OK) {
        struct topic *t = hub_topic(&w->hub, out->joined.topic);
        out->number = topic_number(t);
        if (w->cluster)
            cluster_follow(w->cluster, t);
        w->metrics.joins++;
    } else {
        w->metrics.join_refusals++;
    }
    answer->from = l->from; /* whom it is for, until it is posted */
    out->until_ms = w->now_ms + SETTLE_MS;
    if (out->result == HUB_OK && (formats[out->format]->lists || w->cluster))
        batch_add(&w->answers, answer);
    else
        worker_post(w, l->from, answer);
}

static void answer_join(struct worker *w, struct letter *l, struct topic *t)
{
    struct letter_joined *out = &l->joined;
    bool lists = formats[out->format]->lists;

    if (lists)
        out->state = encode_state(w, t, out->format);
    else
        t->late++; /* it may know another number than when it came */
    out->joined.viewers = lists ? t->told_viewers : t->viewers;
    out->joined.people = lists ? t->told_people : t->people;
    out->joined.seq = t->seq;
    worker_post(w, l->from, l);
}

static void receive_state_wanted(struct worker *w, const struct letter *l)
{
    struct topic *t = hub_topic(&w->hub, l->state_wanted.topic);
    uint8_t format = l->state_wanted.format;

    if (!t)
        return;
    struct letter *answer = letter_new(LETTER_STATE, 0);
    answer->state.subscription = l->state_wanted.subscription;
    if (formats[format]->lists) {
        answer->state.blob = encode_state(w, t, format);
    } else {
        answer->state.blob = encode_count(w, t, format);
        answer->state.seq = t->seq;
        t->late++; /* it knows a number that was not announced */
    }
    worker_post(w, l->from, answer);
}

static void put_counts(struct letter *answer, const struct topic *t)
{
    answer->counts.viewers = t ? t->viewers : 0;
    answer->counts.people = t ? t->people : 0;
}

static void answer_counts(struct worker *w, struct letter *l, struct topic *t)
{
    put_counts(l, t);
    worker_post(w, l->from, l);
    if (t)
        hub_visited(&w->hub, t);
}

static void receive_counts_wanted(struct worker *w, const struct letter *l)
{
    struct letter *answer = letter_new(LETTER_COUNTS, 0);
    struct topic *t;

    answer->from = l->from; /* whom it is for, until it is posted */
    answer->counts.inquiry = l->counts.inquiry;
    answer->counts.index = l->counts.index;
    answer->counts.until_ms = w->now_ms + SETTLE_MS;
    if (w->cluster) {
        /* Others may be in a topic that nobody of this node is in. */
        t = hub_visit(&w->hub, l->counts.topic, l->counts.hash, l->counts.settings);
        if (t) {
            cluster_follow(w->cluster, t);
            answer->counts.visited = pool_id(t);
        }
        batch_add(&w->answers, answer);
        return;
    }
    t = hub_find(&w->hub, l->counts.topic, l->counts.hash);
    put_counts(answer, t);
    worker_post(w, l->from, answer);
}

/* Part of a list: a page holds what is at these places at the moment. */
static void receive_page_wanted(struct worker *w, const struct letter *l)
{
    const struct topic *t = hub_topic(&w->hub, l->page.topic);
    struct letter *answer = letter_new(LETTER_PAGE, 0);

    answer->page = l->page;
    if (t && formats[l->page.format]->page) {
        formats[l->page.format]->page(&w->scratch, t, &l->page.page);
        answer->page.blob = frame_scratch(w);
    }
    worker_post(w, l->from, answer);
}

/* Whoever wants the list is answered after the announcements of its turn: on a quiet topic the
 * state then holds itself, and nobody is told a number that the next message takes back. In a
 * cluster answers wait, for a moment, until the other nodes' numbers are known. */
static void answer_all(struct worker *w)
{
    struct letter *l = w->answers.first, *next;

    w->answers = (struct batch){0};
    for (; l; l = next) {
        bool joins = l->kind == LETTER_JOINED;
        struct topic *t = hub_topic(&w->hub, joins ? l->joined.joined.topic : l->counts.visited);
        uint64_t until_ms = joins ? l->joined.until_ms : l->counts.until_ms;
        next = l->next;
        if (w->cluster && t && w->now_ms < until_ms && cluster_settling(w->cluster, t))
            batch_add(&w->answers, l);
        else if (joins)
            answer_join(w, l, t);
        else
            answer_counts(w, l, t);
    }
}

/* Telling. */

/* One letter for each audience that has a subscriber of one of the formats. The blobs stay the
 * caller's. */
static void post_blobs(struct worker *w, const struct topic *t, const struct letter *model)
{
    for (uint32_t i = 0; i < t->audiences_len; i++) {
        const struct audience_link *link = &t->audiences[i];
        struct letter *l = NULL;
        for (unsigned f = 0; f < FORMATS_LEN; f++) {
            struct blob *b = model->announce.blobs[f];
            if (!b || !link->subscribers[f])
                continue;
            if (!l)
                l = letter_new(model->kind, 0);
            l->announce.blobs[f] = blob_ref(b);
        }
        if (!l)
            continue;
        l->announce.audience = link->audience;
        l->announce.seq = model->announce.seq;
        l->announce.late_only = model->announce.late_only;
        worker_post(w, link->worker, l);
    }
}

static bool is_long(const struct topic *t)
{
    return t->viewers > t->settings->list_max;
}

static void post_and_unref(struct worker *w, const struct topic *t, struct letter *model)
{
    post_blobs(w, t, model);
    for (unsigned f = 0; f < FORMATS_LEN; f++) {
        blob_unref(model->announce.blobs[f]);
        model->announce.blobs[f] = NULL;
    }
}

/* Everybody who wants the list gets it anew, or the numbers while it is too long. */
static void post_states(struct worker *w, struct topic *t)
{
    struct letter model = {.kind = LETTER_ANNOUNCE, .announce = {.seq = t->seq}};

    for (uint8_t f = 0; f < FORMATS_LEN; f++)
        if (t->subscribers[f] && formats[f]->lists)
            model.announce.blobs[f] = encode_state(w, t, f);
    post_and_unref(w, t, &model);
}

static void announce(struct worker *w, struct topic *t)
{
    const struct diff *diff = topic_diff(t);
    bool counts = topic_counts_changed(t), now_long = is_long(t), was_brief = t->brief;
    struct letter model = {.kind = LETTER_ANNOUNCE,
                           .announce = {.seq = t->seq, .late_only = !counts}};
    bool anew = now_long ? counts || !was_brief : was_brief; /* in place of a diff */
    struct id id = pool_id(t);

    for (uint8_t f = 0; f < FORMATS_LEN; f++) {
        if (!t->subscribers[f])
            continue;
        if (!formats[f]->lists && (counts || t->late))
            model.announce.blobs[f] = encode_count(w, t, f);
        else if (formats[f]->lists && diff && !now_long && !was_brief)
            model.announce.blobs[f] = encode_diff(w, t, f, diff);
    }
    if (diff || counts || t->late)
        w->metrics.announcements++;
    post_and_unref(w, t, &model);
    if (w->cluster)
        cluster_tell(w->cluster, t, diff);
    t->brief = now_long;
    hub_announced(&w->hub, t, w->now_ms);
    if (anew && hub_topic(&w->hub, id))
        post_states(w, t);
}

void home_relay(struct worker *w, struct topic *t, const struct event *e)
{
    struct letter model = {.kind = LETTER_EVENT};

    for (unsigned f = 0; f < FORMATS_LEN; f++) {
        if (!t->subscribers[f] || !formats[f]->event)
            continue;
        formats[f]->event(&w->scratch, t, e);
        model.announce.blobs[f] = frame_scratch(w);
    }
    w->metrics.events++;
    post_blobs(w, t, &model);
    for (unsigned f = 0; f < FORMATS_LEN; f++)
        blob_unref(model.announce.blobs[f]);
}

static void receive_publish(struct worker *w, const struct letter *l)
{
    struct topic *t = hub_topic(&w->hub, l->publish.topic);

    if (!t)
        return;
    home_relay(w, t, &l->publish.event);
    if (w->cluster)
        cluster_publish(w->cluster, t, l->publish.event.name, l->publish.event.payload);
}

void home_receive(struct worker *w, struct letter *l)
{
    switch (l->kind) {
    case LETTER_JOIN:
        receive_join(w, l);
        break;
    case LETTER_LEAVE:
        hub_leave(&w->hub, w->now_ms, &l->leave);
        w->metrics.leaves++;
        break;
    case LETTER_UPDATE:
        hub_update(&w->hub, l->update.presence, l->update.meta);
        break;
    case LETTER_PUBLISH:
        receive_publish(w, l);
        break;
    case LETTER_STATE_WANTED:
        receive_state_wanted(w, l);
        break;
    case LETTER_COUNTS_WANTED:
        receive_counts_wanted(w, l);
        break;
    case LETTER_PAGE_WANTED:
        receive_page_wanted(w, l);
        break;
    default:
        assert(!"a letter to a home");
    }
    letter_free(l);
}

void home_announce(struct worker *w)
{
    struct topic *t;

    hub_expire(&w->hub, w->now_ms);
    while ((t = hub_due(&w->hub)))
        announce(w, t);
    answer_all(w);
    clustering_forget_idle(w);
}
