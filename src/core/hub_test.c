/* SPDX-License-Identifier: MIT */
/*
 * hub_test.c - claims about the topics of one home: graces, windows, audiences, limits and ends.
 */
#include "core/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { GRACE_MS = 2000 };

/* One home; every call happens at `now`. */
struct fixture {
    struct hub hub;
    struct topic_settings settings;
    uint64_t now;
};

/* A subscription as its worker remembers it. */
struct sub {
    struct hub_joined in;
    const char *person;
    enum hub_result result;
};

static int make_hub(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    hub_init(&f->hub, (struct hash_seed){1, 2}, 7, 0);
    f->settings = (struct topic_settings){.leave_grace_ms = GRACE_MS,
                                          .announce_rate = 10,
                                          .announce_max_ms = 1000,
                                          .presences_max = 100};
    f->now = 1000000;
    *state = f;
    return 0;
}

static int end_hub(void **state)
{
    struct fixture *f = *state;

    hub_release(&f->hub);
    assert_null(f->hub.topics);
    assert_int_equal(f->hub.tables.keys.len, 0);
    assert_null(f->hub.tables.absents);
    assert_int_equal(f->hub.tables.wheel.live, 0);
    assert_int_equal(f->hub.rests.live, 0);
    heap_free(f);
    return 0;
}

static struct hub_join a_join(struct fixture *f, const char *person)
{
    return (struct hub_join){
        .topic = B("post:1"),
        .hash = 42,
        .settings = &f->settings,
        .person = bytes_str(person),
        .owner = {.subscription = {1, 1}, .worker = 0},
        .audience = {0, 1},
        .counted = true,
        .lasting = true,
    };
}

static struct sub joined(struct fixture *f, struct hub_join in)
{
    struct sub s = {.person = in.lasting ? in.person.ptr : ""};

    s.result = hub_join(&f->hub, &in, &s.in);
    return s;
}

static struct sub join(struct fixture *f, const char *person)
{
    return joined(f, a_join(f, person));
}

static struct sub watch(struct fixture *f)
{
    struct hub_join in = a_join(f, "watcher");

    in.counted = false;
    return joined(f, in);
}

static void end(struct fixture *f, const struct sub *s, bool broken)
{
    hub_leave(&f->hub, f->now,
              &(struct hub_leave){.topic = s->in.topic,
                                  .presence = s->in.presence,
                                  .audience = {0, 1},
                                  .person = bytes_str(s->person),
                                  .broken = broken});
}

/* The end of a turn `later_ms` from now. Returns how many topics told something. */
static unsigned turn(struct fixture *f, uint64_t later_ms)
{
    struct topic *t;
    unsigned told = 0;

    f->now += later_ms;
    hub_expire(&f->hub, f->now);
    while ((t = hub_due(&f->hub))) {
        told += topic_diff(t) || t->late;
        hub_announced(&f->hub, t, f->now);
    }
    return told;
}

static struct topic *topic_of(struct fixture *f)
{
    return hub_find(&f->hub, B("post:1"), 42);
}

static void assert_counts(struct fixture *f, uint32_t viewers, uint32_t people)
{
    struct topic *t = topic_of(f);

    assert_non_null(t);
    assert_int_equal(t->viewers, viewers);
    assert_int_equal(t->people, people);
}

static void a_join_answers_with_the_live_numbers(void **state)
{
    struct fixture *f = *state;

    join(f, "ann");
    join(f, "ann");
    struct sub s = join(f, "bob");

    assert_int_equal(s.result, HUB_OK);
    assert_int_equal(s.in.viewers, 3);
    assert_int_equal(s.in.people, 2);
    assert_int_equal(s.in.seq, topic_of(f)->seq);
    assert_true(s.in.ref != 0);
    assert_ptr_equal(hub_topic(&f->hub, s.in.topic), topic_of(f));
}

static void a_watcher_is_told_but_not_counted(void **state)
{
    struct fixture *f = *state;

    struct sub s = watch(f);

    assert_true(id_is_none(s.in.presence));
    assert_int_equal(s.in.viewers, 0);
    assert_int_equal(topic_of(f)->audience, 1);
    assert_int_equal(turn(f, 0), 0);
    join(f, "ann");
    assert_int_equal(turn(f, 0), 1);
}

static void a_quiet_topic_announces_at_once(void **state)
{
    struct fixture *f = *state;

    join(f, "ann");
    assert_int_equal(hub_next_ms(&f->hub), 0);
    assert_int_equal(turn(f, 0), 1);
    turn(f, 5000);
    join(f, "bob");

    assert_int_equal(turn(f, 0), 1);
}

static void changes_wait_for_the_window_and_are_then_told_at_once(void **state)
{
    struct fixture *f = *state;

    join(f, "ann"); /* one subscriber at 10 a second: 100 ms */
    turn(f, 0);
    join(f, "bob");
    join(f, "cy");

    assert_int_equal(turn(f, 0), 0);
    assert_true(hub_next_ms(&f->hub) <= f->now + 100);
    assert_int_equal(turn(f, 99), 0);
    assert_int_equal(turn(f, 1), 1);
    assert_int_equal(topic_of(f)->told_viewers, 3);
}

static void an_announcement_with_nothing_to_tell_takes_no_window(void **state)
{
    struct fixture *f = *state;

    watch(f);
    struct sub s = join(f, "ann");
    end(f, &s, false);
    assert_int_equal(turn(f, 0), 0);
    join(f, "bob");

    assert_int_equal(turn(f, 0), 1);
}

static void the_window_is_audience_over_rate_at_most_the_maximum(void **state)
{
    struct topic_settings s = {.announce_rate = 100000, .announce_max_ms = 1000};
    (void)state;

    assert_int_equal(hub_window_ms(&s, 0), 0);
    assert_int_equal(hub_window_ms(&s, 1), 1);
    assert_int_equal(hub_window_ms(&s, 100), 1);
    assert_int_equal(hub_window_ms(&s, 101), 2);
    assert_int_equal(hub_window_ms(&s, 10000), 100);
    assert_int_equal(hub_window_ms(&s, 100000), 1000);
    assert_int_equal(hub_window_ms(&s, UINT32_MAX), 1000);
    s.announce_max_ms = 0;
    assert_int_equal(hub_window_ms(&s, 1000), 0);
}

static void a_thousand_joins_in_one_window_are_one_announcement(void **state)
{
    struct fixture *f = *state;
    unsigned told = 0;

    f->settings.presences_max = 2000;
    join(f, "first");
    turn(f, 0);
    for (unsigned i = 0; i < 1000; i++)
        join(f, "ann");
    for (unsigned ms = 0; ms < 100; ms++)
        told += turn(f, 1);

    assert_int_equal(told, 1);
    assert_counts(f, 1001, 2);
}

static void a_reload_within_one_window_is_not_announced(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    watch(f);
    turn(f, 1);
    turn(f, 1000);

    end(f, &s, false);
    struct sub again = join(f, "ann");

    assert_true(again.in.ref == s.in.ref);
    assert_int_equal(turn(f, 0), 0);
    assert_counts(f, 1, 1);
}

static void an_explicit_leave_is_at_once(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    watch(f);
    turn(f, 0);
    turn(f, 1000);

    end(f, &s, false);

    assert_counts(f, 0, 0);
    assert_int_equal(turn(f, 0), 1);
}

static void a_broken_connection_is_held_for_its_grace(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    watch(f);
    turn(f, 0);
    turn(f, 1000);

    end(f, &s, true);
    assert_int_equal(turn(f, GRACE_MS - 1), 0);
    assert_counts(f, 1, 1);

    assert_int_equal(turn(f, 1), 1);
    assert_counts(f, 0, 0);
}

static void a_rejoin_takes_the_held_place_unannounced(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    watch(f);
    turn(f, 0);
    turn(f, 1000);

    end(f, &s, true);
    turn(f, GRACE_MS - 1);
    struct sub again = join(f, "ann");

    assert_true(again.in.ref == s.in.ref);
    assert_int_equal(turn(f, 0), 0);
    assert_int_equal(turn(f, 10 * GRACE_MS), 0);
    assert_counts(f, 1, 1);
}

static void a_rejoin_with_another_meta_is_told_as_an_update(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    struct hub_join in = a_join(f, "ann");
    turn(f, 0);
    turn(f, 1000);

    end(f, &s, true);
    in.meta = B("{\"typing\":true}");
    struct sub again = joined(f, in);

    assert_true(again.in.ref == s.in.ref);
    assert_int_equal(again.in.rev, s.in.rev + 1);
    assert_int_equal(turn(f, 0), 1);
}

static void a_rejoin_after_the_grace_is_a_new_presence(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    watch(f);

    end(f, &s, true);
    turn(f, GRACE_MS);
    turn(f, 1000);
    struct sub again = join(f, "ann");

    assert_true(again.in.ref > s.in.ref);
    assert_counts(f, 1, 1);
}

static void another_person_does_not_take_a_held_place(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");

    end(f, &s, true);
    join(f, "bob");

    assert_counts(f, 2, 2);
}

static void a_presence_without_identity_has_no_grace(void **state)
{
    struct fixture *f = *state;
    struct hub_join in = a_join(f, "session-1");
    watch(f);

    in.lasting = false;
    struct sub s = joined(f, in);
    end(f, &s, true);
    assert_counts(f, 0, 0);
    struct sub again = joined(f, in);

    assert_true(again.in.ref != s.in.ref);
    assert_counts(f, 1, 1);
}

static void a_grace_of_0_means_that_a_broken_connection_leaves_at_once(void **state)
{
    struct fixture *f = *state;
    watch(f);
    f->settings.leave_grace_ms = 0;

    struct sub s = join(f, "ann");
    end(f, &s, true);

    assert_counts(f, 0, 0);
    assert_int_equal(f->hub.tables.wheel.live, 0);
}

static void a_watcher_has_no_grace(void **state)
{
    struct fixture *f = *state;

    struct sub s = watch(f);
    end(f, &s, true);

    assert_null(topic_of(f));
}

static void two_tabs_are_one_person_and_one_of_them_may_be_held(void **state)
{
    struct fixture *f = *state;
    struct sub a = join(f, "ann"), b = join(f, "ann");

    end(f, &a, true);
    assert_counts(f, 2, 1);
    turn(f, GRACE_MS);
    assert_counts(f, 1, 1);
    end(f, &b, false);

    assert_counts(f, 0, 0);
}

static void of_two_absent_tabs_the_held_one_is_taken_first(void **state)
{
    struct fixture *f = *state;
    struct sub a = join(f, "ann"), b = join(f, "ann");
    turn(f, 0);

    end(f, &a, true);
    end(f, &b, false);
    struct sub again = join(f, "ann");

    assert_true(again.in.ref == a.in.ref);
    assert_counts(f, 1, 1);
}

static void a_settings_key_makes_all_presences_one_key_but_graces_stay_per_person(void **state)
{
    struct fixture *f = *state;
    f->settings.key = B("live_reading");

    struct sub a = join(f, "ann"), b = join(f, "bob");
    assert_counts(f, 2, 1);
    end(f, &a, true);
    end(f, &b, true);
    struct sub b2 = join(f, "bob"), c = join(f, "cy"), a2 = join(f, "ann");

    assert_true(b2.in.ref == b.in.ref);
    assert_true(a2.in.ref == a.in.ref);
    assert_true(c.in.ref > b.in.ref);
    assert_counts(f, 3, 1);
    assert_int_equal(f->hub.tables.keys.len, 1);
}

static void an_update_is_told_and_the_same_meta_is_not(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    turn(f, 0);
    turn(f, 1000);

    hub_update(&f->hub, s.in.presence, B("{\"n\":1}"));
    assert_int_equal(turn(f, 0), 1);
    turn(f, 1000);
    hub_update(&f->hub, s.in.presence, B("{\"n\":1}"));

    assert_int_equal(turn(f, 0), 0);
}

static void stale_ids_are_harmless(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    end(f, &s, false);
    turn(f, 0);
    assert_null(topic_of(f));

    hub_update(&f->hub, s.in.presence, B("{\"n\":1}"));
    end(f, &s, false);
    end(f, &s, true);
    struct sub again = join(f, "ann"); /* in the same slots */
    hub_update(&f->hub, s.in.presence, B("{\"n\":1}"));
    end(f, &s, false);

    assert_counts(f, 1, 1);
    assert_int_equal(topic_of(f)->audience, 1);
    assert_int_equal(again.in.presence.slot, s.in.presence.slot);
    assert_null(hub_topic(&f->hub, s.in.topic));
}

static void an_update_of_one_who_is_held_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann");
    turn(f, 0);
    turn(f, 1000);

    end(f, &s, true);
    hub_update(&f->hub, s.in.presence, B("{\"n\":1}"));

    assert_int_equal(turn(f, 0), 0);
}

static void a_full_topic_refuses_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    f->settings.presences_max = 1;
    struct sub ann = join(f, "ann");

    struct sub s = join(f, "bob");
    assert_int_equal(s.result, HUB_TOPIC_FULL);
    assert_counts(f, 1, 1);
    assert_int_equal(topic_of(f)->audience, 1);

    assert_int_equal(watch(f).result, HUB_OK);
    end(f, &ann, true);
    assert_int_equal(join(f, "bob").result, HUB_TOPIC_FULL);
    assert_int_equal(join(f, "ann").result, HUB_OK);
}

static void a_refused_join_leaves_no_topic_behind(void **state)
{
    struct fixture *f = *state;
    f->settings.presences_max = 0;

    assert_int_equal(join(f, "ann").result, HUB_TOPIC_FULL);

    assert_null(topic_of(f));
    assert_int_equal(f->hub.topics_len, 0);
}

static void more_topics_than_allowed_are_refused(void **state)
{
    struct fixture *f = *state;
    struct hub_join in = a_join(f, "ann");
    f->hub.topics_max = 1;

    struct sub s = join(f, "ann");
    in.topic = B("post:2");
    assert_int_equal(joined(f, in).result, HUB_TOO_MANY_TOPICS);
    assert_int_equal(join(f, "bob").result, HUB_OK);
    end(f, &s, false);

    assert_int_equal(f->hub.topics_len, 1);
}

static void a_topic_ends_when_nobody_is_left(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann"), w = watch(f);

    turn(f, 0);
    end(f, &s, true);
    end(f, &w, false);
    assert_non_null(topic_of(f));
    turn(f, GRACE_MS);

    assert_null(topic_of(f));
    assert_int_equal(f->hub.topics_len, 0);
    assert_int_equal(f->hub.tables.topics.live, 0);
    assert_int_equal(f->hub.tables.presences.live, 0);
    assert_int_equal(f->hub.tables.keys.len, 0);
    assert_int_equal(f->hub.tables.absents_len, 0);
    assert_int_equal(hub_next_ms(&f->hub), UINT64_MAX);
}

static void a_topic_that_rests_ends_as_well(void **state)
{
    struct fixture *f = *state;
    struct sub s = join(f, "ann"), w = watch(f);
    turn(f, 0);

    end(f, &s, false);
    end(f, &w, false);
    assert_non_null(topic_of(f));
    turn(f, 1000);

    assert_null(topic_of(f));
    assert_int_equal(hub_next_ms(&f->hub), UINT64_MAX);
}

static void the_hub_counts_subscribers_by_worker_and_format(void **state)
{
    struct fixture *f = *state;
    struct hub_join in = a_join(f, "ann");

    joined(f, in);
    in.format = 2;
    joined(f, in);
    in.owner.worker = 1;
    struct sub s = joined(f, in);
    struct topic *t = topic_of(f);
    assert_int_equal(t->audiences_len, 2);
    assert_int_equal(t->audiences[0].total, 2);
    assert_int_equal(t->audiences[1].subscribers[2], 1);
    assert_int_equal(t->subscribers[2], 2);
    hub_leave(&f->hub, f->now,
              &(struct hub_leave){.topic = s.in.topic,
                                  .presence = s.in.presence,
                                  .audience = in.audience,
                                  .worker = 1,
                                  .format = 2});

    assert_int_equal(t->audiences_len, 1);
    assert_int_equal(t->audiences[0].worker, 0);
    assert_int_equal(t->subscribers[2], 1);
    assert_int_equal(t->audience, 2);
}

static void a_state_goes_with_the_last_subscriber_of_its_format(void **state)
{
    struct fixture *f = *state;
    struct hub_join in = a_join(f, "ann");
    struct sub a = watch(f), b = watch(f);
    struct topic *t = topic_of(f);

    in.format = 1;
    joined(f, in);
    t->state_cache[0] = blob_new(B("state"));
    t->state_cache[1] = blob_new(B("state"));
    end(f, &a, false);
    assert_non_null(t->state_cache[0]);
    end(f, &b, false);

    assert_null(t->state_cache[0]);
    assert_non_null(t->state_cache[1]);
}

static void whoever_saw_a_number_that_was_taken_back_is_late(void **state)
{
    struct fixture *f = *state;
    struct hub_join in = a_join(f, "late");
    watch(f);
    join(f, "ann");
    turn(f, 0);
    struct sub bob = join(f, "bob");

    in.counted = false;
    in.live = true;
    struct sub late = joined(f, in);
    assert_int_equal(late.in.viewers, 2);
    end(f, &bob, false);

    assert_false(topic_counts_changed(topic_of(f)));
    assert_int_equal(topic_of(f)->late, 1);
    assert_true(late.in.seq != topic_of(f)->seq);
    assert_int_equal(turn(f, 1000), 1);
    assert_int_equal(topic_of(f)->late, 0);
}

static void a_topic_that_is_visited_lasts_as_long_as_the_visit(void **state)
{
    struct fixture *f = *state;

    struct topic *first = hub_visit(&f->hub, B("post:1"), 42, &f->settings);
    struct topic *second = hub_visit(&f->hub, B("post:1"), 42, &f->settings);
    assert_ptr_equal(first, second);
    assert_int_equal(f->hub.topics_len, 1);

    hub_visited(&f->hub, first);
    assert_int_equal(f->hub.topics_len, 1);
    hub_visited(&f->hub, first);
    assert_int_equal(f->hub.topics_len, 0);
}

static void a_visit_makes_no_more_topics_than_allowed(void **state)
{
    struct fixture *f = *state;

    f->hub.topics_max = 0;

    assert_null(hub_visit(&f->hub, B("post:1"), 42, &f->settings));
    assert_int_equal(f->hub.topics_len, 0);
}

static void a_hub_is_released_with_people_in_it(void **state)
{
    struct fixture *f = *state;
    struct sub a = join(f, "ann"), b = join(f, "bob"), c = join(f, "cy");

    turn(f, 0);
    hub_update(&f->hub, c.in.presence, B("{\"n\":1}"));
    topic_of(f)->state_cache[1] = blob_new(B("state"));
    end(f, &a, true);
    end(f, &b, false);
    join(f, "dan");
}

#define hub_unit_test(f) cmocka_unit_test_setup_teardown(f, make_hub, end_hub)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hub_unit_test(a_join_answers_with_the_live_numbers),
        hub_unit_test(a_watcher_is_told_but_not_counted),
        hub_unit_test(a_quiet_topic_announces_at_once),
        hub_unit_test(changes_wait_for_the_window_and_are_then_told_at_once),
        hub_unit_test(an_announcement_with_nothing_to_tell_takes_no_window),
        hub_unit_test(the_window_is_audience_over_rate_at_most_the_maximum),
        hub_unit_test(a_thousand_joins_in_one_window_are_one_announcement),
        hub_unit_test(a_reload_within_one_window_is_not_announced),
        hub_unit_test(an_explicit_leave_is_at_once),
        hub_unit_test(a_broken_connection_is_held_for_its_grace),
        hub_unit_test(a_rejoin_takes_the_held_place_unannounced),
        hub_unit_test(a_rejoin_with_another_meta_is_told_as_an_update),
        hub_unit_test(a_rejoin_after_the_grace_is_a_new_presence),
        hub_unit_test(another_person_does_not_take_a_held_place),
        hub_unit_test(a_presence_without_identity_has_no_grace),
        hub_unit_test(a_grace_of_0_means_that_a_broken_connection_leaves_at_once),
        hub_unit_test(a_watcher_has_no_grace),
        hub_unit_test(two_tabs_are_one_person_and_one_of_them_may_be_held),
        hub_unit_test(of_two_absent_tabs_the_held_one_is_taken_first),
        hub_unit_test(a_settings_key_makes_all_presences_one_key_but_graces_stay_per_person),
        hub_unit_test(an_update_is_told_and_the_same_meta_is_not),
        hub_unit_test(stale_ids_are_harmless),
        hub_unit_test(an_update_of_one_who_is_held_is_harmless),
        hub_unit_test(a_full_topic_refuses_and_changes_nothing),
        hub_unit_test(a_refused_join_leaves_no_topic_behind),
        hub_unit_test(more_topics_than_allowed_are_refused),
        hub_unit_test(a_topic_ends_when_nobody_is_left),
        hub_unit_test(a_topic_that_rests_ends_as_well),
        hub_unit_test(the_hub_counts_subscribers_by_worker_and_format),
        hub_unit_test(a_state_goes_with_the_last_subscriber_of_its_format),
        hub_unit_test(whoever_saw_a_number_that_was_taken_back_is_late),
        hub_unit_test(a_topic_that_is_visited_lasts_as_long_as_the_visit),
        hub_unit_test(a_visit_makes_no_more_topics_than_allowed),
        hub_unit_test(a_hub_is_released_with_people_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
