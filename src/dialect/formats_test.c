/* SPDX-License-Identifier: MIT */
/*
 * formats_test.c - claims about the encoders, over topics of the real core with names, keys and
 * metas that attackers would choose.
 */
#include "dialect/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dialect/fake_session_test.h"

static const char topic_name[] = "post:\"</script>\xe2\x80\xa8\\";

static const char *const hostile_keys[] = {
    "__proto__",
    "constructor",
    "\"quoted\"",
    "</script><script>alert(1)</script>",
    "back\\slash",
    "\xe2\x80\xa8line\xe2\x80\xa9",
    "",
    "a\nb\tc\x01\x7f",
    "\xf0\x9f\x98\x80",
    "\xe2\x98\x83",
};

static const char *const hostile_metas[] = {
    "{\"__proto__\":{\"admin\":true}}",
    "{\"</script>\":\"\\u2028\"}",
    "{\"metas\":[1],\"joins\":{}}",
    "{\"\":\"\"}",
};

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

static struct hub_joined enter(struct fake *f, const char *key, const char *meta)
{
    return fake_enter(f, topic_name, bytes_str(key), bytes_str(meta));
}

static struct topic *topic_of(struct fake *f)
{
    struct bytes name = bytes_str(topic_name);

    return hub_find(&f->hub, name, hash_bytes(&f->hub.tables.seed, name));
}

/* Every text must be JSON without a name twice, UTF-8, and as safe in a page as our own escapes
 * make it; the JSON, for the caller to release. */
static json_t *checked(struct buf *text)
{
    fake_check_text(buf_bytes(text));
    json_t *json = json_loadb(text->ptr, text->len, 0, NULL);

    buf_release(text);
    return json;
}

static json_t *state_of(const struct format *format, const struct topic *t)
{
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    format->state(&text, t);
    return checked(&text);
}

static json_t *count_of(const struct format *format, const struct topic *t)
{
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    format->count(&text, t, false);
    return checked(&text);
}

static json_t *diff_of(const struct format *format, const struct topic *t, const struct diff *d)
{
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    format->diff(&text, t, d);
    return checked(&text);
}

static const json_t *phoenix_payload(const json_t *message)
{
    const json_t *of_object = json_object_get(message, "payload");

    return of_object ? of_object : json_array_get(message, 4);
}

static void hostile_keys_survive_in_every_state(void **state)
{
    struct fake *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(hostile_keys); i++)
        enter(f, hostile_keys[i], "{}");
    fake_announce(f);

    json_t *one = state_of(&phoenix1_list_format, topic_of(f));
    json_t *two = state_of(&phoenix2_list_format, topic_of(f));
    json_t *native = state_of(&native_list_format, topic_of(f));

    for (size_t i = 0; i < ARRAY_LEN(hostile_keys); i++) {
        json_t *entry = json_array_get(json_array_get(native, 4), i);
        assert_string_equal(json_string_value(json_array_get(entry, 1)), hostile_keys[i]);
        json_t *group = json_object_get(phoenix_payload(two), hostile_keys[i]);
        assert_int_equal(json_array_size(json_object_get(group, "metas")), 1);
        assert_true(json_equal(phoenix_payload(one), phoenix_payload(two)));
    }
    assert_string_equal(json_string_value(json_array_get(two, 2)), topic_name);
    json_decref(one);
    json_decref(two);
    json_decref(native);
}

static void hostile_metas_survive_beside_their_refs(void **state)
{
    struct fake *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(hostile_metas); i++)
        enter(f, "ada", hostile_metas[i]);
    fake_announce(f);

    json_t *two = state_of(&phoenix2_list_format, topic_of(f));
    json_t *native = state_of(&native_list_format, topic_of(f));

    json_t *metas = json_object_get(json_object_get(phoenix_payload(two), "ada"), "metas");
    assert_int_equal(json_array_size(metas), ARRAY_LEN(hostile_metas));
    for (size_t i = 0; i < ARRAY_LEN(hostile_metas); i++) {
        json_t *wanted = json_loads(hostile_metas[i], 0, NULL);
        json_t *meta = json_array_get(metas, i);
        assert_int_equal(json_string_length(json_object_get(meta, "phx_ref")), 16);
        json_object_del(meta, "phx_ref");
        assert_true(json_equal(meta, wanted));
        json_t *entry = json_array_get(json_array_get(native, 4), i);
        assert_true(json_equal(json_array_get(entry, 2), wanted));
        json_decref(wanted);
    }
    json_decref(two);
    json_decref(native);
}

static void names_and_keys_are_safe_in_a_page(void **state)
{
    struct fake *f = *state;
    struct buf text;
    for (size_t i = 0; i < ARRAY_LEN(hostile_keys); i++)
        enter(f, hostile_keys[i], "{}");
    fake_announce(f);

    for (unsigned i = 0; i < FORMATS_LEN; i++) {
        buf_init(&text, BUF_UNBOUNDED);
        if (formats[i]->lists)
            formats[i]->state(&text, topic_of(f));
        else
            formats[i]->count(&text, topic_of(f), true);
        buf_put_char(&text, '\0');
        assert_null(strstr(text.ptr, "</script"));
        assert_null(strstr(text.ptr, "\xe2\x80\xa8"));
        buf_release(&text);
    }
}

static void every_format_says_the_same_numbers(void **state)
{
    struct fake *f = *state;
    enter(f, "ada", "{}");
    enter(f, "ada", "{}");
    enter(f, "bob", "{}");

    json_t *rooms = count_of(&rooms_format, topic_of(f));
    json_t *native = count_of(&native_count_format, topic_of(f));
    json_t *one = count_of(&phoenix1_count_format, topic_of(f));
    json_t *two = count_of(&phoenix2_count_format, topic_of(f));

    assert_int_equal(json_integer_value(json_object_get(rooms, "viewers")), 3);
    assert_int_equal(json_integer_value(json_object_get(rooms, "people")), 2);
    assert_int_equal(json_integer_value(json_array_get(native, 2)), 3);
    assert_int_equal(json_integer_value(json_array_get(native, 3)), 2);
    assert_int_equal(json_integer_value(json_object_get(phoenix_payload(one), "viewers")), 3);
    assert_true(json_equal(phoenix_payload(one), phoenix_payload(two)));
    json_decref(rooms);
    json_decref(native);
    json_decref(one);
    json_decref(two);
}

static void rooms_say_joined_or_left_by_the_way_the_number_went(void **state)
{
    struct fake *f = *state;
    struct buf more, fewer;
    enter(f, "ada", "{}");

    buf_init(&more, BUF_UNBOUNDED);
    buf_init(&fewer, BUF_UNBOUNDED);
    rooms_format.count(&more, topic_of(f), false);
    rooms_format.count(&fewer, topic_of(f), true);

    assert_true(bytes_equal(buf_bytes(&more),
                            B("{\"type\":\"viewer_joined\",\"viewers\":1,\"people\":1}")));
    assert_true(
        bytes_equal(buf_bytes(&fewer), B("{\"type\":\"viewer_left\",\"viewers\":1,\"people\":1}")));
    buf_release(&more);
    buf_release(&fewer);
}

static void a_state_has_those_who_were_told_and_not_those_who_came_since(void **state)
{
    struct fake *f = *state;
    struct hub_joined ada = enter(f, "ada", "{\"a\":1}");
    fake_announce(f);
    enter(f, "bob", "{}");
    hub_update(&f->hub, ada.presence, B("{\"a\":2}"));

    json_t *two = state_of(&phoenix2_list_format, topic_of(f));
    json_t *native = state_of(&native_list_format, topic_of(f));

    assert_int_equal(json_object_size(phoenix_payload(two)), 1);
    json_t *metas = json_object_get(json_object_get(phoenix_payload(two), "ada"), "metas");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(metas, 0), "a")), 1);
    assert_int_equal(json_integer_value(json_array_get(native, 2)), 1);
    assert_int_equal(json_array_size(json_array_get(native, 4)), 1);
    json_decref(two);
    json_decref(native);
}

/* Someone who came, someone who went and someone whose meta changed, under one key. */
static void one_diff_may_have_all_of_it_under_one_key(void **state)
{
    struct fake *f = *state;
    struct hub_joined gone = enter(f, "ada", "{\"n\":1}"), changed = enter(f, "ada", "{\"n\":2}");
    fake_announce(f);
    fake_exit(f, &gone);
    hub_update(&f->hub, changed.presence, B("{\"n\":3}"));
    enter(f, "ada", "{\"n\":4}");

    struct topic *t = topic_of(f);
    const struct diff *d = topic_diff(t);
    json_t *two = diff_of(&phoenix2_list_format, t, d);
    json_t *one = diff_of(&phoenix1_list_format, t, d);
    json_t *native = diff_of(&native_list_format, t, d);
    topic_settle(t);

    const json_t *payload = phoenix_payload(two);
    json_t *joins = json_object_get(json_object_get(payload, "joins"), "ada");
    json_t *leaves = json_object_get(json_object_get(payload, "leaves"), "ada");
    json_t *update = json_array_get(json_object_get(joins, "metas"), 0);
    json_t *before = json_array_get(json_object_get(leaves, "metas"), 1);
    assert_int_equal(json_array_size(json_object_get(joins, "metas")), 2);
    assert_int_equal(json_array_size(json_object_get(leaves, "metas")), 2);
    assert_int_equal(json_integer_value(json_object_get(update, "n")), 3);
    assert_int_equal(json_integer_value(json_object_get(before, "n")), 2);
    assert_string_equal(json_string_value(json_object_get(update, "phx_ref_prev")),
                        json_string_value(json_object_get(before, "phx_ref")));
    assert_string_not_equal(json_string_value(json_object_get(update, "phx_ref")),
                            json_string_value(json_object_get(before, "phx_ref")));
    assert_true(json_equal(payload, phoenix_payload(one)));
    for (size_t i = 4; i < 7; i++)
        assert_int_equal(json_array_size(json_array_get(native, i)), 1);
    json_decref(one);
    json_decref(two);
    json_decref(native);
}

/* Two updates in one window: the ref before is the one that was told. */
static void the_ref_before_is_the_one_that_audiences_know(void **state)
{
    struct fake *f = *state;
    struct hub_joined ada = enter(f, "ada", "{}");
    fake_announce(f);
    hub_update(&f->hub, ada.presence, B("{\"n\":1}"));
    hub_update(&f->hub, ada.presence, B("{\"n\":2}"));

    struct topic *t = topic_of(f);
    json_t *two = diff_of(&phoenix2_list_format, t, topic_diff(t));
    topic_settle(t);

    json_t *joins = json_object_get(json_object_get(phoenix_payload(two), "joins"), "ada");
    json_t *meta = json_array_get(json_object_get(joins, "metas"), 0);
    assert_string_equal(json_string_value(json_object_get(meta, "phx_ref")),
                        ref_put_rev(FAKE_NODE, ada.ref, 2).text);
    assert_string_equal(json_string_value(json_object_get(meta, "phx_ref_prev")),
                        ref_put_rev(FAKE_NODE, ada.ref, 0).text);
    json_decref(two);
}

static void an_update_of_one_who_was_not_told_yet_is_only_a_join(void **state)
{
    struct fake *f = *state;
    struct hub_joined ada = enter(f, "ada", "{\"n\":1}");
    hub_update(&f->hub, ada.presence, B("{\"n\":2}"));

    struct topic *t = topic_of(f);
    json_t *two = diff_of(&phoenix2_list_format, t, topic_diff(t));
    topic_settle(t);

    json_t *joins = json_object_get(json_object_get(phoenix_payload(two), "joins"), "ada");
    json_t *meta = json_array_get(json_object_get(joins, "metas"), 0);
    assert_int_equal(json_integer_value(json_object_get(meta, "n")), 2);
    assert_null(json_object_get(meta, "phx_ref_prev"));
    assert_int_equal(json_object_size(json_object_get(phoenix_payload(two), "leaves")), 0);
    json_decref(two);
}

static void a_thousand_presences_are_in_one_state_and_one_diff(void **state)
{
    enum { PRESENCES = 1000, KEYS = 100 };
    struct fake *f = *state;
    struct hub_joined all[PRESENCES];
    char key[16], meta[32];
    for (int i = 0; i < PRESENCES; i++) {
        snprintf(key, sizeof(key), "user %d", i % KEYS);
        snprintf(meta, sizeof(meta), "{\"n\":%d}", i);
        all[i] = enter(f, key, meta);
    }

    fake_announce(f);
    json_t *two = state_of(&phoenix2_list_format, topic_of(f));
    json_t *native = state_of(&native_list_format, topic_of(f));
    for (int i = 0; i < PRESENCES; i++)
        fake_exit(f, &all[i]);
    struct topic *t = topic_of(f);
    json_t *diff = diff_of(&phoenix2_list_format, t, topic_diff(t));

    assert_int_equal(json_object_size(phoenix_payload(two)), KEYS);
    assert_int_equal(json_array_size(json_array_get(native, 4)), PRESENCES);
    json_t *leaves = json_object_get(phoenix_payload(diff), "leaves");
    assert_true(json_equal(leaves, phoenix_payload(two)));
    topic_settle(t);
    json_decref(two);
    json_decref(native);
    json_decref(diff);
}

static void events_carry_any_name_and_any_payload(void **state)
{
    static const char *const payloads[] = {"null", "1", "\"</script>\"", "[]", "{\"a\":[{}]}"};
    struct fake *f = *state;
    struct buf text;
    enter(f, "ada", "{}");

    for (unsigned i = 0; i < FORMATS_LEN; i++)
        for (size_t k = 0; k < ARRAY_LEN(payloads); k++) {
            struct event e = {.name = B("\"clap\"\xe2\x80\xa8"), .payload = bytes_str(payloads[k])};
            buf_init(&text, BUF_UNBOUNDED);
            formats[i]->event(&text, topic_of(f), &e);
            json_decref(checked(&text));
        }
}

static void refs_are_unique_and_of_the_url_alphabet(void **state)
{
    (void)state;

    assert_string_equal(ref_put(0, 0).text, "AAAAAAAAAAAAAA");
    assert_string_equal(ref_put(UINT32_MAX, UINT64_C(0xffffffffffff)).text, "_____________w");
    assert_string_equal(ref_put_rev(UINT32_MAX, UINT64_C(0xffffffffffff), UINT16_MAX).text,
                        "________________");
    assert_string_equal(ref_put_rev(1, 2, 3).text, "AAAAAQAAAAAAAgAD");
    assert_int_equal(ref_put(1, 2).len, 14);
    assert_int_equal(ref_put_rev(1, 2, 3).len, 16);
    assert_string_not_equal(ref_put(1, 2).text, ref_put(2, 1).text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile_keys_survive_in_every_state, make, end),
        cmocka_unit_test_setup_teardown(hostile_metas_survive_beside_their_refs, make, end),
        cmocka_unit_test_setup_teardown(names_and_keys_are_safe_in_a_page, make, end),
        cmocka_unit_test_setup_teardown(every_format_says_the_same_numbers, make, end),
        cmocka_unit_test_setup_teardown(rooms_say_joined_or_left_by_the_way_the_number_went, make,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_state_has_those_who_were_told_and_not_those_who_came_since, make, end),
        cmocka_unit_test_setup_teardown(one_diff_may_have_all_of_it_under_one_key, make, end),
        cmocka_unit_test_setup_teardown(the_ref_before_is_the_one_that_audiences_know, make, end),
        cmocka_unit_test_setup_teardown(an_update_of_one_who_was_not_told_yet_is_only_a_join, make,
                                        end),
        cmocka_unit_test_setup_teardown(a_thousand_presences_are_in_one_state_and_one_diff, make,
                                        end),
        cmocka_unit_test_setup_teardown(events_carry_any_name_and_any_payload, make, end),
        cmocka_unit_test(refs_are_unique_and_of_the_url_alphabet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
