/* SPDX-License-Identifier: MIT */
/*
 * presences_test.c - claims about the order of presences and about metas.
 */
#include "dialect/presences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialect/fake_session_test.h"

static int make(void **state)
{
    *state = fake_new();
    return 0;
}

static int end(void **state)
{
    fake_free(*state);
    return 0;
}

static struct topic *topic_of(struct fake *f)
{
    return hub_find(&f->hub, B("t"), hash_bytes(&f->hub.tables.seed, B("t")));
}

/* Those of one key must stand together. */
static void check_grouped(const struct presences *all)
{
    for (size_t i = 0; i + 2 < all->len; i++)
        for (size_t k = i + 2; k < all->len; k++)
            if (all->items[i]->key == all->items[k]->key)
                assert_ptr_equal(all->items[i]->key, all->items[k - 1]->key);
}

static void presences_of_one_key_stand_together(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < 60; i++) {
        const char key[] = {(char)('a' + i * 7 % 5), '\0'};
        fake_enter(f, "t", bytes_str(key), (struct bytes){0});
    }
    fake_announce(f);

    struct presences all = presences_told(topic_of(f));

    assert_int_equal(all.len, 60);
    check_grouped(&all);
    presences_release(&all);
}

static void only_those_who_were_told_are_there(void **state)
{
    struct fake *f = *state;
    fake_enter(f, "t", B("a"), (struct bytes){0});
    fake_announce(f);
    fake_enter(f, "t", B("b"), (struct bytes){0});

    struct presences all = presences_told(topic_of(f));

    assert_int_equal(all.len, 1);
    presences_release(&all);
}

static void a_diffs_lists_are_joined(void **state)
{
    struct fake *f = *state;
    struct hub_joined a = fake_enter(f, "t", B("a"), B("{\"n\":1}"));
    fake_announce(f);
    fake_enter(f, "t", B("a"), (struct bytes){0});
    fake_enter(f, "t", B("b"), (struct bytes){0});
    hub_update(&f->hub, a.presence, B("{\"n\":2}"));

    const struct diff *d = topic_diff(topic_of(f));
    struct presences joins = presences_of_diff(d->joined, d->updated);
    struct presences leaves = presences_of_diff(d->left, d->updated);
    struct presences none = presences_of_diff(NULL, NULL);

    assert_int_equal(joins.len, 3);
    check_grouped(&joins);
    assert_int_equal(leaves.len, 1);
    assert_int_equal(none.len, 0);
    presences_release(&joins);
    presences_release(&leaves);
    presences_release(&none);
    topic_settle(topic_of(f));
}

static void composed(const char *client, const char *trusted, size_t max, const char *wanted)
{
    json_t *json = client ? json_loads(client, 0, NULL) : NULL;
    struct buf out;

    buf_init(&out, BUF_UNBOUNDED);
    bool good = meta_compose(json, bytes_str(trusted), max, &out);
    assert_int_equal(good, wanted != NULL);
    assert_true(bytes_equal(buf_bytes(&out), bytes_str(wanted)));
    buf_release(&out);
    json_decref(json);
}

static void a_meta_is_the_clients_overlaid_with_the_tokens(void **state)
{
    (void)state;

    composed(NULL, NULL, 100, "{}");
    composed("{\"a\":1}", NULL, 100, "{\"a\":1}");
    composed(NULL, "{\"b\":2}", 100, "{\"b\":2}");
    composed("{\"a\":1,\"b\":1}", "{\"b\":2,\"c\":3}", 100, "{\"a\":1,\"b\":2,\"c\":3}");
    composed("{\"a\":{\"x\":1}}", "{\"a\":{\"y\":2}}", 100, "{\"a\":{\"y\":2}}");
}

static void members_that_phoenix_reserves_are_taken_out_of_both(void **state)
{
    (void)state;

    composed("{\"phx_ref\":\"x\",\"a\":1,\"phx_ref_prev\":2}", NULL, 100, "{\"a\":1}");
    composed("{\"a\":1}", "{\"phx_ref\":\"x\"}", 100, "{\"a\":1}");
    composed("{\"b\":{\"phx_ref\":1}}", NULL, 100, "{\"b\":{\"phx_ref\":1}}");
}

static void the_limit_is_on_the_composed_meta(void **state)
{
    (void)state;

    composed("{ \"a\" : 1 }", NULL, 7, "{\"a\":1}");
    composed("{\"a\":1}", NULL, 6, NULL);
    composed("{\"a\":1}", "{\"b\":2}", 13, "{\"a\":1,\"b\":2}");
    composed("{\"a\":1}", "{\"b\":2}", 12, NULL);
    composed(NULL, NULL, 2, "{}");
}

static void the_clients_object_is_not_changed(void **state)
{
    json_t *json = json_loads("{\"phx_ref\":1}", 0, NULL);
    struct buf out;
    (void)state;

    buf_init(&out, BUF_UNBOUNDED);
    assert_true(meta_compose(json, B("{\"a\":1}"), 100, &out));

    assert_int_equal(json_object_size(json), 1);
    assert_non_null(json_object_get(json, "phx_ref"));
    buf_release(&out);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(presences_of_one_key_stand_together, make, end),
        cmocka_unit_test_setup_teardown(only_those_who_were_told_are_there, make, end),
        cmocka_unit_test_setup_teardown(a_diffs_lists_are_joined, make, end),
        cmocka_unit_test(a_meta_is_the_clients_overlaid_with_the_tokens),
        cmocka_unit_test(members_that_phoenix_reserves_are_taken_out_of_both),
        cmocka_unit_test(the_limit_is_on_the_composed_meta),
        cmocka_unit_test(the_clients_object_is_not_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
