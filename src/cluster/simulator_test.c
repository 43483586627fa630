/* SPDX-License-Identifier: MIT */
/*
 * simulator_test.c - the cluster as a whole: several nodes of several homes over a simulated server
 * and a simulated clock, driven from a seed.
 *
 * What goes wrong: connections break, with what was sent done, done much later, or lost; nodes are
 * killed, paused, cut off, stopped and started; the server is stuck, answers with errors, starts
 * anew empty, is flushed, and loses single keys. `quiet_ms()` after the last fault every node shows
 * the truth of every topic that it follows, and the server holds that and nothing else. When all
 * nodes have left, it holds nothing.
 *
 * SEED=n runs one seed, TRACE=1 tells what happens in it, ROUNDS=n sets how many seeds are run.
 * The last seed that is printed is the one that failed.
 */
#include "cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "cluster/simulator_node.h"

/* The truth. */

/* Presences of all nodes, and people. */
static void count(struct world *w, unsigned topic, uint32_t *viewers, uint32_t *people)
{
    bool seen[PERSONS] = {false};

    *viewers = *people = 0;
    for (unsigned n = 0; n < w->nodes; n++) {
        const struct topic *t = w->node[n].alive ? node_topic(w, &w->node[n], topic) : NULL;
        for (uint32_t i = 0; t && i < t->list_len; i++) {
            const struct presence *p = t->list[i];
            if (p->remote || !p->here)
                continue;
            unsigned person = (unsigned)(presence_key(p).ptr[1] - '0');
            (*viewers)++;
            *people += !seen[person];
            seen[person] = true;
        }
    }
}

/* Revisions may differ: a meta that went away and came back unseen is no update. */
static bool shows(const struct topic *t, const struct presence *p)
{
    for (uint32_t i = 0; i < t->list_len; i++) {
        const struct presence *q = t->list[i];
        if (q->here && q->remote && q->ref == p->ref && q->node == p->node &&
            bytes_equal(presence_key(q), presence_key(p)) &&
            bytes_equal(presence_meta(q), presence_meta(p)))
            return true;
    }
    return false;
}

/* What `n` shows of the presences of `of`. */
static void check_presences(struct world *w, const struct topic *t, struct node *of, unsigned topic)
{
    const struct topic *theirs = node_topic(w, of, topic);

    for (uint32_t i = 0; theirs && i < theirs->list_len; i++)
        if (!theirs->list[i]->remote && theirs->list[i]->here)
            CHECK(w, shows(t, theirs->list[i]));
}

static void check_topic(struct world *w, struct node *n, unsigned topic)
{
    const struct topic *t = node_topic(w, n, topic);
    uint32_t viewers, people;

    if (!t)
        return;
    count(w, topic, &viewers, &people);
    if (t->viewers != viewers)
        TRACE(w, "node %u shows %u of %s, there are %u", n->id, t->viewers, w->names[topic],
              viewers);
    CHECK(w, t->audience > 0 || t->list_len > t->remote_len);
    CHECK(w, t->interest && t->interest->state == INTEREST_LIVE && !t->interest->dirty);
    CHECK(w, t->viewers == viewers && t->people == people);
    CHECK(w, t->told_viewers == viewers && t->told_people == people);
    for (unsigned o = 0; o < w->nodes; o++)
        if (w->node[o].alive && &w->node[o] != n)
            check_presences(w, t, &w->node[o], topic);
    w->tally->topics++;
}

static void check_topics(struct world *w)
{
    for (unsigned n = 0; n < w->nodes; n++)
        for (unsigned topic = 0; w->node[n].alive && topic < w->topics; topic++)
            check_topic(w, &w->node[n], topic);
}

static bool is_followed(struct world *w, unsigned topic)
{
    for (unsigned n = 0; n < w->nodes; n++)
        if (w->node[n].alive && node_topic(w, &w->node[n], topic))
            return true;
    return false;
}

/* What was lost from a life's set is not reaped with it: it is removed when somebody looks, and
 * else expires. */
static bool is_stray(struct world *w, const struct record *r)
{
    return w->ever_evicted && !r->in_set && !(r->in_topic && is_followed(w, r->topic)) &&
           !server_lease(&w->server, r->life);
}

/* The server holds what the nodes that live contribute. */
static void check_server(struct world *w)
{
    size_t records = 0, expected = 0;

    for (const struct record *r = w->server.records; r; r = r->next)
        records += !is_stray(w, r);
    for (unsigned n = 0; n < w->nodes; n++) {
        struct node *node = &w->node[n];
        for (unsigned topic = 0; node->alive && topic < w->topics; topic++) {
            const struct topic *t = node_topic(w, node, topic);
            uint32_t own = t ? t->list_len - t->remote_len : 0;
            const struct record *r = w->server.records;
            while (r && !(r->topic == topic && r->life.node == node->id &&
                          r->life.number == node->member.life))
                r = r->next;
            CHECK(w, own == (r ? r->entries.len / 2 : 0));
            expected += own > 0;
        }
    }
    size_t alive = 0;
    for (unsigned n = 0; n < w->nodes; n++)
        alive += w->node[n].alive;
    if (alive) { /* somebody must reap */
        CHECK(w, records == expected);
        CHECK(w, w->server.leases_len == alive);
    }
}

/* An event reaches every other node that follows the topic, once. */
static void check_event(struct world *w)
{
    unsigned from = below(w, w->nodes), topic = below(w, w->topics);
    const struct topic *t = w->node[from].alive ? node_topic(w, &w->node[from], topic) : NULL;

    if (!t)
        return;
    struct home *h = node_home(&w->node[from], topic);
    for (unsigned n = 0; n < w->nodes; n++)
        for (unsigned k = 0; k < w->node[n].homes; k++)
            memset(w->node[n].home[k].events, 0, sizeof(h->events));
    cluster_publish(&h->cluster, t, B("wave"), B("{\"n\":1}"));
    advance(w, 3 * (uint64_t)w->delay_max_ms + 10);
    for (unsigned n = 0; n < w->nodes; n++) {
        if (!w->node[n].alive)
            continue;
        uint32_t events = node_home(&w->node[n], topic)->events[topic];
        CHECK(w, events == (n != from && node_topic(w, &w->node[n], topic) != NULL));
        w->tally->events += events;
    }
}

/* How long it may take until all is true again: a lost life is reaped, a connection is found to be
 * stuck, a loss of the server is believed; and a lost key is found by a check. */
static uint64_t quiet_ms(const struct world *w)
{
    uint64_t ms = w->lease_ms + w->lease_ms / 4 + STUCK_MS + 1500 + 20 * w->delay_max_ms;

    return ms + (w->evicted ? CHECK_EVERY_MS + CHECK_EVERY_MS / 4 : 0);
}

static void end_faults(struct world *w)
{
    w->server.stuck = w->server.down = false;
    w->server.fails_percent = 0;
    for (unsigned n = 0; n < w->nodes; n++)
        w->node[n].paused = w->node[n].cut_off = false;
}

static void settle(struct world *w)
{
    TRACE(w, "-- quiet");
    end_faults(w);
    advance(w, quiet_ms(w));
    check_topics(w);
    check_server(w);
    check_event(w);
    w->evicted = false;
    for (const struct record *r = w->server.records; r; r = r->next)
        w->evicted |= is_stray(w, r) || !r->in_set; /* who comes later finds it with a check */
    w->tally->quiet++;
    TRACE(w, "-- all is true");
}

/* What happens. */

static void cut(struct world *w, struct home *h)
{
    if (chance(w, 60))
        line_cut(h, &h->messages, "cut");
    if (chance(w, 60))
        line_cut(h, &h->commands, "cut");
}

static void random_cut(struct world *w, struct node *n)
{
    for (unsigned h = 0; h < n->homes; h++)
        if (chance(w, 70))
            cut(w, &n->home[h]);
}

/* Where everything else works, less will do. */

static bool is_calm(const struct world *w)
{
    return w->delay_max_ms <= 20 && w->lease_ms >= 2000;
}

/* Somebody leaves and comes again, so that a topic may be let go of and followed again at once. */
static void come_again(struct world *w)
{
    struct sub *s = &w->subs[below(w, SUBS)];
    struct sub before = *s;

    if (!s->used)
        return;
    sub_end(w, s, false);
    if (chance(w, 50))
        advance(w, below(w, 2 * w->delay_max_ms + 2));
    sub_start(w, s, before.node, before.topic);
}

static void random_sub(struct world *w)
{
    struct sub *s = &w->subs[below(w, SUBS)];
    unsigned node = below(w, w->nodes);

    if (s->used && node_runs(&w->node[s->node]) && chance(w, 60)) {
        sub_end(w, s, chance(w, 30));
    } else if (s->used && s->counted && node_runs(&w->node[s->node])) {
        char meta[NAME_MAX_LEN];
        snprintf(meta, sizeof(meta), "{\"n\":%hhu}", (unsigned char)below(w, 4));
        hub_update(&node_home(&w->node[s->node], s->topic)->hub, s->presence, bytes_str(meta));
    } else if (!s->used && node_runs(&w->node[node])) {
        sub_start(w, s, node, below(w, w->topics));
    }
}

/* Connections that break, and nothing else: all is read again as soon as they are back. */
static void cuts_are_made_good_at_once(struct world *w)
{
    TRACE(w, "-- cuts only");
    for (uint32_t n = 2 + below(w, 6); n; n--) {
        for (uint32_t k = below(w, 12); k; k--) {
            if (chance(w, 60))
                come_again(w);
            else
                random_sub(w);
            advance(w, below(w, w->delay_max_ms + 1));
        }
        if (chance(w, 40))
            random_cut(w, &w->node[below(w, w->nodes)]);
        advance(w, below(w, chance(w, 50) ? 3 * w->delay_max_ms + 3 : RETRY_MS + 2 * TICK_MS));
    }
    /* A window may be running, twice: for the others' numbers, and before that on their side. */
    advance(w, RETRY_MS + 6 * TICK_MS + 20 * w->delay_max_ms + 2 * 1000 + 300);
    check_topics(w);
    w->tally->brief++;
}

/* A server that forgets everything costs one new lease, and nobody is shown gone meanwhile. */
static void a_flush_is_not_seen(struct world *w)
{
    uint32_t lives[NODES] = {0}, viewers, people;

    TRACE(w, "-- a flush only");
    for (unsigned n = 0; n < w->nodes; n++)
        lives[n] = w->node[n].member.life;
    server_clear(&w->server);
    if (w->node[0].alive && chance(w, 50))
        line_cut(&w->node[0].home[0], &w->node[0].home[0].messages, "cut");
    for (unsigned step = 0; step < 80; step++) {
        advance(w, 25);
        for (unsigned k = 0; k < w->nodes * w->topics; k++) {
            struct node *n = &w->node[k / w->topics];
            const struct topic *t = n->alive ? node_topic(w, n, k % w->topics) : NULL;
            count(w, k % w->topics, &viewers, &people);
            CHECK(w, !t || (t->viewers == viewers && t->people == people));
        }
    }
    for (unsigned n = 0; n < w->nodes; n++)
        CHECK(w, !w->node[n].alive || w->node[n].member.life == lives[n] + 1);
    check_topics(w);
    check_server(w);
    w->tally->brief++;
}

static void restart_server(struct world *w, bool empty)
{
    TRACE(w, "the server starts again%s", empty ? ", empty" : "");
    w->server.down = true;
    for (unsigned n = 0; n < w->nodes; n++)
        for (unsigned h = 0; h < w->node[n].homes; h++) {
            line_cut(&w->node[n].home[h], &w->node[n].home[h].messages, "the server is gone");
            line_cut(&w->node[n].home[h], &w->node[n].home[h].commands, "the server is gone");
        }
    server_bury(w);
    if (empty)
        server_clear(&w->server);
    advance(w, below(w, chance(w, 50) ? 300 : 8000));
    w->server.down = false;
}

/* One key of a share is lost: its presences, its place in the topic, or its place in the life. */
static void evict(struct world *w)
{
    struct record *r = w->server.records;
    uint32_t what = below(w, 3);

    for (uint32_t skip = below(w, 4); skip && r && r->next; skip--)
        r = r->next;
    if (!r)
        return;
    TRACE(w, "evicted: %s of %u.%u",
          what == 0   ? "presences"
          : what == 1 ? "topic"
                      : "set",
          r->life.node, r->life.number);
    w->evicted = w->ever_evicted = true;
    if (what == 0)
        texts_release(&r->entries);
    for (struct record *o = w->server.records; o && what == 1; o = o->next)
        if (o->topic == r->topic)
            o->in_topic = false;
    if (what == 2)
        r->in_set = false;
    server_tidy(&w->server);
}

static void start_or_stop(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];

    if (!n->alive)
        node_start(w, n);
    else if (chance(w, 50))
        node_kill(w, n);
    else if (!n->paused)
        node_leave(w, node);
}

static void pause_or_resume(struct world *w, struct node *n)
{
    n->paused = !n->paused;
    TRACE(w, "node %u %s", n->id, n->paused ? "pauses" : "goes on");
    if (!n->paused && chance(w, 40))
        random_cut(w, n);
}

static void cut_off_or_heal(struct world *w, struct node *n)
{
    n->cut_off = !n->cut_off;
    TRACE(w, "node %u is %s", n->id, n->cut_off ? "cut off" : "connected again");
    if (!n->cut_off && chance(w, 40))
        random_cut(w, n);
}

static void random_fault(struct world *w)
{
    struct node *n = &w->node[below(w, w->nodes)];
    uint32_t what = below(w, 100);

    if (what < 22) {
        start_or_stop(w, (unsigned)(n - w->node));
    } else if (what < 40) {
        if (n->alive)
            pause_or_resume(w, n);
    } else if (what < 54) {
        if (n->alive)
            cut_off_or_heal(w, n);
    } else if (what < 70) {
        random_cut(w, n);
    } else if (what < 80) {
        w->server.stuck = !w->server.stuck;
        TRACE(w, "the server %s", w->server.stuck ? "is stuck" : "goes on");
    } else if (what < 85) {
        w->server.fails_percent = w->server.fails_percent ? 0 : 30;
        TRACE(w, "%u%% of the commands fail", w->server.fails_percent);
    } else if (what < 90) {
        restart_server(w, chance(w, 70));
    } else if (what < 94) {
        TRACE(w, "flushed");
        server_clear(&w->server);
    } else {
        evict(w);
    }
}

static void random_step(struct world *w, uint32_t faults_percent)
{
    for (uint32_t n = 1 + below(w, 5); n; n--) {
        random_sub(w);
        if (chance(w, 60))
            advance(w, below(w, chance(w, 80) ? 30 : 300));
    }
    if (chance(w, faults_percent))
        random_fault(w);
    if (chance(w, 30))
        advance(w, below(w, chance(w, 80) ? 500 : 4000));
    if (!chance(w, 4))
        return;
    settle(w);
    if (is_calm(w) && chance(w, 50))
        cuts_are_made_good_at_once(w);
    else if (is_calm(w))
        a_flush_is_not_seen(w);
}

/* A round. */

static void start(struct world *w)
{
    static const uint32_t delays[] = {0, 2, 20, 200}, leases[] = {1000, 2000, 5000};
    static const uint32_t graces[] = {0, 0, 300}, rates[] = {1, 20, 100000};
    static const uint32_t longest[] = {0, 10, 300, 1000};

    w->now = 1 + below(w, 1000000000);
    w->nodes = 2 + below(w, NODES - 1);
    w->topics = 1 + below(w, TOPICS);
    w->persons = PERSONS;
    w->delay_max_ms = delays[below(w, ARRAY_LEN(delays))];
    w->lease_ms = leases[below(w, ARRAY_LEN(leases))];
    for (unsigned i = 0; i < w->topics; i++) {
        w->settings[i] =
            (struct topic_settings){.leave_grace_ms = graces[below(w, ARRAY_LEN(graces))],
                                    .announce_rate = rates[below(w, ARRAY_LEN(rates))],
                                    .announce_max_ms = longest[below(w, ARRAY_LEN(longest))],
                                    .presences_max = 1000};
        snprintf(w->names[i], sizeof(w->names[i]), "post:%hhu", (unsigned char)i);
    }
    TRACE(w, "%u nodes, %u topics, delays to %u ms, leases of %u ms", w->nodes, w->topics,
          w->delay_max_ms, w->lease_ms);
    for (unsigned n = 0; n < w->nodes; n++)
        if (chance(w, 80))
            node_start(w, &w->node[n]);
}

static void check_empty(struct world *w)
{
    for (const struct record *r = w->server.records; r; r = r->next)
        CHECK(w, is_stray(w, r));
    CHECK(w, w->server.leases_len == 0 && w->server.fences_len == 0);
    CHECK(w, w->server.epoch == 0);
    w->tally->empty++;
}

/* All leave, or are killed; then a last one finds nothing but what it has to reap. */
static void finish(struct world *w)
{
    bool kill = chance(w, 30), reap = true;

    for (unsigned n = 0; n < w->nodes; n++) {
        reap &= !w->node[n].alive || kill; /* unless one that leaves was there to do it */
        if (w->node[n].alive && kill)
            node_kill(w, &w->node[n]);
        else if (w->node[n].alive)
            node_leave(w, n);
    }
    if (reap) {
        node_start(w, &w->node[0]);
        settle(w);
        node_leave(w, 0);
    }
    check_empty(w);
}

static void run(uint64_t seed, struct tally *tally, bool trace)
{
    struct world *w = heap_zalloc(1, sizeof(*w));

    w->seed = w->random = seed;
    w->tally = tally;
    w->trace = trace;
    start(w);
    uint32_t faults_percent = chance(w, 20) ? 0 : 10 + below(w, 40);
    for (unsigned step = 0; step < STEPS; step++)
        random_step(w, faults_percent);
    settle(w);
    finish(w);
    server_clear(&w->server);
    w->server.down = true;
    server_bury(w);
    heap_free(w);
}

/* A simulation in which something never happens proves nothing about it. */
static void check_tally(const struct tally *t)
{
    assert_true(t->quiet > 0 && t->brief > 0 && t->topics > 0 && t->empty > 0);
    assert_true(t->writes > 0 && t->reads > 0 && t->events > 0);
    assert_true(t->gaps > 0);
    assert_true(t->repairs > 0);
    assert_true(t->reaped > 0);
    assert_true(t->refused > 0);
    assert_true(t->late > 0);
    assert_true(t->fenced > 0);
    assert_true(t->orphans > 0);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void some_seconds_after_the_last_fault_every_node_shows_the_truth(void **state)
{
    uint64_t first = number_of("SEED", 1), rounds = number_of("ROUNDS", 1000);
    bool trace_it = number_of("TRACE", 0) != 0;
    struct tally t = {0};
    (void)state;

    log_set_level(trace_it ? LOG_DEBUG : LOG_ERROR); /* what is lost is lost on purpose */
    if (getenv("SEED") && !getenv("ROUNDS"))
        rounds = 1;
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        printf("%" PRIu64 "%s", seed, seed % 20 == 0 ? "\n" : " ");
        fflush(stdout);
        run(seed, &t, trace_it);
    }

    printf("\n%" PRIu64 " quiet times, %" PRIu64 " topics found true, %" PRIu64
           " times nothing left, %" PRIu64 " events\n",
           t.quiet, t.topics, t.empty, t.events);
    printf("%" PRIu64 " writes (%" PRIu64 " refused, %" PRIu64 " late, %" PRIu64
           " fenced off), %" PRIu64 " reads, %" PRIu64 " gaps, %" PRIu64 " repairs, %" PRIu64
           " reaped, %" PRIu64 " orphans\n",
           t.writes, t.refused, t.late, t.fenced, t.reads, t.gaps, t.repairs, t.reaped, t.orphans);
    if (rounds >= 100)
        check_tally(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_seconds_after_the_last_fault_every_node_shows_the_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
