/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/cutter_test.h"

static size_t encode(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (char)((0xf00 >> len & 0xff) | point);
    return len;
}

/* The rules in their plainest form: decode, then look at the number. */
static bool reference(const unsigned char *p, size_t len)
{
    while (len) {
        size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
        if (n == 0 || n > len)
            return false;
        uint32_t point = n == 1 ? *p : *p & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
            if (p[i] >> 6 != 2)
                return false;
            point = point << 6 | (p[i] & 0x3f);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

static bool valid_cut(struct bytes text, int way)
{
    struct cutter c;
    struct utf8 u = {0};
    bool ok = true;

    cutter_init(&c, text, way);
    while (ok && cutter_next(&c))
        ok = utf8_feed(&u, bytes_of(c.piece, c.piece_len));
    cutter_release(&c);
    return ok && utf8_complete(&u);
}

static void every_code_point_is_valid_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x120000; point++) {
        char text[4];
        size_t len = encode(point, text);
        bool want = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);

        if (utf8_valid(bytes_of(text, len)) != want)
            fail_msg("U+%04X", point);
    }
}

static void short_sequences_are_judged_as_by_decoding(void **state)
{
    static const unsigned char edges[] = {
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
        0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xfc, 0xfe, 0xff};
    enum { N = sizeof(edges) };

    (void)state;
    for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
        unsigned char text[4] = {edges[i % N], edges[i / N % N], edges[i / N / N % N],
                                 edges[i / N / N / N]};
        for (size_t len = 1; len <= 4; len++) {
            if (utf8_valid(bytes_of((char *)text, len)) != reference(text, len))
                fail_msg("%02x %02x %02x %02x, %zu bytes", text[0], text[1], text[2], text[3], len);
        }
    }
}

static void a_bad_byte_is_seen_at_every_place_of_an_ascii_run(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 40; len++) {
        for (size_t at = 0; at < len; at++) {
            char *text = heap_alloc(len);
            memset(text, 'a', len);
            assert_true(utf8_valid(bytes_of(text, len)));

            text[at] = (char)0xff;

            assert_false(utf8_valid(bytes_of(text, len)));
            heap_free(text);
        }
    }
}

static void cuts_do_not_change_the_verdict(void **state)
{
    static const struct {
        struct bytes text;
        bool valid;
    } cases[] = {
        {{"", 0}, true},
        {{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", 11}, true},
        {{"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", 29}, true},
        {{"12345678\xf0\x9f\x98\x80"
          "12345678\xef\xbf\xbf\xf4\x8f\xbf\xbf",
          27},
         true},
        {{"\xce\xba\xed\xa0\x80"
          "edited",
          11},
         false},
        {{"12345678\xe2\x82", 10}, false},
        {{"12345678\x80", 9}, false},
        {{"\xf4\x90\x80\x80", 4}, false},
        {{"\xc0\xaf", 2}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int way = 0; way < CUTTER_WAYS; way++)
            assert_int_equal(valid_cut(cases[i].text, way), cases[i].valid);
    }
}

static void a_text_that_cannot_become_valid_is_refused_at_that_byte(void **state)
{
    static const struct bytes cases[] = {
        {"\x80", 1},     {"\xc0", 1},         {"\xf5", 1},
        {"\xe0\x9f", 2}, {"\xed\xa0", 2},     {"\xf0\x8f", 2},
        {"\xf4\x90", 2}, {"\xe2\x82\x41", 3}, {"\xf0\x9f\x98\xc0", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct utf8 u = {0};
        assert_true(utf8_feed(&u, bytes_of(cases[i].ptr, cases[i].len - 1)));

        bool ok = utf8_feed(&u, bytes_skip(cases[i], cases[i].len - 1));

        assert_false(ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_but_surrogates),
        cmocka_unit_test(short_sequences_are_judged_as_by_decoding),
        cmocka_unit_test(a_bad_byte_is_seen_at_every_place_of_an_ascii_run),
        cmocka_unit_test(cuts_do_not_change_the_verdict),
        cmocka_unit_test(a_text_that_cannot_become_valid_is_refused_at_that_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
