/* SPDX-License-Identifier: MIT */
/*
 * simulator_home.h - the turn of a simulated home, for simulator_test.c: it gives what arrived to
 * its hub, expires, announces, and holds every step against the model.
 */
#ifndef CORE_SIMULATOR_HOME_H
#define CORE_SIMULATOR_HOME_H

#include "base/blob.h"
#include "core/simulator_sim.h"

static inline struct row row_of(const struct presence *p)
{
    struct row r = {.ref = p->ref, .rev = p->rev, .rev_before = presence_told_rev(p)};

    text_set(r.key, presence_key(p));
    text_set(r.meta, presence_meta(p));
    return r;
}

/* As it was told. */
static inline struct row told_row_of(const struct presence *p)
{
    struct row r = {.ref = p->ref, .rev = presence_told_rev(p)};

    text_set(r.key, presence_key(p));
    text_set(r.meta, presence_told_meta(p));
    return r;
}

/* The cached state of a format, made if need be. */
static inline void get_state(struct sim *s, unsigned topic, struct topic *t, struct message *to)
{
    struct blob **cache = &t->state_cache[to->format];
    struct snapshot state;

    if (!*cache) {
        state = (struct snapshot){.numbers = {t->told_viewers, t->told_people, 0}};
        for (uint32_t i = 0; i < t->list_len; i++) {
            if (t->list[i]->told) {
                struct row r = told_row_of(t->list[i]);
                rows_add(&state.rows, &r);
            }
        }
        *cache = blob_new(bytes_of((const char *)&state, sizeof(state)));
    }
    memcpy(&state, blob_bytes(*cache).ptr, sizeof(state));
    CHECK(s, rows_same(&state.rows, &s->models[topic].told));
    to->joined = state.rows;
    to->numbers = state.numbers;
}

static inline void model_joined(struct sim *s, const struct message *m,
                                const struct hub_joined *out)
{
    struct model *model = &s->models[m->topic];
    const struct topic_settings *settings = &s->settings[m->topic];
    const char *person = m->lasting ? m->person : "";
    struct row row = {.ref = out->ref, .rev = out->rev};

    text_set(row.key, settings->key.len ? settings->key : bytes_str(m->person));
    text_set(row.meta, m->meta[0] ? bytes_str(m->meta) : B("{}"));
    if (model_has_absent(model, person, STAY_HELD))
        s->tally->returned_held++;
    else if (model_has_absent(model, person, STAY_LEFT))
        s->tally->returned_left++;
    CHECK_TEXT(s, model_join(model, s->now, person, &row));
}

static inline void home_join(struct sim *s, struct home *home, unsigned worker,
                             const struct message *m)
{
    struct bytes name = bytes_str(s->names[m->topic]);
    uint64_t hash = hash_bytes(&home->hub.tables.seed, name);
    struct model *model = &s->models[m->topic];
    bool no_topic =
        !hub_find(&home->hub, name, hash) && home->hub.topics_len >= home->hub.topics_max;
    bool full = m->counted && model_refuses(model, m->lasting ? m->person : "");
    struct hub_join in = {
        .topic = name,
        .hash = hash,
        .settings = &s->settings[m->topic],
        .person = bytes_str(m->person),
        .meta = bytes_str(m->meta),
        .owner = {{m->sub, m->serial}, (uint16_t)worker},
        .audience = m->audience,
        .format = m->format,
        .counted = m->counted,
        .lasting = m->lasting,
        .live = !is_list(m->format),
    };
    struct hub_joined out = {0};
    struct message reply = *m;
    uint32_t viewers, people;

    reply.kind = REPLY;
    reply.result = hub_join(&home->hub, &in, &out);
    CHECK(s, reply.result == (no_topic ? HUB_TOO_MANY_TOPICS : full ? HUB_TOPIC_FULL : HUB_OK));
    if (reply.result == HUB_OK) {
        if (m->counted)
            model_joined(s, m, &out);
        model_changed(model, s->now);
        model_counts(model, &viewers, &people);
        CHECK(s, out.viewers == viewers && out.people == people && out.seq != 0);
        reply.topic_id = out.topic;
        reply.presence = out.presence;
        reply.numbers = (struct numbers){out.viewers, out.people, out.seq};
        if (is_list(m->format))
            get_state(s, m->topic, hub_topic(&home->hub, out.topic), &reply);
    }
    TRACE(s, "home: %s sub %u %s %s: %s ref %" PRIu64 ", %u viewers %u people", s->names[m->topic],
          m->sub, m->counted ? "joins as" : "watches as", m->person,
          reply.result == HUB_OK ? "ok" : "refused", out.ref, out.viewers, out.people);
    post(s, &s->to_worker[worker][home - s->home], &reply);
}

static inline void home_leave(struct sim *s, struct home *home, unsigned worker,
                              const struct message *m)
{
    struct model *model = &s->models[m->topic];
    const char *person = m->lasting ? m->person : "";
    struct presence *p = pool_get(&home->hub.tables.presences, m->presence);

    TRACE(s, "home: %s sub %u %s %s", s->names[m->topic], m->sub,
          m->broken ? "breaks off as" : "leaves as", m->person);
    CHECK(s, (p != NULL) == m->counted);
    if (p) {
        struct entry *e = model_find(model, p->ref);
        CHECK(s, e && e->stay == STAY_HERE);
        model_leave(model, s->now, e, person, m->broken);
    }
    hub_leave(&home->hub, s->now,
              &(struct hub_leave){.topic = m->topic_id,
                                  .presence = m->presence,
                                  .audience = m->audience,
                                  .person = bytes_str(person),
                                  .worker = (uint16_t)worker,
                                  .format = m->format,
                                  .broken = m->broken});
}

static inline void home_update(struct sim *s, struct home *home, const struct message *m)
{
    struct presence *p = pool_get(&home->hub.tables.presences, m->presence);
    struct entry *e = p ? model_find(&s->models[m->topic], p->ref) : NULL;

    TRACE(s, "home: %s sub %u updates to %s", s->names[m->topic], m->sub, m->meta);
    CHECK(s, e && e->stay == STAY_HERE);
    text_set(e->row.meta, m->meta[0] ? bytes_str(m->meta) : B("{}"));
    model_changed(&s->models[m->topic], s->now);
    hub_update(&home->hub, m->presence, bytes_str(m->meta));
}

static inline void home_resync(struct sim *s, struct home *home, unsigned worker,
                               const struct message *m)
{
    struct topic *t = hub_topic(&home->hub, m->topic_id);
    struct message reply = *m;

    CHECK(s, t != NULL);
    reply.kind = STATE;
    get_state(s, m->topic, t, &reply);
    post(s, &s->to_worker[worker][home - s->home], &reply);
}

static inline void home_receive(struct sim *s, struct home *home, unsigned worker,
                                struct message *m)
{
    if (m->kind == JOIN)
        home_join(s, home, worker, m);
    else if (m->kind == LEAVE)
        home_leave(s, home, worker, m);
    else if (m->kind == UPDATE)
        home_update(s, home, m);
    else
        home_resync(s, home, worker, m);
    heap_free(m);
}

static inline unsigned index_of(const struct sim *s, const struct topic *t)
{
    for (unsigned i = 0; i < s->topics; i++)
        if (bytes_equal(t->name, bytes_str(s->names[i])))
            return i;
    abort();
}

static inline void read_diff(const struct diff *d, struct message *to)
{
    for (const struct presence *p = d->joined; p; p = p->next_change) {
        struct row r = row_of(p);
        rows_add(&to->joined, &r);
    }
    for (const struct presence *p = d->left; p; p = p->next_change) {
        struct row r = told_row_of(p);
        rows_add(&to->left, &r);
    }
    for (const struct presence *p = d->updated; p; p = p->next_change) {
        struct row r = row_of(p);
        rows_add(&to->updated, &r);
    }
}

/* A topic announces only when its window is over, and the window is as long as promised. */
static inline void check_window(struct sim *s, struct model *model, const struct topic *t)
{
    const struct topic_settings *settings = t->settings;
    uint64_t window =
        ((uint64_t)t->audience * 1000 + settings->announce_rate - 1) / settings->announce_rate;

    if (!id_equal(model->topic, pool_id(t)))
        model->rest_until_ms = 0; /* another topic of this name */
    CHECK(s, s->now >= model->rest_until_ms);
    model->topic = pool_id(t);
    model->rest_until_ms =
        s->now + (window < settings->announce_max_ms ? window : settings->announce_max_ms);
}

static inline void home_announce(struct sim *s, struct home *home, struct topic *t)
{
    unsigned topic = index_of(s, t);
    struct message m = {.kind = ANNOUNCE, .topic = topic};
    const struct diff *d = topic_diff(t);
    uint32_t subscribers = 0;

    if (d)
        read_diff(d, &m);
    CHECK_TEXT(s, model_announce(&s->models[topic], &m.joined, &m.left, &m.updated));
    CHECK(s, (d != NULL) == (m.joined.len + m.left.len + m.updated.len > 0));
    CHECK(s, d || !topic_counts_changed(t));
    m.counts_changed = topic_counts_changed(t);
    m.late = t->late > 0;
    m.numbers = (struct numbers){t->viewers, t->people, t->seq};
    if (d || m.late) {
        TRACE(s, "home: %s announces +%u -%u ~%u%s%s: %u viewers %u people", s->names[topic],
              m.joined.len, m.left.len, m.updated.len, m.counts_changed ? ", counts" : "",
              m.late ? ", late" : "", t->viewers, t->people);
        s->tally->announcements++;
        s->tally->late_only += !d;
        s->tally->updates += m.updated.len;
        check_window(s, &s->models[topic], t);
        for (uint32_t i = 0; i < t->audiences_len; i++) {
            struct audience_link *l = &t->audiences[i];
            CHECK(s, l->total > 0);
            subscribers += l->total;
            m.audience = l->audience;
            post(s, &s->to_worker[l->worker][home - s->home], &m);
        }
        CHECK(s, subscribers == t->audience);
    }
    hub_announced(&home->hub, t, s->now);
}

/* After each turn the home's topics are as the model says, and no news waits without a reason. */
static inline void check_topics(struct sim *s, struct home *home)
{
    for (unsigned i = 0; i < s->topics; i++) {
        struct bytes name = bytes_str(s->names[i]);
        struct model *model = &s->models[i];
        uint32_t viewers, people;

        if (&s->home[home_of(s, i)] != home)
            continue;
        struct topic *t = hub_find(&home->hub, name, hash_bytes(&home->hub.tables.seed, name));
        model_counts(model, &viewers, &people);
        CHECK(s, t || model->len == 0);
        if (!t)
            continue;
        CHECK(s, t->viewers == viewers && t->people == people);
        CHECK(s, t->list_len == model->len);
        CHECK(s, t->audience > 0 || t->list_len > 0);
        CHECK(s, !model_has_news(model) ||
                     (id_equal(model->topic, pool_id(t)) && s->now < model->rest_until_ms));
    }
}

static inline void home_turn(struct sim *s, struct home *home)
{
    struct message *m;
    struct topic *t;

    for (unsigned w = 0; w < s->workers; w++)
        while ((m = arrived(&s->to_home[home - s->home][w], s->now)))
            home_receive(s, home, w, m);
    hub_expire(&home->hub, s->now);
    for (unsigned i = 0; i < s->topics; i++)
        if (&s->home[home_of(s, i)] == home)
            model_expire(&s->models[i], s->now);
    while ((t = hub_due(&home->hub)))
        home_announce(s, home, t);
    check_topics(s, home);
    CHECK(s, hub_next_ms(&home->hub) > s->now);
}

#endif
