/* SPDX-License-Identifier: MIT */
/*
 * blob_threads_test.c - claims about counted bytes, alone and shared by threads.
 *
 * Under ThreadSanitizer and AddressSanitizer the threads prove that the last reference, wherever it
 * is given back, frees once and after every reader.
 */
#include "base/blob.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 2000 };

static void a_blob_is_a_copy(void **state)
{
    char from[] = {'a', 'b', 'c'};
    (void)state;

    struct blob *b = blob_new(bytes_of(from, sizeof(from)));
    from[0] = 'x';

    assert_true(bytes_equal(blob_bytes(b), B("abc")));
    blob_unref(b);
}

static void a_join_is_the_head_and_then_the_tail(void **state)
{
    (void)state;

    struct blob *both = blob_join(B("head "), B("tail"));
    struct blob *head = blob_join(B("head"), (struct bytes){0});
    struct blob *none = blob_new((struct bytes){0});

    assert_true(bytes_equal(blob_bytes(both), B("head tail")));
    assert_true(bytes_equal(blob_bytes(head), B("head")));
    assert_int_equal(none->len, 0);
    blob_unref(both);
    blob_unref(head);
    blob_unref(none);
}

static void a_blob_lives_until_its_last_reference(void **state)
{
    struct blob *b = blob_new(B("abc"));
    (void)state;

    assert_ptr_equal(blob_ref(b), b);
    blob_unref(b);

    assert_true(bytes_equal(blob_bytes(b), B("abc")));
    blob_unref(b);
    blob_unref(NULL);
}

/* Reads the blob, takes and gives back references, and ends by giving back the one it was given. */
static void *share(void *arg)
{
    struct blob *b = arg;
    uintptr_t sum = 0;

    for (int i = 0; i < ROUNDS; i++) {
        blob_ref(b);
        sum += (unsigned char)b->data[(size_t)i % b->len];
        blob_unref(b);
    }
    blob_unref(b);
    return (void *)sum;
}

static void threads_may_give_back_the_last_reference_in_any_order(void **state)
{
    enum { BLOBS = 20 };
    (void)state;

    for (int round = 0; round < BLOBS; round++) {
        struct blob *b = blob_new(B("aaaa"));
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, share, blob_ref(b)), 0);
        blob_unref(b);

        for (int i = 0; i < THREADS; i++) {
            void *sum = NULL;
            assert_int_equal(pthread_join(threads[i], &sum), 0);
            assert_int_equal((uintptr_t)sum, ROUNDS * 'a');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_is_a_copy),
        cmocka_unit_test(a_join_is_the_head_and_then_the_tail),
        cmocka_unit_test(a_blob_lives_until_its_last_reference),
        cmocka_unit_test(threads_may_give_back_the_last_reference_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
