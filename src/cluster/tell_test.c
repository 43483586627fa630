/* SPDX-License-Identifier: MIT */
#include "cluster/tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/heap.h"
#include "cluster/share_text.h"
#include "core/share.h"

enum { WRITES_MAX = 8 };

/* A bus that notes what is written, and the topic as another node would have it. */
struct fixture {
    struct bus bus;
    struct hub hub;
    struct membership member;
    struct cluster cluster;
    struct topic_settings settings;
    struct topic *topic;
    struct tables tables; /* of the other node */
    struct topic there;
    struct share *share;
    unsigned writes, refuse_after;
    struct {
        bool whole;
        uint64_t version;
        size_t set, removed;
        uint32_t size;
    } write[WRITES_MAX];
};

static bool note_write(struct bus *b, const struct bus_write *w)
{
    struct fixture *f = CONTAINER_OF(b, struct fixture, bus);
    struct share_message m;

    if (f->writes == f->refuse_after)
        return false;
    assert_true(f->writes < WRITES_MAX);
    assert_true(share_message_parse(&m, w->message));
    assert_int_equal(m.version, w->version);
    assert_int_equal(m.whole, w->whole);
    assert_int_equal(2 * m.joined_len, w->set_len);
    assert_int_equal(m.removed_len, w->removed_len);
    if (m.whole)
        share_begin_whole(f->share);
    for (size_t i = 0; i < m.removed_len; i++)
        share_remove(f->share, m.removed[i]);
    for (size_t i = 0; i < m.joined_len; i++) {
        struct share_entry e;
        void *json;
        assert_true(share_entry_parse(&e, w->set[2 * i], w->set[2 * i + 1], &json));
        assert_int_equal(e.ref, m.joined[i].ref);
        share_entry_release(&e, json);
        share_put(f->share, &m.joined[i]);
    }
    if (m.whole)
        share_end_whole(f->share);
    assert_int_equal(share_viewers(f->share), m.size);
    f->write[f->writes].whole = w->whole;
    f->write[f->writes].version = w->version;
    f->write[f->writes].set = w->set_len / 2;
    f->write[f->writes].removed = w->removed_len;
    f->write[f->writes++].size = m.size;
    share_message_release(&m);
    return true;
}

static uint64_t note_subscribe(struct bus *b, struct bytes topic)
{
    (void)b;
    (void)topic;
    return 1;
}

static bool note_unsubscribe(struct bus *b, struct bytes topic)
{
    (void)b;
    (void)topic;
    return true;
}

static const struct bus_ops ops = {
    .write = note_write, .subscribe = note_subscribe, .unsubscribe = note_unsubscribe};

static struct hub_joined join(struct fixture *f, unsigned person)
{
    char key[16];
    struct hub_joined out;

    snprintf(key, sizeof(key), "p%u", person);
    struct hub_join in = {.topic = B("post:1"),
                          .hash = hash_bytes(&f->hub.tables.seed, B("post:1")),
                          .settings = &f->settings,
                          .person = bytes_str(key),
                          .meta = B("{\"n\":1}"),
                          .audience = {1, 1},
                          .counted = true};
    assert_int_equal(hub_join(&f->hub, &in, &out), HUB_OK);
    f->topic = hub_topic(&f->hub, out.topic);
    cluster_follow(&f->cluster, f->topic);
    return out;
}

static void leave(struct fixture *f, const struct hub_joined *joined)
{
    struct hub_leave in = {
        .topic = joined->topic, .presence = joined->presence, .audience = {1, 1}};

    hub_leave(&f->hub, 1, &in);
}

static void announce(struct fixture *f)
{
    const struct diff *d = topic_diff(f->topic);

    cluster_tell(&f->cluster, f->topic, d);
    topic_settle(f->topic);
}

static int begin(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    f->bus.ops = &ops;
    f->refuse_after = WRITES_MAX;
    f->settings = (struct topic_settings){.presences_max = 10000, .announce_rate = 1};
    f->member = (struct membership){.node = 0xab, .lease_ms = 5000, .life = 1};
    hub_init(&f->hub, (struct hash_seed){1, 2}, 0xab, 0);
    cluster_init(&f->cluster, &f->member, &f->hub, false);
    f->cluster.bus = &f->bus;
    f->cluster.up = true;
    f->cluster.life = 1;
    pool_init(&f->tables.topics, sizeof(struct topic));
    pool_init(&f->tables.presences, sizeof(struct presence));
    wheel_init(&f->tables.wheel, 1, 0);
    topic_init(&f->there, &f->tables, B("post:1"), &f->settings);
    f->share = share_add(&f->there, 0xab, 1);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    share_drop(f->share);
    topic_diff(&f->there);
    topic_settle(&f->there);
    topic_release(&f->there);
    keys_release(&f->tables.keys);
    pool_release(&f->tables.topics);
    pool_release(&f->tables.presences);
    cluster_release(&f->cluster);
    hub_release(&f->hub);
    heap_free(f);
    return 0;
}

static void a_change_holds_what_joined_and_what_left(void **state)
{
    struct fixture *f = *state;
    struct hub_joined first = join(f, 1);

    join(f, 2);
    announce(f);
    leave(f, &first);
    join(f, 3);
    announce(f);

    assert_int_equal(f->writes, 2);
    assert_int_equal(f->write[0].set, 2);
    assert_int_equal(f->write[0].size, 2);
    assert_int_equal(f->write[1].set, 1);
    assert_int_equal(f->write[1].removed, 1);
    assert_int_equal(f->write[1].size, 2);
    assert_int_equal(f->write[1].version, f->write[0].version + 1);
    assert_int_equal(f->topic->interest->size, 2);
}

static void an_announcement_without_a_change_of_its_own_is_not_written(void **state)
{
    struct fixture *f = *state;
    struct share_entry e = {.ref = 9, .key = B("ann"), .meta = B("{}")};

    join(f, 1);
    announce(f);
    share_put(share_add(f->topic, 2, 1), &e);
    announce(f);

    assert_int_equal(f->writes, 1);
}

static void many_are_told_in_several_writes(void **state)
{
    struct fixture *f = *state;
    struct hub_joined out[2500];

    for (unsigned i = 0; i < 2500; i++)
        out[i] = join(f, i);
    announce(f);
    assert_int_equal(f->writes, 3);
    assert_int_equal(f->write[0].set, 1000);
    assert_int_equal(f->write[2].set, 500);
    assert_int_equal(f->write[2].size, 2500);

    assert_true(tell_whole(&f->cluster, f->topic->interest));
    assert_int_equal(f->writes, 6);
    assert_true(f->write[3].whole);
    assert_false(f->write[4].whole || f->write[5].whole);
    assert_int_equal(f->write[5].version, 6);
    assert_int_equal(f->write[5].size, 2500);

    for (unsigned i = 0; i < 1500; i++)
        leave(f, &out[i]);
    announce(f);
    assert_int_equal(f->writes, 8);
    assert_int_equal(f->write[6].removed, 1000);
    assert_int_equal(f->write[7].removed, 500);
    assert_int_equal(share_viewers(f->share), 1000);
}

static void a_write_that_is_refused_half_way_is_made_good_whole(void **state)
{
    struct fixture *f = *state;
    struct interest *i;

    for (unsigned k = 0; k < 1500; k++)
        join(f, k);
    f->refuse_after = 1;
    announce(f);
    i = f->topic->interest;
    assert_true(i->dirty);

    f->refuse_after = WRITES_MAX;
    join(f, 1500);
    announce(f); /* nothing: all is to be told anyway */
    assert_int_equal(f->writes, 1);
    assert_true(tell_whole(&f->cluster, i));
    assert_int_equal(share_viewers(f->share), 1501);
}

static void nothing_is_told_whole_where_nothing_was(void **state)
{
    struct fixture *f = *state;
    struct hub_joined out = join(f, 1);

    assert_true(tell_whole(&f->cluster, f->topic->interest)); /* nobody knows of it yet */
    assert_int_equal(f->writes, 0);

    announce(f);
    leave(f, &out);
    join(f, 2);
    announce(f);
    assert_int_equal(f->writes, 2);
}

static void an_empty_share_is_told_where_another_may_be_known(void **state)
{
    struct fixture *f = *state;
    struct hub_joined out = join(f, 1);

    announce(f);
    f->refuse_after = 1;
    leave(f, &out);
    announce(f);
    f->refuse_after = WRITES_MAX;
    assert_true(f->topic->interest->dirty && f->topic->interest->there);
    assert_true(tell_whole(&f->cluster, f->topic->interest));

    assert_int_equal(f->writes, 2);
    assert_true(f->write[1].whole);
    assert_int_equal(f->write[1].size, 0);
    assert_int_equal(share_viewers(f->share), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_holds_what_joined_and_what_left, begin, end),
        cmocka_unit_test_setup_teardown(an_announcement_without_a_change_of_its_own_is_not_written,
                                        begin, end),
        cmocka_unit_test_setup_teardown(many_are_told_in_several_writes, begin, end),
        cmocka_unit_test_setup_teardown(a_write_that_is_refused_half_way_is_made_good_whole, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nothing_is_told_whole_where_nothing_was, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_share_is_told_where_another_may_be_known, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
