/* SPDX-License-Identifier: MIT */
#include "core/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/heap.h"

struct fixture {
    struct tables tables;
    struct topic_settings settings;
    struct topic *topic;
};

static int begin(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    pool_init(&f->tables.topics, sizeof(struct topic));
    pool_init(&f->tables.presences, sizeof(struct presence));
    wheel_init(&f->tables.wheel, 1, 0);
    f->tables.node = 1;
    f->settings = (struct topic_settings){.presences_max = 100, .announce_rate = 1};
    f->topic = pool_take(&f->tables.topics);
    topic_init(f->topic, &f->tables, B("post:1"), &f->settings);
    *state = f;
    return 0;
}

static void settle(struct topic *t)
{
    topic_diff(t);
    topic_settle(t);
}

static int end(void **state)
{
    struct fixture *f = *state;

    while (f->topic->shares)
        share_drop(f->topic->shares);
    settle(f->topic);
    assert_int_equal(f->tables.presences.live, 0);
    topic_release(f->topic);
    pool_put(&f->tables.topics, f->topic);
    pool_release(&f->tables.topics);
    pool_release(&f->tables.presences);
    keys_release(&f->tables.keys);
    heap_free(f);
    return 0;
}

static struct share_entry entry(uint64_t ref, struct bytes key, struct bytes meta)
{
    return (struct share_entry){.ref = ref, .key = key, .meta = meta};
}

static void put(struct share *s, uint64_t ref, struct bytes key)
{
    struct share_entry e = entry(ref, key, B("{}"));

    share_put(s, &e);
}

static void one_person_on_two_nodes_is_one(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct presence *local;

    assert_int_equal(topic_join(t, B("ann"), B(""), &local), TOPIC_OK);
    put(share_add(t, 2, 1), 7, B("ann"));

    assert_int_equal(t->viewers, 2);
    assert_int_equal(t->people, 1);
    assert_int_equal(t->remote_len, 1);

    topic_leave(local);
}

static void a_dropped_share_takes_its_people_with_it(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct share *s = share_add(t, 2, 1);

    for (uint64_t ref = 1; ref <= 50; ref++)
        put(s, ref, B("bob"));
    settle(t);
    share_drop(s);
    const struct diff *d = topic_diff(t);

    assert_non_null(d->left);
    assert_int_equal(t->viewers, 0);
    assert_null(share_find(t, 2));
    topic_settle(t);
    assert_int_equal(t->list_len, 0);
}

static void a_share_that_comes_back_within_a_window_is_not_announced(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;

    put(share_add(t, 2, 1), 7, B("bob"));
    settle(t);
    share_drop(t->shares);
    put(share_add(t, 2, 2), 7, B("bob"));

    assert_null(topic_diff(t));
    assert_int_equal(t->viewers, 1);
}

static void a_whole_share_replaces_what_it_does_not_hold(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct share *s = share_add(t, 2, 1);

    for (uint64_t ref = 1; ref <= 40; ref++)
        put(s, ref, B("old"));
    share_begin_whole(s);
    for (uint64_t ref = 31; ref <= 60; ref++)
        put(s, ref, B("new"));
    share_end_whole(s);

    assert_int_equal(share_viewers(s), 30);
    assert_int_equal(t->viewers, 30);
    assert_int_equal(t->people, 2); /* 31 to 40 keep the key that they came with */
}

static void an_update_keeps_the_other_nodes_revision(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct share *s = share_add(t, 2, 1);
    struct share_entry e = entry(7, B("bob"), B("{\"a\":1}"));

    put(s, 7, B("bob"));
    settle(t);
    e.rev = 9;
    share_put(s, &e);
    const struct diff *d = topic_diff(t);

    assert_non_null(d->updated);
    assert_int_equal(d->updated->rev, 9);
    assert_int_equal(presence_told_rev(d->updated), 0);
    topic_settle(t);
}

static void removing_what_is_not_known_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct share *s = share_add(f->topic, 2, 1);

    share_remove(s, 1);
    put(s, 2, B("bob"));
    share_remove(s, 1);
    share_remove(s, 2);
    share_remove(s, 2);

    assert_int_equal(f->topic->viewers, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(one_person_on_two_nodes_is_one),
        CASE(a_dropped_share_takes_its_people_with_it),
        CASE(a_share_that_comes_back_within_a_window_is_not_announced),
        CASE(a_whole_share_replaces_what_it_does_not_hold),
        CASE(an_update_keeps_the_other_nodes_revision),
        CASE(removing_what_is_not_known_is_harmless),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
