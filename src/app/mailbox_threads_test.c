/* SPDX-License-Identifier: MIT */
/*
 * mailbox_threads_test.c - claims about letters of several threads: each sender's order is kept,
 * nothing is lost, nobody sleeps through a delivery, and shared blobs are freed once.
 */
#include "app/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"

enum { SENDERS = 4, LETTERS = 20000 };

static const struct conn_handler no_handler;

struct sender {
    struct mailbox *to;
    struct blob *blob; /* shared by all */
    uint16_t number;
    pthread_t thread;
};

/* Letters numbered from 0, in batches of 1 to 7, each with a reference to the blob. */
static void *send_all(void *arg)
{
    struct sender *s = arg;
    struct batch b = {0};

    for (uint32_t i = 0; i < LETTERS; i++) {
        struct letter *l = letter_new(LETTER_STATE, 0);
        l->from = s->number;
        l->state.seq = i;
        l->state.blob = blob_ref(s->blob);
        batch_add(&b, l);
        if (i % 7 == s->number || i == LETTERS - 1)
            mailbox_deliver(s->to, &b);
    }
    blob_unref(s->blob);
    return NULL;
}

static void every_senders_order_is_kept_and_nothing_is_lost(void **state)
{
    struct mailbox m = {.loop = loop_new(&no_handler, NULL)};
    struct sender senders[SENDERS];
    struct blob *blob = blob_new(B("shared"));
    uint32_t next[SENDERS] = {0}, total = 0;
    bool in_order = true;
    (void)state;

    alarm(100); /* a lost wake-up would hang */
    for (uint16_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.to = &m, .blob = blob_ref(blob), .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    while (total < SENDERS * LETTERS) {
        loop_poll(m.loop, UINT64_MAX);
        for (struct letter *l = mailbox_take(&m), *after; l; l = after, total++) {
            after = l->next;
            in_order = in_order && l->state.seq == next[l->from]++ &&
                       bytes_equal(blob_bytes(l->state.blob), B("shared"));
            letter_free(l);
        }
    }
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);

    assert_true(in_order);
    assert_null(mailbox_take(&m));
    assert_int_equal(atomic_load(&blob->refs), 1);
    blob_unref(blob);
    loop_free(m.loop);
    alarm(0);
}

/* A ball between two threads; `held` is touched only by whoever holds it. */
struct player {
    struct mailbox box;
    struct mailbox *other;
    uint32_t *held;
    uint32_t turns;
};

static void *play(void *arg)
{
    struct player *p = arg;

    for (uint32_t i = 0; i < p->turns; i++) {
        struct batch b = {0};
        struct letter *ball;
        while (!(ball = mailbox_take(&p->box)))
            loop_poll(p->box.loop, UINT64_MAX);
        ++*p->held;
        batch_add(&b, ball);
        mailbox_deliver(p->other, &b);
    }
    return NULL;
}

static void what_a_sender_wrote_before_is_seen_behind_the_letter(void **state)
{
    enum { TURNS = 2000 };
    uint32_t held = 0;
    struct player a = {.held = &held, .turns = TURNS}, b = a;
    struct batch first = {0};
    pthread_t thread;
    (void)state;

    alarm(100);
    a.box.loop = loop_new(&no_handler, NULL);
    b.box.loop = loop_new(&no_handler, NULL);
    a.other = &b.box;
    b.other = &a.box;
    batch_add(&first, letter_new(LETTER_STOP, 0));
    mailbox_deliver(&b.box, &first);
    assert_int_equal(pthread_create(&thread, NULL, play, &b), 0);
    play(&a);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_int_equal(held, 2 * TURNS);
    letter_free(mailbox_take(&b.box));
    loop_free(a.box.loop);
    loop_free(b.box.loop);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_senders_order_is_kept_and_nothing_is_lost),
        cmocka_unit_test(what_a_sender_wrote_before_is_seen_behind_the_letter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
