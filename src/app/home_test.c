/* SPDX-License-Identifier: MIT */
/*
 * home_test.c - claims about a worker as the home of topics: letters in, letters and shared blobs
 * out. No client is needed: the test plays the workers that have the audiences.
 */
#include "app/home.h"

#include "app/node_test.h"

/* A subscriber as its worker remembers it. */
struct subscriber {
    struct hub_joined in;
    struct id audience;
    uint16_t worker;
    uint8_t format;
};

static struct worker *home_of(struct test_node *n)
{
    return n->workers[0];
}

/* The oldest letter that waits for a worker, or NULL. */
static struct letter *take(struct test_node *n, uint16_t to)
{
    struct batch *b = &home_of(n)->out[to];
    struct letter *l = b->first;

    if (!l)
        return NULL;
    b->first = l->next;
    if (!b->first)
        b->last = NULL;
    return l;
}

static struct letter *join_letter(struct test_node *n, uint16_t from, uint8_t format)
{
    struct letter *l = letter_new(LETTER_JOIN, 0);

    l->from = from;
    l->join = (struct hub_join){
        .topic = B("post:1"),
        .hash = 42,
        .settings = &n->config->topic,
        .person = B("ada"),
        .owner = {.subscription = {1, 1}, .worker = from},
        .audience = {0, 1},
        .format = format,
        .counted = true,
        .live = !formats[format]->lists,
    };
    return l;
}

/* Joins for counts, and takes the answer. */
static struct subscriber join(struct test_node *n, uint16_t from, uint8_t format)
{
    struct subscriber s = {.audience = {0, 1}, .worker = from, .format = format};

    home_receive(home_of(n), join_letter(n, from, format));
    struct letter *answer = take(n, from);
    assert_non_null(answer);
    assert_int_equal(answer->kind, LETTER_JOINED);
    assert_int_equal(answer->joined.result, HUB_OK);
    assert_null(answer->joined.state);
    s.in = answer->joined.joined;
    letter_free(answer);
    return s;
}

/* Wants the list: it is answered at the end of the turn, with a reference to the state. */
static struct letter *join_list(struct test_node *n, uint16_t from)
{
    home_receive(home_of(n), join_letter(n, from, FORMAT_NATIVE_LIST));
    assert_null(take(n, from));
    home_announce(home_of(n));
    struct letter *answer;
    while ((answer = take(n, from)) && answer->kind != LETTER_JOINED)
        letter_free(answer);
    assert_non_null(answer);
    return answer;
}

/* Forgets the announcements that wait. */
static void forget_all(struct test_node *n)
{
    struct letter *l;

    for (uint16_t i = 0; i < n->node.workers_len; i++)
        while ((l = take(n, i)))
            letter_free(l);
}

static void leave(struct test_node *n, const struct subscriber *s)
{
    struct letter *l = letter_new(LETTER_LEAVE, 0);

    l->from = s->worker;
    l->leave = (struct hub_leave){
        .topic = s->in.topic,
        .presence = s->in.presence,
        .audience = s->audience,
        .worker = s->worker,
        .format = s->format,
    };
    home_receive(home_of(n), l);
}

/* The text of a frame, zero-terminated, for the caller to free. */
static char *text_of(const struct blob *b)
{
    size_t head = b->data[1] == 126 ? 4 : 2;

    return bytes_copy(bytes_skip(blob_bytes(b), head));
}

static void assert_frame(const struct blob *b, const char *wanted)
{
    assert_non_null(b);
    char *text = text_of(b);
    assert_string_equal(text, wanted);
    heap_free(text);
}

static void a_join_is_answered_with_the_numbers_that_count_it(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    struct letter *in = join_letter(n, 1, FORMAT_ROOMS);
    in->join.owner.subscription = (struct id){5, 6};
    in->join.audience = (struct id){7, 8};
    home_receive(home_of(n), in);
    struct letter *l = take(n, 1);

    assert_int_equal(l->joined.joined.viewers, 1);
    assert_int_equal(l->joined.joined.people, 1);
    assert_true(id_equal(l->joined.subscription, (struct id){5, 6}));
    assert_true(id_equal(l->joined.audience, (struct id){7, 8}));
    assert_int_equal(l->joined.node, 7);
    assert_null(l->joined.state); /* a count has none */
    assert_null(take(n, 0));
    letter_free(l);
    node_free(n);
}

static void an_announcement_is_one_letter_for_each_audience_with_shared_blobs(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    join(n, 0, FORMAT_ROOMS);
    join(n, 0, FORMAT_ROOMS);
    join(n, 0, FORMAT_NATIVE_COUNT);
    join(n, 1, FORMAT_ROOMS);
    home_announce(home_of(n));
    struct letter *first = take(n, 0), *second = take(n, 1);

    assert_null(take(n, 0));
    assert_null(take(n, 1));
    assert_int_equal(first->kind, LETTER_ANNOUNCE);
    assert_ptr_equal(first->announce.blobs[FORMAT_ROOMS], second->announce.blobs[FORMAT_ROOMS]);
    assert_int_equal(atomic_load(&first->announce.blobs[FORMAT_ROOMS]->refs), 2);
    assert_frame(first->announce.blobs[FORMAT_ROOMS],
                 "{\"type\":\"viewer_joined\",\"viewers\":4,\"people\":1}");
    assert_frame(first->announce.blobs[FORMAT_NATIVE_COUNT], "[\"count\",0,4,1]");
    assert_null(second->announce.blobs[FORMAT_NATIVE_COUNT]); /* nobody there wants it */
    assert_null(first->announce.blobs[FORMAT_NATIVE_LIST]);
    assert_int_equal(home_of(n)->metrics.announcements, 1);
    letter_free(first);
    letter_free(second);
    node_free(n);
}

static void who_comes_and_goes_within_one_turn_is_told_to_the_late_only(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    struct subscriber stays = join(n, 0, FORMAT_ROOMS);
    home_announce(home_of(n));
    letter_free(take(n, 0));
    struct subscriber goes = join(n, 1, FORMAT_ROOMS);
    struct subscriber late = join(n, 0, FORMAT_ROOMS);
    leave(n, &goes);
    leave(n, &late);
    home_announce(home_of(n));
    struct letter *l = take(n, 0);

    assert_true(l && l->announce.late_only);
    assert_null(take(n, 1));
    letter_free(l);
    leave(n, &stays);
    node_free(n);
}

static void a_turn_without_changes_tells_nothing(void **state)
{
    struct test_node *n = node_new(1, NULL);
    (void)state;

    letter_free(join_list(n, 0));
    forget_all(n);
    home_announce(home_of(n));
    home_announce(home_of(n));

    assert_null(take(n, 0));
    node_free(n);
}

static void changes_wait_for_the_window_and_are_told_once(void **state)
{
    static const char *const settings[] = {"announce_max=1s", "announce_rate=1", NULL};
    struct test_node *n = node_new(1, settings);
    (void)state;

    join(n, 0, FORMAT_ROOMS);
    home_announce(home_of(n));
    letter_free(take(n, 0));
    for (int i = 0; i < 10; i++) {
        join(n, 0, FORMAT_ROOMS);
        home_of(n)->now_ms += 99;
        home_announce(home_of(n));
        assert_null(take(n, 0));
    }
    home_of(n)->now_ms += 11;
    home_announce(home_of(n));
    struct letter *l = take(n, 0);

    assert_frame(l->announce.blobs[FORMAT_ROOMS],
                 "{\"type\":\"viewer_joined\",\"viewers\":11,\"people\":1}");
    assert_null(take(n, 0));
    letter_free(l);
    node_free(n);
}

static void those_who_want_the_list_get_one_state_with_themselves(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;

    for (uint16_t from = 0; from < 2; from++)
        for (int i = 0; i < 2; i++)
            home_receive(home_of(n), join_letter(n, from, FORMAT_NATIVE_LIST));
    assert_null(take(n, 0));
    home_announce(home_of(n));
    struct blob *first = NULL;
    for (int i = 0; i < 4; i++) {
        struct letter *l = take(n, (uint16_t)(i / 2));
        if (l->kind == LETTER_ANNOUNCE) { /* their audience does not know them yet */
            letter_free(l);
            l = take(n, (uint16_t)(i / 2));
        }
        first = first ? first : blob_ref(l->joined.state);
        assert_ptr_equal(l->joined.state, first);
        assert_int_equal(l->joined.joined.viewers, 4);
        letter_free(l);
    }

    char *text = text_of(first);
    assert_starts(text, "[\"state\",0,4,1,[[");
    heap_free(text);
    blob_unref(first);
    forget_all(n);
    node_free(n);
}

static void who_wants_the_list_while_the_topic_rests_gets_the_state_before(void **state)
{
    static const char *const settings[] = {"announce_max=1s", "announce_rate=1", NULL};
    struct test_node *n = node_new(1, settings);
    (void)state;
    join(n, 0, FORMAT_ROOMS);
    home_announce(home_of(n));
    forget_all(n);

    struct letter *l = join_list(n, 0);

    assert_int_equal(l->joined.joined.viewers, 1);
    char *text = text_of(l->joined.state);
    assert_starts(text, "[\"state\",0,1,1,[[");
    heap_free(text);
    letter_free(l);
    node_free(n);
}

/* The list is too long, so its subscribers are told numbers. */
static void who_comes_while_a_topic_rests_keeps_no_number_that_passes(void **state)
{
    static const char *const settings[] = {"announce_max=1s", "announce_rate=1", "list_max=1",
                                           NULL};
    struct test_node *n = node_new(1, settings);
    (void)state;
    join(n, 0, FORMAT_ROOMS);
    join(n, 0, FORMAT_ROOMS);
    home_announce(home_of(n));
    forget_all(n);
    struct subscriber passes = join(n, 0, FORMAT_ROOMS);
    struct letter *in = join_letter(n, 0, FORMAT_NATIVE_LIST), *l;
    in->join.counted = false;

    home_receive(home_of(n), in);
    home_announce(home_of(n));
    l = take(n, 0);
    assert_int_equal(l->kind, LETTER_JOINED);
    assert_int_equal(l->joined.joined.viewers, 2);
    assert_frame(l->joined.state, "[\"truncated\",0,2,1]");
    letter_free(l);
    leave(n, &passes);
    home_of(n)->now_ms += 1000;
    home_announce(home_of(n));

    l = take(n, 0);
    assert_true(l && l->announce.late_only); /* to those who count */
    assert_null(l->announce.blobs[FORMAT_NATIVE_LIST]);
    letter_free(l);
    node_free(n);
}

static void a_list_that_grows_too_long_gives_way_to_the_numbers_and_comes_back(void **state)
{
    static const char *const settings[] = {"list_max=1", NULL};
    struct test_node *n = node_new(1, settings);
    (void)state;
    letter_free(join_list(n, 0));
    forget_all(n);

    struct subscriber second = join(n, 0, FORMAT_ROOMS);
    home_announce(home_of(n));
    struct letter *l;
    bool numbers = false, list = false;
    while ((l = take(n, 0))) {
        if (l->kind == LETTER_ANNOUNCE && l->announce.blobs[FORMAT_NATIVE_LIST]) {
            assert_false(numbers);
            assert_frame(l->announce.blobs[FORMAT_NATIVE_LIST], "[\"truncated\",0,2,1]");
            numbers = true;
        }
        letter_free(l);
    }
    leave(n, &second);
    home_announce(home_of(n));
    while ((l = take(n, 0))) {
        if (l->kind == LETTER_ANNOUNCE && l->announce.blobs[FORMAT_NATIVE_LIST]) {
            char *text = text_of(l->announce.blobs[FORMAT_NATIVE_LIST]);
            assert_false(list);
            assert_starts(text, "[\"state\",0,1,1,[[");
            heap_free(text);
            list = true;
        }
        letter_free(l);
    }

    assert_true(numbers && list);
    node_free(n);
}

static void who_fell_behind_gets_the_state_or_the_number(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;
    struct letter *list = join_list(n, 0);
    join(n, 1, FORMAT_ROOMS);
    home_announce(home_of(n));
    forget_all(n);

    for (uint16_t from = 0; from < 2; from++) {
        struct letter *l = letter_new(LETTER_STATE_WANTED, 0);
        l->from = from;
        l->state_wanted.topic = list->joined.joined.topic;
        l->state_wanted.subscription = (struct id){9, 9};
        l->state_wanted.format = from == 0 ? FORMAT_NATIVE_LIST : FORMAT_ROOMS;
        home_receive(home_of(n), l);
    }
    struct letter *first = take(n, 0), *second = take(n, 1);

    assert_int_equal(first->kind, LETTER_STATE);
    assert_true(id_equal(first->state.subscription, (struct id){9, 9}));
    assert_int_equal(first->state.seq, 0);
    char *text = text_of(first->state.blob);
    assert_starts(text, "[\"state\",0,2,1,[[");
    heap_free(text);
    assert_frame(second->state.blob, "{\"type\":\"viewer_left\",\"viewers\":2,\"people\":1}");
    assert_true(second->state.seq > 0);
    letter_free(list);
    letter_free(first);
    letter_free(second);
    node_free(n);
}

static void a_topic_that_is_gone_is_not_asked(void **state)
{
    struct test_node *n = node_new(1, NULL);
    (void)state;
    struct subscriber s = join(n, 0, FORMAT_ROOMS);
    leave(n, &s);
    home_announce(home_of(n));
    forget_all(n);

    struct letter *wanted = letter_new(LETTER_STATE_WANTED, 0);
    struct letter *event = letter_new(LETTER_PUBLISH, 0), *update = letter_new(LETTER_UPDATE, 0);
    wanted->state_wanted.topic = event->publish.topic = s.in.topic;
    update->update.presence = s.in.presence;
    home_receive(home_of(n), wanted);
    home_receive(home_of(n), event);
    home_receive(home_of(n), update);
    leave(n, &s);

    assert_null(take(n, 0));
    assert_int_equal(home_of(n)->hub.topics_len, 0);
    node_free(n);
}

static void an_event_is_encoded_once_for_each_format_that_is_there(void **state)
{
    struct test_node *n = node_new(2, NULL);
    struct letter *l = letter_new(LETTER_PUBLISH, 0);
    (void)state;
    letter_free(join_list(n, 0));
    struct subscriber s = join(n, 1, FORMAT_PHOENIX2_COUNT);
    home_announce(home_of(n));
    forget_all(n);

    l->publish.topic = s.in.topic;
    l->publish.event = (struct event){.name = B("clap"), .payload = B("{\"n\":1}")};
    home_receive(home_of(n), l);
    struct letter *first = take(n, 0), *second = take(n, 1);

    assert_int_equal(first->kind, LETTER_EVENT);
    assert_frame(first->announce.blobs[FORMAT_NATIVE_LIST], "[\"event\",0,\"clap\",{\"n\":1}]");
    assert_frame(second->announce.blobs[FORMAT_PHOENIX2_COUNT],
                 "[null,null,\"post:1\",\"clap\",{\"n\":1}]");
    assert_int_equal(home_of(n)->metrics.events, 1);
    letter_free(first);
    letter_free(second);
    node_free(n);
}

static struct letter *counts_of(struct test_node *n, const char *topic, uint64_t hash)
{
    struct letter *l = letter_new(LETTER_COUNTS_WANTED, 0);

    l->from = 1;
    l->counts.topic = bytes_str(topic);
    l->counts.hash = hash;
    l->counts.index = 3;
    home_receive(home_of(n), l);
    return take(n, 1);
}

static void numbers_are_told_also_of_a_topic_that_does_not_exist(void **state)
{
    struct test_node *n = node_new(2, NULL);
    (void)state;
    join(n, 0, FORMAT_ROOMS);
    join(n, 0, FORMAT_ROOMS);

    struct letter *there = counts_of(n, "post:1", 42), *none = counts_of(n, "post:2", 42);

    assert_int_equal(there->counts.viewers, 2);
    assert_int_equal(there->counts.people, 1);
    assert_int_equal(there->counts.index, 3);
    assert_int_equal(none->counts.viewers, 0);
    letter_free(there);
    letter_free(none);
    node_free(n);
}

static void refusals_are_answered_with_their_reason(void **state)
{
    static const char *const settings[] = {"presences_max=1", "topics_max=1", NULL};
    struct test_node *n = node_new(1, settings);
    (void)state;
    join(n, 0, FORMAT_ROOMS);

    home_receive(home_of(n), join_letter(n, 0, FORMAT_ROOMS));
    struct letter *full = take(n, 0), *other = join_letter(n, 0, FORMAT_NATIVE_LIST);
    other->join.topic = B("post:2");
    home_receive(home_of(n), other);
    struct letter *many = take(n, 0);

    assert_int_equal(full->joined.result, HUB_TOPIC_FULL);
    assert_int_equal(many->joined.result, HUB_TOO_MANY_TOPICS);
    assert_null(many->joined.state);
    assert_int_equal(home_of(n)->metrics.join_refusals, 2);
    letter_free(full);
    letter_free(many);
    node_free(n);
}

static void a_grace_that_is_over_is_announced(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct letter *in = join_letter(n, 0, FORMAT_ROOMS), *l;
    (void)state;
    struct subscriber s = join(n, 0, FORMAT_ROOMS);
    in->join.person = B("bob");
    in->join.lasting = true;
    home_receive(home_of(n), in);
    struct letter *answer = take(n, 0), *gone = letter_new(LETTER_LEAVE, 0);
    gone->leave = (struct hub_leave){.topic = s.in.topic,
                                     .presence = answer->joined.joined.presence,
                                     .audience = {0, 1},
                                     .person = B("bob"),
                                     .format = FORMAT_ROOMS,
                                     .broken = true};
    letter_free(answer);
    home_receive(home_of(n), gone);
    home_announce(home_of(n));
    letter_free(take(n, 0));

    home_of(n)->now_ms += 1999;
    home_announce(home_of(n));
    assert_null(take(n, 0));
    home_of(n)->now_ms += 2;
    home_announce(home_of(n));
    l = take(n, 0);

    assert_frame(l->announce.blobs[FORMAT_ROOMS],
                 "{\"type\":\"viewer_left\",\"viewers\":1,\"people\":1}");
    letter_free(l);
    node_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_join_is_answered_with_the_numbers_that_count_it),
        cmocka_unit_test(an_announcement_is_one_letter_for_each_audience_with_shared_blobs),
        cmocka_unit_test(who_comes_and_goes_within_one_turn_is_told_to_the_late_only),
        cmocka_unit_test(a_turn_without_changes_tells_nothing),
        cmocka_unit_test(changes_wait_for_the_window_and_are_told_once),
        cmocka_unit_test(those_who_want_the_list_get_one_state_with_themselves),
        cmocka_unit_test(who_wants_the_list_while_the_topic_rests_gets_the_state_before),
        cmocka_unit_test(who_comes_while_a_topic_rests_keeps_no_number_that_passes),
        cmocka_unit_test(a_list_that_grows_too_long_gives_way_to_the_numbers_and_comes_back),
        cmocka_unit_test(who_fell_behind_gets_the_state_or_the_number),
        cmocka_unit_test(a_topic_that_is_gone_is_not_asked),
        cmocka_unit_test(an_event_is_encoded_once_for_each_format_that_is_there),
        cmocka_unit_test(numbers_are_told_also_of_a_topic_that_does_not_exist),
        cmocka_unit_test(refusals_are_answered_with_their_reason),
        cmocka_unit_test(a_grace_that_is_over_is_announced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
