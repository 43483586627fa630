/* SPDX-License-Identifier: MIT */
/*
 * grace_test.c - claims about the absent: who is found again, by whom, and in which order.
 */
#include "core/grace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct tables tables;
    struct topic_settings settings;
    struct topic *topics[2];
};

static int make_topics(void **state)
{
    struct fixture *f = heap_zalloc(1, sizeof(*f));

    pool_init(&f->tables.topics, sizeof(struct topic));
    pool_init(&f->tables.presences, sizeof(struct presence));
    wheel_init(&f->tables.wheel, 1, 0);
    f->settings = (struct topic_settings){.presences_max = 2000, .announce_rate = 1};
    for (unsigned i = 0; i < 2; i++) {
        f->topics[i] = pool_take(&f->tables.topics);
        topic_init(f->topics[i], &f->tables, B("post:1"), &f->settings);
    }
    *state = f;
    return 0;
}

/* Also the claim that nobody is absent from a topic that is empty. */
static int end_topics(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 0; n < 2; n++) {
        struct topic *t = f->topics[n];
        for (uint32_t i = 0; i < t->list_len; i++)
            if (t->list[i]->here)
                topic_leave(t->list[i]);
        topic_diff(t);
        topic_settle(t);
        topic_release(t);
    }
    assert_int_equal(f->tables.absents_len, 0);
    assert_null(f->tables.absents);
    assert_int_equal(f->tables.wheel.live, 0);
    pool_release(&f->tables.topics);
    pool_release(&f->tables.presences);
    keys_release(&f->tables.keys);
    heap_free(f);
    return 0;
}

static struct presence *join(struct topic *t, const char *key)
{
    struct presence *p = NULL;

    assert_int_equal(topic_join(t, bytes_str(key), B(""), &p), TOPIC_OK);
    return p;
}

static struct presence *held(struct topic *t, const char *person, uint64_t until_ms)
{
    struct presence *p = join(t, person);

    grace_add(p, bytes_str(person), until_ms);
    return p;
}

static struct presence *left(struct topic *t, const char *person)
{
    struct presence *p = join(t, person);

    topic_leave(p);
    grace_add(p, bytes_str(person), 0);
    return p;
}

static void an_absent_presence_is_found_once_by_its_person(void **state)
{
    struct fixture *f = *state;
    struct presence *p = held(f->topics[0], "ann", 100);

    assert_true(p->away);
    assert_null(grace_take(f->topics[0], B("an")));
    assert_null(grace_take(f->topics[0], B("anna")));
    assert_ptr_equal(grace_take(f->topics[0], B("ann")), p);

    assert_false(p->away);
    assert_null(grace_take(f->topics[0], B("ann")));
}

static void whoever_is_absent_from_one_topic_is_not_found_in_another(void **state)
{
    struct fixture *f = *state;

    held(f->topics[0], "ann", 100);

    assert_null(grace_take(f->topics[1], B("ann")));
}

static void nobody_is_found_by_no_identity(void **state)
{
    struct fixture *f = *state;

    assert_null(grace_take(f->topics[0], B("")));
    held(f->topics[0], "ann", 100);

    assert_null(grace_take(f->topics[0], B("")));
    assert_null(grace_take(f->topics[0], (struct bytes){0}));
}

static void a_held_one_has_a_timer_until_it_is_taken(void **state)
{
    struct fixture *f = *state;

    held(f->topics[0], "ann", 100);
    assert_int_equal(f->tables.wheel.live, 1);
    assert_null(wheel_pop(&f->tables.wheel, 99));
    grace_take(f->topics[0], B("ann"));

    assert_int_equal(f->tables.wheel.live, 0);
    assert_null(wheel_pop(&f->tables.wheel, 100));
}

static void the_timer_of_a_grace_leads_to_its_presence(void **state)
{
    struct fixture *f = *state;
    struct presence *p = held(f->topics[0], "ann", 100);

    struct wheel_timer *timer = wheel_pop(&f->tables.wheel, 100);

    assert_non_null(timer);
    assert_ptr_equal(CONTAINER_OF(timer, struct absent, timer)->presence, p);
}

static void one_who_left_has_no_timer(void **state)
{
    struct fixture *f = *state;

    left(f->topics[0], "ann");

    assert_int_equal(f->tables.wheel.live, 0);
    assert_int_equal(f->tables.absents_len, 1);
}

static void each_absent_tab_of_a_person_is_found_once(void **state)
{
    struct fixture *f = *state;
    bool found[20] = {0};

    for (unsigned i = 0; i < 20; i++)
        held(f->topics[0], "ann", 100 + i);
    held(f->topics[0], "bob", 100);
    for (unsigned i = 0; i < 20; i++) {
        struct presence *p = grace_take(f->topics[0], B("ann"));
        assert_non_null(p);
        assert_false(found[p->index]);
        found[p->index] = true;
    }

    assert_null(grace_take(f->topics[0], B("ann")));
    assert_int_equal(f->tables.absents_len, 1);
}

static void held_ones_are_found_before_those_that_left(void **state)
{
    struct fixture *f = *state;

    struct presence *a = held(f->topics[0], "ann", 100);
    struct presence *b = left(f->topics[0], "ann");
    struct presence *c = held(f->topics[0], "ann", 200);
    struct presence *d = left(f->topics[0], "ann");

    struct presence *first = grace_take(f->topics[0], B("ann"));
    struct presence *second = grace_take(f->topics[0], B("ann"));
    assert_true((first == a && second == c) || (first == c && second == a));
    first = grace_take(f->topics[0], B("ann"));
    second = grace_take(f->topics[0], B("ann"));
    assert_true((first == b && second == d) || (first == d && second == b));
}

static void a_dropped_one_is_not_found_whichever_it_was_of_several(void **state)
{
    struct fixture *f = *state;

    for (unsigned dropped = 0; dropped < 3; dropped++) {
        struct presence *p[3];
        for (unsigned i = 0; i < 3; i++)
            p[i] = held(f->topics[0], "ann", 100);
        grace_drop(p[dropped]);
        assert_false(p[dropped]->away);
        assert_true(p[dropped]->here);
        for (unsigned i = 0; i < 2; i++)
            assert_ptr_not_equal(grace_take(f->topics[0], B("ann")), p[dropped]);
        assert_null(grace_take(f->topics[0], B("ann")));
    }
}

static void a_drop_of_one_who_is_not_absent_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct presence *p = join(f->topics[0], "ann");

    p->subscription = (struct id){5, 7};
    grace_drop(p);

    assert_int_equal(p->subscription.slot, 5);
    assert_true(p->here);
}

static void many_absences_of_one_person_do_not_degrade_the_table(void **state)
{
    struct fixture *f = *state;
    char person[16];

    for (unsigned i = 0; i < 500; i++) {
        held(f->topics[0], "ann", 100);
        snprintf(person, sizeof(person), "p%u", i);
        held(f->topics[0], person, 100);
    }

    assert_int_equal(f->tables.absents_len, 1000);
    assert_int_equal(HASH_COUNT(f->tables.absents), 501);
    assert_false(f->tables.absents->hh.tbl->noexpand);
}

#define grace_unit_test(f) cmocka_unit_test_setup_teardown(f, make_topics, end_topics)

int main(void)
{
    const struct CMUnitTest tests[] = {
        grace_unit_test(an_absent_presence_is_found_once_by_its_person),
        grace_unit_test(whoever_is_absent_from_one_topic_is_not_found_in_another),
        grace_unit_test(nobody_is_found_by_no_identity),
        grace_unit_test(a_held_one_has_a_timer_until_it_is_taken),
        grace_unit_test(the_timer_of_a_grace_leads_to_its_presence),
        grace_unit_test(one_who_left_has_no_timer),
        grace_unit_test(each_absent_tab_of_a_person_is_found_once),
        grace_unit_test(held_ones_are_found_before_those_that_left),
        grace_unit_test(a_dropped_one_is_not_found_whichever_it_was_of_several),
        grace_unit_test(a_drop_of_one_who_is_not_absent_is_harmless),
        grace_unit_test(many_absences_of_one_person_do_not_degrade_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
