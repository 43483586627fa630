/* SPDX-License-Identifier: MIT */
#include "app/config_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef bool (*number_reader)(struct bytes text, uint64_t *out);

struct number {
    const char *text;
    uint64_t expected;
};

static void assert_numbers(number_reader read, const struct number *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t n = 0;
        assert_true(read(bytes_str(list[i].text), &n));
        assert_int_equal(n, list[i].expected);
    }
}

static void assert_refused(number_reader read, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t n = 7;
        assert_false(read(bytes_str(list[i]), &n));
        assert_int_equal(n, 7);
    }
}

static void a_count_is_decimal_digits_below_two_to_the_64(void **state)
{
    static const struct number good[] = {
        {"0", 0}, {"007", 7}, {"100000", 100000}, {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",    " 1",  "1 ",   "+1", "-1",
                                      "1.0", "1e3", "0x10", "1k", "18446744073709551616"};
    (void)state;

    assert_numbers(value_count, good, ARRAY_LEN(good));
    assert_refused(value_count, bad, ARRAY_LEN(bad));
}

static void a_duration_has_a_unit_unless_it_is_zero(void **state)
{
    static const struct number good[] = {{"0", 0},     {"0s", 0},      {"250ms", 250},
                                         {"2s", 2000}, {"5m", 300000}, {"1h", 3600000}};
    static const char *const bad[] = {
        "2", "s", "2 s", "2S", "2sec", "1.5s", "-1s", "2s2", "1d", "18446744073709551615h", ""};
    (void)state;

    assert_numbers(value_duration, good, ARRAY_LEN(good));
    assert_refused(value_duration, bad, ARRAY_LEN(bad));
}

static void a_size_is_bytes_or_has_a_binary_unit(void **state)
{
    static const struct number good[] = {
        {"4096", 4096}, {"12B", 12}, {"64KiB", 65536}, {"1MiB", 1048576}, {"2GiB", 2147483648}};
    static const char *const bad[] = {
        "64K", "64kb", "64KB", "1 MiB", "KiB", "", "99999999999999GiB"};
    (void)state;

    assert_numbers(value_size, good, ARRAY_LEN(good));
    assert_refused(value_size, bad, ARRAY_LEN(bad));
}

static void a_bool_is_true_or_false_and_nothing_else(void **state)
{
    static const char *const bad[] = {"", "True", "yes", "1", "on", "truefalse", "tru"};
    bool value = false;
    (void)state;

    assert_true(value_bool(B("true"), &value));
    assert_true(value);
    assert_true(value_bool(B("false"), &value));
    assert_false(value);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(value_bool(bytes_str(bad[i]), &value));
}

static void an_address_has_a_host_and_a_port(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"127.0.0.1:8080", "127.0.0.1", 8080},
                {"localhost:0", "localhost", 0},
                {"[::1]:65535", "::1", 65535},
                {"[fe80::1%eth0]:80", "fe80::1%eth0", 80}};
    static const char *const bad[] = {
        "",        "8080",        ":8080",  "a:",        "a:65536", "::1:80", "[::1]",
        "[::1]80", "[]:80",       "[a]:80", "a b:80",    "a:80 ",   "a:-1",   "a:8o",
        "[::1:80", "http://a:80", "a/b:80", "[::1]:80x", "a:80:90"};
    struct bytes host;
    uint16_t port;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(value_listen(bytes_str(good[i].text), &host, &port));
        assert_true(bytes_equal(host, bytes_str(good[i].host)));
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(value_listen(bytes_str(bad[i]), &host, &port));
}

static void durations_and_sizes_are_written_in_their_largest_whole_unit(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, BUF_UNBOUNDED);

    value_put_duration(&out, 0);
    buf_put_char(&out, ' ');
    value_put_duration(&out, 1500);
    buf_put_char(&out, ' ');
    value_put_duration(&out, 600000);
    buf_put_char(&out, ' ');
    value_put_size(&out, 255);
    buf_put_char(&out, ' ');
    value_put_size(&out, 4096);
    buf_put_char(&out, ' ');
    value_put_size(&out, 1 << 20);

    assert_true(bytes_equal(buf_bytes(&out), B("0s 1500ms 10m 255 4KiB 1MiB")));
    buf_release(&out);
}

static void clean_text_is_utf8_without_control_characters(void **state)
{
    (void)state;

    assert_true(value_is_clean_text(B("")));
    assert_true(value_is_clean_text(B("h\xc3\xa9 \xf0\x9f\x98\x80\xc2\xa0")));
    assert_false(value_is_clean_text(B("a\nb")));
    assert_false(value_is_clean_text(B("a\0")));
    assert_false(value_is_clean_text(B("\x7f")));
    assert_false(value_is_clean_text(B("\xc2\x85")));
    assert_false(value_is_clean_text(B("\xc3")));
    assert_false(value_is_clean_text(B("\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_is_decimal_digits_below_two_to_the_64),
        cmocka_unit_test(a_duration_has_a_unit_unless_it_is_zero),
        cmocka_unit_test(a_size_is_bytes_or_has_a_binary_unit),
        cmocka_unit_test(a_bool_is_true_or_false_and_nothing_else),
        cmocka_unit_test(an_address_has_a_host_and_a_port),
        cmocka_unit_test(durations_and_sizes_are_written_in_their_largest_whole_unit),
        cmocka_unit_test(clean_text_is_utf8_without_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
