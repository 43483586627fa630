/* SPDX-License-Identifier: MIT */
/*
 * topic_test.c - claims about one topic: who is here, and the net change since the last settling.
 */
#include "core/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct tables tables;
    struct topic_settings settings;
    struct topic *topic;
};

static int make_topic(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    pool_init(&f->tables.topics, sizeof(struct topic));
    pool_init(&f->tables.presences, sizeof(struct presence));
    wheel_init(&f->tables.wheel, 1, 0);
    f->tables.seed = (struct hash_seed){1, 2};
    f->tables.home = 3;
    f->settings = (struct topic_settings){.presences_max = 2000, .announce_rate = 1};
    f->topic = pool_take(&f->tables.topics);
    topic_init(f->topic, &f->tables, B("post:1"), &f->settings);
    *state = f;
    return 0;
}

/* Also the claim that nothing is left when all have left. */
static int end_topic(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;

    for (uint32_t i = 0; i < t->list_len; i++)
        if (t->list[i]->here)
            topic_leave(t->list[i]);
    topic_diff(t);
    topic_settle(t);
    assert_int_equal(t->viewers, 0);
    assert_int_equal(t->people, 0);
    assert_int_equal(f->tables.presences.live, 0);
    assert_int_equal(f->tables.keys.len, 0);

    topic_release(t);
    pool_put(&f->tables.topics, t);
    pool_release(&f->tables.topics);
    pool_release(&f->tables.presences);
    keys_release(&f->tables.keys);
    heap_free(f);
    return 0;
}

static struct topic *topic_of(void **state)
{
    return ((struct fixture *)*state)->topic;
}

static struct presence *join(struct topic *t, const char *key)
{
    struct presence *p = NULL;

    assert_int_equal(topic_join(t, bytes_str(key), B(""), &p), TOPIC_OK);
    return p;
}

static void announce(struct topic *t)
{
    topic_diff(t);
    topic_settle(t);
}

static unsigned count(const struct presence *p)
{
    unsigned n = 0;

    for (; p; p = p->next_change)
        n++;
    return n;
}

static void assert_counts(const struct topic *t, uint32_t viewers, uint32_t people)
{
    assert_int_equal(t->viewers, viewers);
    assert_int_equal(t->people, people);
}

static void assert_text(struct bytes found, const char *expected)
{
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.ptr, expected, found.len);
}

static void a_quiet_topic_has_no_diff(void **state)
{
    struct topic *t = topic_of(state);

    assert_null(topic_diff(t));
    topic_settle(t);
    join(t, "ann");
    announce(t);

    assert_null(topic_diff(t));
    assert_false(topic_counts_changed(t));
}

static void a_join_is_told_once(void **state)
{
    struct topic *t = topic_of(state);

    struct presence *p = join(t, "ann");
    assert_counts(t, 1, 1);
    assert_true(topic_counts_changed(t));
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->joined, p);
    assert_int_equal(count(d->joined), 1);
    assert_null(d->left);
    assert_null(d->updated);
    assert_false(p->told);
    topic_settle(t);
    assert_true(p->told);
    assert_null(topic_diff(t));
}

static void a_leave_is_told_once_with_the_presence_still_readable(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p = join(t, "ann");
    announce(t);

    topic_leave(p);
    assert_counts(t, 0, 0);
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->left, p);
    assert_int_equal(count(d->left), 1);
    assert_null(d->joined);
    assert_text(presence_key(d->left), "ann");
    topic_settle(t);
    assert_int_equal(t->list_len, 0);
}

static void a_join_and_leave_within_a_window_cancel(void **state)
{
    struct topic *t = topic_of(state);

    topic_leave(join(t, "ann"));

    assert_null(topic_diff(t));
    assert_false(topic_counts_changed(t));
    assert_int_equal(t->list_len, 0);
}

static void a_reload_within_one_window_is_not_announced(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p = join(t, "ann");
    announce(t);
    uint64_t ref = p->ref;

    topic_leave(p);
    topic_return(p);

    assert_null(topic_diff(t));
    assert_counts(t, 1, 1);
    assert_true(p->ref == ref && p->told);
}

static void whoever_joins_and_reloads_within_one_window_is_told_once(void **state)
{
    struct topic *t = topic_of(state);

    struct presence *p = join(t, "ann");
    topic_leave(p);
    topic_return(p);
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->joined, p);
    assert_null(d->joined->next_change);
    topic_settle(t);
}

static void a_thousand_joins_in_one_window_are_one_diff(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p[1000];
    char key[16];

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "p%u", i);
        p[i] = join(t, key);
    }
    const struct diff *d = topic_diff(t);
    const struct presence *at = d->joined;

    for (unsigned i = 0; i < 1000; i++, at = at->next_change)
        assert_ptr_equal(at, p[i]);
    assert_null(at);
    topic_settle(t);
    assert_counts(t, 1000, 1000);
}

static void a_diff_lists_the_oldest_change_first(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *a = join(t, "ann"), *b = join(t, "bob"), *c = join(t, "cy");
    announce(t);

    topic_leave(c);
    topic_leave(a);
    topic_leave(b);
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->left, c);
    assert_ptr_equal(d->left->next_change, a);
    assert_ptr_equal(d->left->next_change->next_change, b);
    topic_settle(t);
}

static void joins_leaves_and_updates_share_one_diff(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *a = join(t, "ann"), *b = join(t, "bob");
    announce(t);

    topic_leave(a);
    assert_true(topic_update(b, B("{\"n\":1}")));
    struct presence *c = join(t, "cy");
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->left, a);
    assert_ptr_equal(d->updated, b);
    assert_ptr_equal(d->joined, c);
    assert_int_equal(count(d->left) + count(d->updated) + count(d->joined), 3);
    topic_settle(t);
}

static void two_tabs_are_one_person(void **state)
{
    struct topic *t = topic_of(state);

    struct presence *a = join(t, "ann"), *b = join(t, "ann");
    join(t, "bob");
    assert_counts(t, 3, 2);
    assert_ptr_equal(a->key, b->key);
    assert_true(a->ref != b->ref);
    topic_leave(a);
    assert_counts(t, 2, 2);
    topic_leave(b);

    assert_counts(t, 1, 1);
}

static void one_person_in_two_topics_is_a_person_of_each(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic, *other = pool_take(&f->tables.topics);

    topic_init(other, &f->tables, B("post:2"), &f->settings);
    struct presence *a = join(t, "ann"), *b = join(other, "ann");
    assert_ptr_not_equal(a->key, b->key);
    topic_leave(b);
    announce(other);

    assert_counts(t, 1, 1);
    assert_counts(other, 0, 0);
    assert_int_equal(f->tables.keys.len, 1);
    topic_release(other);
    pool_put(&f->tables.topics, other);
}

static void keys_are_bytes_of_which_every_one_counts(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p;

    assert_int_equal(topic_join(t, B("a\0b"), B(""), &p), TOPIC_OK);
    assert_int_equal(topic_join(t, B("a\0c"), B(""), &p), TOPIC_OK);
    assert_int_equal(topic_join(t, B("a"), B(""), &p), TOPIC_OK);
    assert_int_equal(topic_join(t, (struct bytes){0}, B(""), &p), TOPIC_OK);

    assert_counts(t, 4, 4);
    assert_int_equal(presence_key(p).len, 0);
}

static void a_ref_is_never_reused_and_names_its_home(void **state)
{
    struct topic *t = topic_of(state);
    uint64_t last = 0;

    for (unsigned i = 0; i < 50; i++) {
        struct presence *p = join(t, "ann");
        assert_true(p->ref > last);
        assert_int_equal(p->ref & 0xff, 3);
        last = p->ref;
        topic_leave(p);
        announce(t);
    }
}

static void no_meta_is_the_empty_object(void **state)
{
    struct topic *t = topic_of(state);

    struct presence *p = join(t, "ann");

    assert_text(presence_meta(p), "{}");
    assert_text(presence_told_meta(p), "{}");
    assert_false(topic_update(p, B("{}")));
    assert_false(topic_update(p, B("")));
    assert_int_equal(p->rev, 0);
}

static void an_update_keeps_the_old_meta_until_told(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p = join(t, "ann");
    announce(t);

    assert_true(topic_update(p, B("{\"n\":1}")));
    assert_true(topic_update(p, B("{\"n\":2}")));
    assert_text(presence_meta(p), "{\"n\":2}");
    assert_text(presence_told_meta(p), "{}");
    assert_int_equal(presence_told_rev(p), 0);
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->updated, p);
    assert_text(presence_told_meta(p), "{}");
    topic_settle(t);
    assert_text(presence_told_meta(p), "{\"n\":2}");
    assert_int_equal(presence_told_rev(p), p->rev);
    assert_true(p->rev != 0);
}

static void an_update_back_to_the_told_meta_is_not_told(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p;
    assert_int_equal(topic_join(t, B("ann"), B("{\"n\":1}"), &p), TOPIC_OK);
    announce(t);
    uint16_t rev = p->rev;

    topic_update(p, B("{\"n\":2}"));
    topic_update(p, B("{\"n\":1}"));

    assert_null(topic_diff(t));
    assert_int_equal(p->rev, rev);
    assert_text(presence_told_meta(p), "{\"n\":1}");
}

static void an_update_of_one_who_is_not_told_yet_is_part_of_the_join(void **state)
{
    struct topic *t = topic_of(state);

    struct presence *p = join(t, "ann");
    topic_update(p, B("{\"n\":1}"));
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->joined, p);
    assert_null(d->updated);
    assert_text(presence_meta(p), "{\"n\":1}");
    topic_settle(t);
}

static void whoever_updates_and_leaves_is_told_as_left_with_the_old_rev(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p = join(t, "ann");
    announce(t);

    topic_update(p, B("{\"n\":1}"));
    topic_leave(p);
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->left, p);
    assert_null(d->updated);
    assert_int_equal(presence_told_rev(p), 0);
    assert_text(presence_told_meta(p), "{}");
    topic_settle(t);
}

static void a_return_with_another_meta_is_an_update(void **state)
{
    struct topic *t = topic_of(state);
    struct presence *p = join(t, "ann");
    announce(t);

    topic_leave(p);
    topic_return(p);
    topic_update(p, B("{\"n\":1}"));
    const struct diff *d = topic_diff(t);

    assert_ptr_equal(d->updated, p);
    assert_null(d->joined);
    assert_null(d->left);
    topic_settle(t);
}

static void a_full_topic_refuses_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct presence *p = NULL;

    f->settings.presences_max = 2;
    join(t, "ann");
    join(t, "bob");
    uint32_t seq = t->seq;

    assert_int_equal(topic_join(t, B("cy"), B("{\"n\":1}"), &p), TOPIC_FULL);
    assert_null(p);
    assert_counts(t, 2, 2);
    assert_int_equal(t->seq, seq);
    assert_int_equal(f->tables.presences.live, 2);
    assert_int_equal(f->tables.keys.len, 2);
}

static void one_who_left_makes_room_once_that_is_announced(void **state)
{
    struct fixture *f = *state;
    struct topic *t = f->topic;
    struct presence *p;

    f->settings.presences_max = 1;
    topic_leave(join(t, "ann"));
    assert_int_equal(topic_join(t, B("bob"), B(""), &p), TOPIC_FULL);
    announce(t);

    assert_int_equal(topic_join(t, B("bob"), B(""), &p), TOPIC_OK);
}

static void seq_goes_up_with_every_change_of_the_numbers_and_is_never_0(void **state)
{
    struct topic *t = topic_of(state);
    uint32_t seq = t->seq;

    assert_true(seq != 0);
    struct presence *p = join(t, "ann");
    assert_int_equal(t->seq, seq + 1);
    topic_update(p, B("{\"n\":1}"));
    announce(t);
    assert_int_equal(t->seq, seq + 1);
    topic_leave(p);
    assert_int_equal(t->seq, seq + 2);
    t->seq = UINT32_MAX;
    topic_return(p);

    assert_int_equal(t->seq, 1);
}

static void a_settled_topic_forgets_the_states_of_the_last_announcement(void **state)
{
    struct topic *t = topic_of(state);

    t->state_cache[2] = blob_new(B("state"));
    announce(t);
    assert_non_null(t->state_cache[2]);
    struct presence *p = join(t, "ann");
    announce(t);
    assert_null(t->state_cache[2]);
    t->state_cache[2] = blob_new(B("state"));
    topic_update(p, B("{\"n\":1}"));
    announce(t);

    assert_null(t->state_cache[2]);
}

#define topic_unit_test(f) cmocka_unit_test_setup_teardown(f, make_topic, end_topic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        topic_unit_test(a_quiet_topic_has_no_diff),
        topic_unit_test(a_join_is_told_once),
        topic_unit_test(a_leave_is_told_once_with_the_presence_still_readable),
        topic_unit_test(a_join_and_leave_within_a_window_cancel),
        topic_unit_test(a_reload_within_one_window_is_not_announced),
        topic_unit_test(whoever_joins_and_reloads_within_one_window_is_told_once),
        topic_unit_test(a_thousand_joins_in_one_window_are_one_diff),
        topic_unit_test(a_diff_lists_the_oldest_change_first),
        topic_unit_test(joins_leaves_and_updates_share_one_diff),
        topic_unit_test(two_tabs_are_one_person),
        topic_unit_test(one_person_in_two_topics_is_a_person_of_each),
        topic_unit_test(keys_are_bytes_of_which_every_one_counts),
        topic_unit_test(a_ref_is_never_reused_and_names_its_home),
        topic_unit_test(no_meta_is_the_empty_object),
        topic_unit_test(an_update_keeps_the_old_meta_until_told),
        topic_unit_test(an_update_back_to_the_told_meta_is_not_told),
        topic_unit_test(an_update_of_one_who_is_not_told_yet_is_part_of_the_join),
        topic_unit_test(whoever_updates_and_leaves_is_told_as_left_with_the_old_rev),
        topic_unit_test(a_return_with_another_meta_is_an_update),
        topic_unit_test(a_full_topic_refuses_and_changes_nothing),
        topic_unit_test(one_who_left_makes_room_once_that_is_announced),
        topic_unit_test(seq_goes_up_with_every_change_of_the_numbers_and_is_never_0),
        topic_unit_test(a_settled_topic_forgets_the_states_of_the_last_announcement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
