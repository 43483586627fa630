/* SPDX-License-Identifier: MIT */
/*
 * simulator_test.c - the core as a whole: several homes and several workers' audiences in one
 * process, driven from a seed, against the naive model of simulator_model.h.
 *
 * Messages between workers and homes arrive in order per pair, after random delays. Subscribers do
 * what the real ones do: those of a count format show the live number at once and are then told
 * numbers, those of a list format get the state as of the last announcement and then diffs. Some
 * fall behind, miss announcements, and are brought up to date later.
 *
 * SEED=n runs one seed, TRACE=1 tells what happens in it, ROUNDS=n sets how many seeds are run.
 * The last seed that is printed is the one that failed.
 */
#include "core/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/simulator_home.h"
#include "core/simulator_model.h"
#include "core/simulator_sim.h"

/* A worker. */

/* Whatever is shown was true at some time. */
static void show(struct sim *s, struct sub *sub, struct numbers numbers)
{
    CHECK(s, numbers.viewers <= ROWS_MAX && numbers.people <= numbers.viewers);
    CHECK(s, s->models[sub->topic].had[numbers.viewers][numbers.people]);
    sub->shown = numbers;
}

static void show_state(struct sim *s, struct sub *sub, const struct message *m)
{
    uint32_t viewers, people;

    sub->list = m->joined;
    rows_counts(&sub->list, &viewers, &people);
    CHECK(s, viewers == m->numbers.viewers && people == m->numbers.people);
    show(s, sub, m->numbers);
}

static void free_sub(struct sim *s, struct sub *sub)
{
    struct audience *a = &s->audience[sub->worker][sub->topic];

    if (id_equal(a->id, sub->audience) && --a->members == 0)
        *a = (struct audience){0};
    *sub = (struct sub){0};
}

static void end_sub(struct sim *s, struct sub *sub, bool broken)
{
    if (sub->state == SUB_JOINING) {
        sub->ending = true;
        sub->broken = broken;
        return;
    }
    post_home(s, sub, (struct message){.kind = LEAVE, .broken = broken});
    free_sub(s, sub);
}

static void worker_reply(struct sim *s, struct sub *sub, const struct message *m)
{
    CHECK(s, sub->state == SUB_JOINING && sub->serial == m->serial);
    if (m->result != HUB_OK) {
        s->tally->refused++;
        free_sub(s, sub);
        return;
    }
    sub->state = SUB_JOINED;
    sub->topic_id = m->topic_id;
    sub->presence = m->presence;
    if (is_list(sub->format)) {
        show_state(s, sub, m);
    } else {
        show(s, sub, m->numbers);
        sub->seen = m->numbers.seq;
    }
    if (sub->ending)
        end_sub(s, sub, sub->broken);
}

static void worker_state(struct sim *s, struct sub *sub, const struct message *m)
{
    if (sub->serial != m->serial)
        return; /* it has gone since */
    sub->behind = sub->resyncing = false;
    s->tally->caught_up++;
    show_state(s, sub, m);
}

static void apply_diff(struct sim *s, struct sub *sub, const struct message *m)
{
    struct row *row;

    for (unsigned i = 0; i < m->joined.len; i++) {
        CHECK(s, !rows_find(&sub->list, m->joined.row[i].ref));
        rows_add(&sub->list, &m->joined.row[i]);
    }
    for (unsigned i = 0; i < m->left.len; i++) {
        row = rows_find(&sub->list, m->left.row[i].ref);
        CHECK(s, row && row->rev == m->left.row[i].rev);
        rows_remove(&sub->list, row);
    }
    for (unsigned i = 0; i < m->updated.len; i++) {
        row = rows_find(&sub->list, m->updated.row[i].ref);
        CHECK(s, row && row->rev == m->updated.row[i].rev_before);
        CHECK(s, row->rev != m->updated.row[i].rev);
        *row = m->updated.row[i];
    }
    show(s, sub, m->numbers);
}

static void tell(struct sim *s, struct sub *sub, const struct message *m)
{
    bool late = sub->seen != 0 && sub->seen != m->numbers.seq;
    bool knows = sub->seen == m->numbers.seq;

    sub->seen = 0;
    s->tally->known += knows;
    if (chance(s, 4))
        sub->behind = true;
    if (sub->behind)
        return;
    if (is_list(sub->format))
        apply_diff(s, sub, m);
    else if (!knows && (m->counts_changed || late))
        show(s, sub, m->numbers);
}

static void worker_announce(struct sim *s, unsigned worker, const struct message *m)
{
    struct audience *a = &s->audience[worker][m->topic];

    if (!id_equal(a->id, m->audience))
        return; /* it has ended since */
    a->last = m->numbers;
    for (unsigned i = 0; i < SUBS; i++) {
        struct sub *sub = &s->subs[i];
        if (sub->state == SUB_JOINED && id_equal(sub->audience, a->id))
            tell(s, sub, m);
    }
}

static void worker_turn(struct sim *s, unsigned worker)
{
    struct message *m;

    for (unsigned h = 0; h < s->homes; h++) {
        while ((m = arrived(&s->to_worker[worker][h], s->now))) {
            if (m->kind == ANNOUNCE)
                worker_announce(s, worker, m);
            else if (m->kind == REPLY)
                worker_reply(s, &s->subs[m->sub], m);
            else
                worker_state(s, &s->subs[m->sub], m);
            heap_free(m);
        }
    }
}

/* Brings one that is behind up to date. */
static void drain(struct sim *s, struct sub *sub)
{
    if (sub->state != SUB_JOINED || !sub->behind || sub->resyncing)
        return;
    TRACE(s, "sub %u drains", (unsigned)(sub - s->subs));
    if (is_list(sub->format)) {
        sub->resyncing = true;
        post_home(s, sub, (struct message){.kind = RESYNC});
    } else {
        sub->behind = false;
        show(s, sub, s->audience[sub->worker][sub->topic].last);
    }
}

/* Time. */

static uint64_t home_next_ms(struct sim *s, struct home *home)
{
    uint64_t at = hub_next_ms(&home->hub);

    for (unsigned w = 0; w < s->workers; w++)
        at = min_ms(at, queue_ms(&s->to_home[home - s->home][w]));
    if (at == UINT64_MAX)
        return at;
    if (at < s->now)
        at = s->now;
    return (at + home->period_ms - 1) / home->period_ms * home->period_ms;
}

static uint64_t worker_next_ms(struct sim *s, unsigned worker)
{
    uint64_t at = UINT64_MAX;

    for (unsigned h = 0; h < s->homes; h++)
        at = min_ms(at, queue_ms(&s->to_worker[worker][h]));
    return at;
}

/* Promise 1: when nothing changed for one window, every subscriber shows the truth. */
static void check_subs(struct sim *s, unsigned topic)
{
    struct model *model = &s->models[topic];
    struct rows here = model_here(model);
    uint32_t viewers, people;

    rows_counts(&here, &viewers, &people);
    for (unsigned i = 0; i < SUBS; i++) {
        struct sub *sub = &s->subs[i];
        if (sub->state != SUB_JOINED || sub->topic != topic || sub->behind)
            continue;
        CHECK(s, sub->shown.viewers == viewers);
        CHECK(s, sub->shown.people == people);
        CHECK(s, !is_list(sub->format) || rows_same(&sub->list, &here));
        if (is_list(sub->format))
            s->tally->checked_lists++;
        else
            s->tally->checked_counts++;
    }
}

static void check_all(struct sim *s)
{
    bool quiet = is_quiet(s);

    for (unsigned i = 0; i < s->topics; i++) {
        struct model *model = &s->models[i];
        uint64_t period = s->home[home_of(s, i)].period_ms;
        for (unsigned n = 0; n < model->len; n++)
            CHECK(s, model->entries[n].stay != STAY_HELD ||
                         s->now < model->entries[n].until_ms + period);
        if (quiet && s->now - model->changed_ms >= s->settings[i].announce_max_ms + period)
            check_subs(s, i);
    }
}

static void advance(struct sim *s, uint64_t by_ms)
{
    uint64_t until = s->now + by_ms;

    for (;;) {
        uint64_t at = UINT64_MAX;
        for (unsigned h = 0; h < s->homes; h++)
            at = min_ms(at, home_next_ms(s, &s->home[h]));
        for (unsigned w = 0; w < s->workers; w++)
            at = min_ms(at, worker_next_ms(s, w));
        if (at > until)
            break;
        if (at > s->now)
            s->now = at;
        for (unsigned h = 0; h < s->homes; h++)
            if (home_next_ms(s, &s->home[h]) <= s->now)
                home_turn(s, &s->home[h]);
        for (unsigned w = 0; w < s->workers; w++)
            worker_turn(s, w);
    }
    s->now = until;
    check_all(s);
}

static void settle(struct sim *s)
{
    for (unsigned n = 0; n < 2; n++) {
        for (unsigned i = 0; i < SUBS; i++)
            drain(s, &s->subs[i]);
        advance(s, 4000);
    }
}

/* What happens. */

static void random_meta(struct sim *s, char to[TEXT_MAX])
{
    uint32_t n = below(s, METAS);

    if (n == 0)
        to[0] = '\0';
    else
        snprintf(to, TEXT_MAX, "{\"n\":%hhu}", (unsigned char)n);
}

static void start_sub(struct sim *s, unsigned worker, unsigned topic, const char *person)
{
    struct message m = {.kind = JOIN};
    struct sub *sub = s->subs;

    while (sub->state != SUB_FREE)
        if (++sub == s->subs + SUBS)
            return;
    struct audience *a = &s->audience[worker][topic];
    if (a->members++ == 0)
        a->id = (struct id){topic, ++s->audiences};
    *sub = (struct sub){.state = SUB_JOINING,
                        .counted = chance(s, 75),
                        .lasting = person[0] != '\0',
                        .format = (uint8_t)below(s, FORMATS),
                        .worker = worker,
                        .topic = topic,
                        .serial = ++s->serials,
                        .audience = a->id};
    if (sub->lasting)
        text_set(sub->person, bytes_str(person));
    else
        snprintf(sub->person, TEXT_MAX, "s%u", sub->serial);
    random_meta(s, m.meta);
    post_home(s, sub, m);
}

static void random_join(struct sim *s)
{
    char person[TEXT_MAX] = "";

    if (chance(s, 80))
        snprintf(person, sizeof(person), "p%u", below(s, PERSONS));
    start_sub(s, below(s, s->workers), below(s, s->topics), person);
}

/* Ends and comes back, perhaps on another worker. */
static void reload(struct sim *s, struct sub *sub)
{
    struct sub before = *sub;

    end_sub(s, sub, chance(s, 50));
    if (chance(s, 50))
        advance(s, below(s, 2500));
    start_sub(s, below(s, s->workers), before.topic, before.lasting ? before.person : "");
}

static void end_all(struct sim *s, unsigned worker, bool broken)
{
    for (unsigned i = 0; i < SUBS; i++)
        if (s->subs[i].state != SUB_FREE && s->subs[i].worker == worker)
            end_sub(s, &s->subs[i], broken);
}

static void random_step(struct sim *s)
{
    struct sub *sub = &s->subs[below(s, SUBS)];
    uint32_t what = below(s, 100);
    bool ready = sub->state != SUB_FREE && !sub->ending;

    if (what < 30)
        random_join(s);
    else if (what < 42 && ready)
        end_sub(s, sub, chance(s, 50));
    else if (what < 52 && ready)
        reload(s, sub);
    else if (what < 65 && sub->state == SUB_JOINED && sub->counted) {
        struct message m = {.kind = UPDATE};
        random_meta(s, m.meta);
        post_home(s, sub, m);
    } else if (what < 75)
        drain(s, sub);
    else if (what < 77)
        end_all(s, below(s, s->workers), true);
    else if (what < 80)
        settle(s);
    else if (what < 90)
        advance(s, below(s, 3001));
    if (chance(s, 50))
        advance(s, below(s, chance(s, 50) ? 4 : 60));
}

/* A round. */

static void random_settings(struct sim *s, unsigned topic)
{
    static const uint32_t graces[] = {0, 30, 500, 2000}, rates[] = {1, 20, 1000, 100000};
    static const uint32_t longest[] = {0, 10, 300, 1000}, sizes[] = {1, 4, ROWS_MAX, ROWS_MAX};
    struct topic_settings *settings = &s->settings[topic];

    *settings = (struct topic_settings){.leave_grace_ms = graces[below(s, ARRAY_LEN(graces))],
                                        .announce_rate = rates[below(s, ARRAY_LEN(rates))],
                                        .announce_max_ms = longest[below(s, ARRAY_LEN(longest))],
                                        .presences_max = sizes[below(s, ARRAY_LEN(sizes))],
                                        .key = chance(s, 20) ? B("reading") : B("")};
    s->models[topic] = (struct model){.presences_max = settings->presences_max,
                                      .grace_ms = settings->leave_grace_ms};
    s->models[topic].had[0][0] = true;
    snprintf(s->names[topic], TEXT_MAX, "post:%u", topic);
}

static void start(struct sim *s)
{
    static const uint32_t delays[] = {0, 3, 40, 400};

    s->now = 1 + below(s, 1000000000);
    s->homes = 1 + below(s, HOMES);
    s->workers = 1 + below(s, WORKERS);
    s->topics = 1 + below(s, TOPICS);
    s->delay_max_ms = delays[below(s, ARRAY_LEN(delays))];
    for (unsigned i = 0; i < s->topics; i++)
        random_settings(s, i);
    for (unsigned h = 0; h < s->homes; h++) {
        struct home *home = &s->home[h];
        hub_init(&home->hub, (struct hash_seed){s->seed, h}, 1, (uint16_t)h);
        home->period_ms = chance(s, 70) ? 1 : 1 + below(s, 30);
        if (chance(s, 10))
            home->hub.topics_max = 1;
    }
    TRACE(s, "%u homes, %u workers, %u topics, delays to %u ms", s->homes, s->workers, s->topics,
          s->delay_max_ms);
}

/* Promise 7: of what is over, nothing is left. */
static void check_empty(struct sim *s, struct hub *h)
{
    CHECK(s, h->topics == NULL && h->topics_len == 0 && h->due == NULL);
    CHECK(s, h->tables.topics.live == 0);
    CHECK(s, h->tables.presences.live == 0);
    CHECK(s, h->tables.keys.len == 0);
    CHECK(s, h->tables.absents == NULL && h->tables.absents_len == 0);
    CHECK(s, h->tables.wheel.live == 0 && h->rests.live == 0);
    CHECK(s, hub_next_ms(h) == UINT64_MAX);
}

static void finish(struct sim *s)
{
    for (unsigned w = 0; w < s->workers; w++)
        end_all(s, w, chance(s, 50));
    advance(s, 2 * s->delay_max_ms + 100); /* joins on their way are answered and end */
    advance(s, 10000);
    for (unsigned h = 0; h < s->homes; h++)
        check_empty(s, &s->home[h].hub);
    for (unsigned i = 0; i < SUBS; i++)
        CHECK(s, s->subs[i].state == SUB_FREE);
    for (unsigned w = 0; w < s->workers; w++)
        for (unsigned i = 0; i < s->topics; i++)
            CHECK(s, s->audience[w][i].members == 0);
}

static void run(uint64_t seed, struct tally *tally, bool trace)
{
    struct sim *s = heap_zalloc(1, sizeof(*s));

    s->seed = s->random = seed;
    s->tally = tally;
    s->trace = trace;
    start(s);
    for (unsigned step = 0; step < STEPS; step++)
        random_step(s);
    settle(s);
    if (chance(s, 85))
        finish(s); /* or the process ends with everybody in it */
    for (unsigned h = 0; h < s->homes; h++) {
        hub_release(&s->home[h].hub);
        for (unsigned w = 0; w < s->workers; w++) {
            forget_queue(&s->to_home[h][w]);
            forget_queue(&s->to_worker[w][h]);
        }
    }
    heap_free(s);
}

/* A simulation in which something never happens proves nothing about it. */
static void check_tally(const struct tally *t)
{
    assert_true(t->announcements > 0);
    assert_true(t->late_only > 0);
    assert_true(t->known > 0);
    assert_true(t->checked_lists > 0);
    assert_true(t->checked_counts > 0);
    assert_true(t->returned_held > 0);
    assert_true(t->returned_left > 0);
    assert_true(t->refused > 0);
    assert_true(t->updates > 0);
    assert_true(t->caught_up > 0);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void every_subscriber_shows_the_truth_one_window_after_the_last_change(void **state)
{
    uint64_t first = number_of("SEED", 1), rounds = number_of("ROUNDS", 600);
    bool trace_it = number_of("TRACE", 0) != 0;
    struct tally t = {0};
    (void)state;

    if (getenv("SEED"))
        rounds = 1;
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        printf("%" PRIu64 "%s", seed, seed % 20 == 0 ? "\n" : " ");
        fflush(stdout);
        run(seed, &t, trace_it);
    }

    printf("\n%" PRIu64 " announcements (%" PRIu64 " to the late only), %" PRIu64
           " lists and %" PRIu64 " counts found true\n",
           t.announcements, t.late_only, t.checked_lists, t.checked_counts);
    printf("%" PRIu64 " held places taken, %" PRIu64 " leaves taken back, %" PRIu64
           " joins refused, %" PRIu64 " updates, %" PRIu64 " caught up, %" PRIu64 " knew already\n",
           t.returned_held, t.returned_left, t.refused, t.updates, t.caught_up, t.known);
    if (rounds >= 100)
        check_tally(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subscriber_shows_the_truth_one_window_after_the_last_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
