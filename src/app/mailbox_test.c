/* SPDX-License-Identifier: MIT */
/*
 * mailbox_test.c - claims about letters and their order, in one thread; with threads they are in
 * mailbox_threads_test.c.
 */
#include "app/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"

static const struct conn_handler no_handler;

/* A letter that is known by its number. */
static struct letter *numbered(uint32_t number)
{
    struct letter *l = letter_new(LETTER_COUNTS, 0);

    l->counts.index = number;
    return l;
}

/* The numbers of a list in order, which is freed. */
static size_t take_all(struct mailbox *m, uint32_t *numbers, size_t max)
{
    size_t len = 0;

    for (struct letter *l = mailbox_take(m), *next; l; l = next) {
        next = l->next;
        assert_true(len < max);
        numbers[len++] = l->counts.index;
        letter_free(l);
    }
    return len;
}

static void letters_arrive_in_the_order_in_which_they_were_posted(void **state)
{
    struct mailbox m = {.loop = loop_new(&no_handler, NULL)};
    struct batch b = {0};
    uint32_t numbers[12];
    (void)state;

    for (uint32_t i = 0; i < 12; i++) {
        batch_add(&b, numbered(i));
        if (i % 5 == 4 || i == 11)
            mailbox_deliver(&m, &b);
    }

    assert_int_equal(take_all(&m, numbers, 12), 12);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(numbers[i], i);
    loop_free(m.loop);
}

static void a_batch_is_empty_after_its_delivery(void **state)
{
    struct mailbox m = {.loop = loop_new(&no_handler, NULL)};
    struct batch b = {0};
    uint32_t numbers[1];
    (void)state;

    batch_add(&b, numbered(1));
    mailbox_deliver(&m, &b);
    mailbox_deliver(&m, &b);

    assert_null(b.first);
    assert_null(b.last);
    assert_int_equal(take_all(&m, numbers, 1), 1);
    assert_int_equal(take_all(&m, numbers, 1), 0);
    loop_free(m.loop);
}

static void an_empty_batch_delivers_nothing(void **state)
{
    struct mailbox m = {0}; /* without a loop: nobody is woken */
    struct batch b = {0};
    (void)state;

    mailbox_deliver(&m, &b);

    assert_null(mailbox_take(&m));
}

static void a_delivery_ends_the_receivers_wait(void **state)
{
    struct mailbox m = {.loop = loop_new(&no_handler, NULL)};
    struct batch b = {0};
    uint32_t numbers[1];
    (void)state;

    batch_add(&b, numbered(1));
    mailbox_deliver(&m, &b);
    loop_poll(m.loop, UINT64_MAX);

    assert_int_equal(take_all(&m, numbers, 1), 1);
    loop_free(m.loop);
}

static void what_was_delivered_together_is_taken_together(void **state)
{
    struct mailbox m = {.loop = loop_new(&no_handler, NULL)};
    struct batch first = {0}, second = {0};
    uint32_t numbers[4];
    (void)state;

    batch_add(&first, numbered(1));
    batch_add(&first, numbered(2));
    batch_add(&second, numbered(11));
    batch_add(&second, numbered(12));
    mailbox_deliver(&m, &second);
    mailbox_deliver(&m, &first);

    assert_int_equal(take_all(&m, numbers, 4), 4);
    assert_int_equal(numbers[0], 11);
    assert_int_equal(numbers[1], 12);
    assert_int_equal(numbers[2], 1);
    assert_int_equal(numbers[3], 2);
    loop_free(m.loop);
}

static void a_letter_gives_back_the_blobs_that_it_holds(void **state)
{
    struct blob *b = blob_new(B("x"));
    struct letter *joined = letter_new(LETTER_JOINED, 0), *told = letter_new(LETTER_STATE, 0);
    struct letter *announce = letter_new(LETTER_ANNOUNCE, 0), *event = letter_new(LETTER_EVENT, 0);
    (void)state;

    joined->joined.state = blob_ref(b);
    told->state.blob = blob_ref(b);
    announce->announce.blobs[FORMAT_ROOMS] = blob_ref(b);
    announce->announce.blobs[FORMATS_LEN - 1] = blob_ref(b);
    event->announce.blobs[FORMAT_NATIVE_LIST] = blob_ref(b);
    assert_int_equal(atomic_load(&b->refs), 6);
    letter_free(joined);
    letter_free(told);
    letter_free(announce);
    letter_free(event);

    assert_int_equal(atomic_load(&b->refs), 1);
    blob_unref(b);
}

static void a_new_letter_is_zero_and_has_room_for_its_text(void **state)
{
    struct letter *l = letter_new(LETTER_JOIN, 6);
    char *at = l->text;
    (void)state;

    struct bytes one = letter_put(&at, B("abc"));
    struct bytes none = letter_put(&at, (struct bytes){0});
    struct bytes two = letter_put(&at, B("def"));

    assert_int_equal(l->kind, LETTER_JOIN);
    assert_null(l->next);
    assert_int_equal(l->join.hash, 0);
    assert_memory_equal(l->text, "abcdef", 6);
    assert_true(bytes_equal(one, B("abc")) && bytes_equal(two, B("def")));
    assert_int_equal(none.len, 0);
    letter_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_arrive_in_the_order_in_which_they_were_posted),
        cmocka_unit_test(a_batch_is_empty_after_its_delivery),
        cmocka_unit_test(an_empty_batch_delivers_nothing),
        cmocka_unit_test(a_delivery_ends_the_receivers_wait),
        cmocka_unit_test(what_was_delivered_together_is_taken_together),
        cmocka_unit_test(a_letter_gives_back_the_blobs_that_it_holds),
        cmocka_unit_test(a_new_letter_is_zero_and_has_room_for_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
