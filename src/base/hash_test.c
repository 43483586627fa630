/* SPDX-License-Identifier: MIT */
/*
 * hash_test.c - claims about the keyed hash.
 *
 * It is compared with a plain SipHash-c-d written here from the paper, byte by byte; that one is
 * checked against the paper's own SipHash-2-4 vector (appendix A) first.
 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct hash_seed PAPER = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static uint64_t turn(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static void naive_rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[1] = turn(v[1], 13);
        v[1] ^= v[0];
        v[0] = turn(v[0], 32);
        v[2] += v[3];
        v[3] = turn(v[3], 16);
        v[3] ^= v[2];
        v[0] += v[3];
        v[3] = turn(v[3], 21);
        v[3] ^= v[0];
        v[2] += v[1];
        v[1] = turn(v[1], 17);
        v[1] ^= v[2];
        v[2] = turn(v[2], 32);
    }
}

static uint64_t naive(struct hash_seed k, struct bytes data, int c, int d)
{
    uint64_t v[4] = {k.k0 ^ 0x736f6d6570736575u, k.k1 ^ 0x646f72616e646f6du,
                     k.k0 ^ 0x6c7967656e657261u, k.k1 ^ 0x7465646279746573u};
    size_t padded = data.len / 8 * 8 + 8;

    for (size_t at = 0; at < padded; at += 8) {
        uint64_t m = 0;
        for (size_t i = 0; i < 8; i++) {
            uint64_t byte = 0;
            if (at + i < data.len)
                byte = (unsigned char)data.ptr[at + i];
            else if (at + i == padded - 1)
                byte = data.len & 0xff;
            m |= byte << (8 * i);
        }
        v[3] ^= m;
        naive_rounds(v, c);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    naive_rounds(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void counting_bytes(char *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(i & 0xff);
}

static void the_naive_siphash_gives_the_vector_of_the_paper(void **state)
{
    char data[15];
    (void)state;

    counting_bytes(data, sizeof(data));

    assert_true(naive(PAPER, bytes_of(data, 15), 2, 4) == 0xa129ca6149be45e5u);
}

static void every_length_hashes_as_siphash_1_3(void **state)
{
    char data[600];
    (void)state;

    counting_bytes(data, sizeof(data));

    for (size_t len = 0; len <= sizeof(data); len++) {
        struct bytes b = bytes_of(data, len);
        assert_true(hash_bytes(&PAPER, b) == naive(PAPER, b, 1, 3));
    }
}

static void bytes_above_127_hash_as_siphash_1_3(void **state)
{
    char data[40];
    (void)state;

    memset(data, 0xe9, sizeof(data));

    for (size_t len = 0; len <= sizeof(data); len++) {
        struct bytes b = bytes_of(data, len);
        assert_true(hash_bytes(&PAPER, b) == naive(PAPER, b, 1, 3));
    }
}

static void where_the_bytes_lie_does_not_matter(void **state)
{
    char at[64];
    (void)state;

    for (size_t offset = 0; offset < 8; offset++) {
        memcpy(at + offset, "article:42 and more", 19);
        assert_true(hash_bytes(&PAPER, bytes_of(at + offset, 19)) ==
                    hash_bytes(&PAPER, B("article:42 and more")));
    }
}

static void no_bytes_have_a_hash_wherever_they_point(void **state)
{
    (void)state;

    assert_true(hash_bytes(&PAPER, (struct bytes){0}) == hash_bytes(&PAPER, B("")));
}

static void another_seed_is_another_hash(void **state)
{
    struct hash_seed one = PAPER, other = PAPER;
    (void)state;

    one.k0 ^= 1;
    other.k1 ^= UINT64_C(1) << 63;

    assert_true(hash_bytes(&one, B("post:1")) != hash_bytes(&PAPER, B("post:1")));
    assert_true(hash_bytes(&other, B("post:1")) != hash_bytes(&PAPER, B("post:1")));
    assert_true(hash_bytes(&one, B("post:1")) != hash_bytes(&other, B("post:1")));
}

static void trailing_zero_bytes_count(void **state)
{
    (void)state;

    assert_true(hash_bytes(&PAPER, B("a")) != hash_bytes(&PAPER, B("a\0")));
    assert_true(hash_bytes(&PAPER, B("1234567")) != hash_bytes(&PAPER, B("1234567\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_naive_siphash_gives_the_vector_of_the_paper),
        cmocka_unit_test(every_length_hashes_as_siphash_1_3),
        cmocka_unit_test(bytes_above_127_hash_as_siphash_1_3),
        cmocka_unit_test(where_the_bytes_lie_does_not_matter),
        cmocka_unit_test(no_bytes_have_a_hash_wherever_they_point),
        cmocka_unit_test(another_seed_is_another_hash),
        cmocka_unit_test(trailing_zero_bytes_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
