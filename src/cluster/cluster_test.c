/* SPDX-License-Identifier: MIT */
/*
 * cluster_test.c - orders of answers that the simulator meets too rarely, as timelines.
 */
#include "cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/heap.h"
#include "cluster/interest.h"

/* A bus that only notes what was asked. */
struct fixture {
    struct bus bus;
    struct hub hub;
    struct membership member;
    struct cluster cluster;
    struct topic_settings settings;
    struct hub_joined joined;
    uint64_t subscribed, read; /* tickets */
    unsigned reads, writes, reaps;
    struct life renewed, written, reaped;
    bool fresh;
};

static struct fixture *fixture_of(struct bus *b)
{
    return CONTAINER_OF(b, struct fixture, bus);
}

static bool on_write(struct bus *b, const struct bus_write *w)
{
    fixture_of(b)->writes++;
    fixture_of(b)->written = w->life;
    return true;
}

static uint64_t on_subscribe(struct bus *b, struct bytes topic)
{
    (void)topic;
    return ++fixture_of(b)->subscribed;
}

static bool on_unsubscribe(struct bus *b, struct bytes topic)
{
    (void)b;
    (void)topic;
    return true;
}

static bool on_read(struct bus *b, const struct bus_question *q)
{
    fixture_of(b)->reads++;
    fixture_of(b)->read = q->ticket;
    return true;
}

static bool on_check(struct bus *b, const struct bus_question *q)
{
    (void)b;
    (void)q;
    return true;
}

static bool on_renew(struct bus *b, struct life life, uint32_t lease_ms, bool fresh)
{
    (void)lease_ms;
    fixture_of(b)->renewed = life;
    fixture_of(b)->fresh = fresh;
    return true;
}

static bool on_reap(struct bus *b, struct life life, bool leaving)
{
    (void)leaving;
    fixture_of(b)->reaps++;
    fixture_of(b)->reaped = life;
    return true;
}

static void on_tick(struct bus *b, uint64_t now_ms)
{
    (void)b;
    (void)now_ms;
}

static const struct bus_ops ops = {.write = on_write,
                                   .subscribe = on_subscribe,
                                   .unsubscribe = on_unsubscribe,
                                   .read = on_read,
                                   .check = on_check,
                                   .renew = on_renew,
                                   .reap = on_reap,
                                   .tick = on_tick};

static struct topic *join(struct fixture *f, bool counted)
{
    struct hub_join in = {.topic = B("post:1"),
                          .hash = hash_bytes(&f->hub.tables.seed, B("post:1")),
                          .settings = &f->settings,
                          .person = B("ann"),
                          .audience = {1, 1},
                          .counted = counted};
    struct topic *t;

    assert_int_equal(hub_join(&f->hub, &in, &f->joined), HUB_OK);
    t = hub_topic(&f->hub, f->joined.topic);
    cluster_follow(&f->cluster, t);
    return t;
}

static void leave(struct fixture *f)
{
    struct hub_leave in = {
        .topic = f->joined.topic, .presence = f->joined.presence, .audience = {1, 1}};

    hub_leave(&f->hub, 1, &in);
}

static void announce(struct fixture *f)
{
    struct topic *t;

    while ((t = hub_due(&f->hub))) {
        cluster_tell(&f->cluster, t, topic_diff(t));
        hub_announced(&f->hub, t, f->cluster.now_ms);
    }
    while ((t = hub_idle(&f->hub)))
        cluster_forget(&f->cluster, t);
}

static void answer_renewal(struct fixture *f, struct life life, enum bus_lease lease)
{
    struct bus_renewal r = {.life = life, .lease = lease, .epoch = 5};

    cluster_bus_handler.on_renewed(&f->cluster, &r);
}

static void answer_read(struct fixture *f, uint64_t ticket)
{
    struct bus_reading r = {.epoch = 5};

    cluster_bus_handler.on_read(&f->cluster, B("post:1"), ticket, &r);
}

static void confirm(struct fixture *f, uint64_t ticket)
{
    cluster_bus_handler.on_subscribed(&f->cluster, B("post:1"), ticket);
}

static void written(struct fixture *f, struct life life, enum bus_lease lease)
{
    cluster_bus_handler.on_written(&f->cluster, B("post:1"), life, lease);
}

static int begin(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    f->bus.ops = &ops;
    f->settings = (struct topic_settings){.presences_max = 100, .announce_rate = 100000};
    f->member = (struct membership){.node = 7, .lease_ms = 5000};
    hub_init(&f->hub, (struct hash_seed){1, 2}, 7, 0);
    cluster_init(&f->cluster, &f->member, &f->hub, true);
    f->cluster.bus = &f->bus;
    cluster_bus_handler.on_up(&f->cluster);
    cluster_tick(&f->cluster, 1000);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    cluster_release(&f->cluster);
    hub_release(&f->hub);
    heap_free(f);
    return 0;
}

static void hold_lease(struct fixture *f)
{
    answer_renewal(f, f->renewed, BUS_LEASE_HELD);
    cluster_tick(&f->cluster, f->cluster.now_ms + 50);
}

static void a_read_for_an_earlier_interest_is_not_believed(void **state)
{
    struct fixture *f = *state;

    join(f, false);
    confirm(f, 1);
    uint64_t first = f->read;
    leave(f);
    announce(f);
    struct topic *t = join(f, false);
    confirm(f, 2);
    assert_int_equal(f->reads, 2);

    answer_read(f, first);
    assert_int_equal(t->interest->state, INTEREST_READING);
    answer_read(f, f->read);
    assert_int_equal(t->interest->state, INTEREST_LIVE);
}

static void a_subscription_that_was_undone_does_not_count(void **state)
{
    struct fixture *f = *state;

    join(f, false);
    leave(f);
    announce(f);
    struct topic *t = join(f, false);

    confirm(f, 1);
    assert_int_equal(t->interest->state, INTEREST_SUBSCRIBING);
    confirm(f, 2);
    assert_int_equal(t->interest->state, INTEREST_READING);
}

static void a_life_is_written_under_only_when_its_lease_is_held(void **state)
{
    struct fixture *f = *state;

    join(f, true);
    announce(f);
    cluster_tick(&f->cluster, 1050);
    assert_true(f->fresh);
    assert_int_equal(f->writes, 0);

    hold_lease(f);
    assert_int_equal(f->writes, 1);
    assert_int_equal(f->written.number, 1);
}

static void a_refusal_of_a_life_that_was_replaced_costs_no_other(void **state)
{
    struct fixture *f = *state;
    struct life first = f->renewed;

    hold_lease(f);
    join(f, true);
    announce(f);
    written(f, first, BUS_LEASE_LOST);
    cluster_tick(&f->cluster, 2000);
    assert_true(f->fresh);
    hold_lease(f);
    assert_int_equal(f->member.life, 2);
    assert_int_equal(f->reaped.number, 1); /* what it may have left */
    assert_int_equal(f->reaps, 1);

    written(f, first, BUS_LEASE_LOST);
    cluster_tick(&f->cluster, 4000);
    assert_false(f->fresh);
    assert_int_equal(f->renewed.number, 2);
}

static void nothing_is_written_between_two_leases(void **state)
{
    struct fixture *f = *state;

    hold_lease(f);
    join(f, true);
    announce(f);
    unsigned writes = f->writes;
    written(f, f->written, BUS_LEASE_LOST);
    for (uint64_t now_ms = 2000; now_ms < 3000; now_ms += 50)
        cluster_tick(&f->cluster, now_ms);
    assert_int_equal(f->writes, writes);

    hold_lease(f);
    assert_int_equal(f->writes, writes + 1);
    assert_int_equal(f->written.number, 2);
}

static void a_topic_is_let_go_of_when_its_empty_share_is_confirmed(void **state)
{
    struct fixture *f = *state;

    hold_lease(f);
    struct topic *t = join(f, true);
    announce(f);
    leave(f);
    cluster_tick(&f->cluster, f->cluster.now_ms + 100);
    hub_expire(&f->hub, f->cluster.now_ms);
    announce(f);
    assert_int_equal(f->writes, 2);
    cluster_tick(&f->cluster, f->cluster.now_ms + 50);
    assert_non_null(t->interest);

    written(f, f->written, BUS_LEASE_HELD);
    written(f, f->written, BUS_LEASE_HELD);
    cluster_tick(&f->cluster, f->cluster.now_ms + 50);
    assert_int_equal(f->cluster.interests_len, 0);
}

static void a_node_that_leaves_neither_renews_nor_writes(void **state)
{
    struct fixture *f = *state;

    hold_lease(f);
    join(f, true);
    cluster_leave(&f->cluster);
    assert_int_equal(f->reaps, 1);
    announce(f);
    f->renewed = (struct life){0};
    for (uint64_t now_ms = 2000; now_ms < 9000; now_ms += 50)
        cluster_tick(&f->cluster, now_ms);

    assert_int_equal(f->writes, 0);
    assert_int_equal(f->renewed.number, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_for_an_earlier_interest_is_not_believed, begin, end),
        cmocka_unit_test_setup_teardown(a_subscription_that_was_undone_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(a_life_is_written_under_only_when_its_lease_is_held, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_refusal_of_a_life_that_was_replaced_costs_no_other, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nothing_is_written_between_two_leases, begin, end),
        cmocka_unit_test_setup_teardown(a_topic_is_let_go_of_when_its_empty_share_is_confirmed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_node_that_leaves_neither_renews_nor_writes, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
