/* SPDX-License-Identifier: MIT */
/*
 * redis_url_test.c - claims about the addresses of Redis.
 */
#include "app/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

static void assert_text(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *url, *host, *path, *user, *password;
        int port, db;
    } cases[] = {
        {"redis://localhost", "localhost", NULL, NULL, NULL, 6379, 0},
        {"redis://localhost/", "localhost", NULL, NULL, NULL, 6379, 0},
        {"redis://10.0.0.5:6380/3", "10.0.0.5", NULL, NULL, NULL, 6380, 3},
        {"redis://ada:secret@host", "host", NULL, "ada", "secret", 6379, 0},
        {"redis://:secret@host:1/0", "host", NULL, NULL, "secret", 1, 0},
        {"redis://secret@host", "host", NULL, NULL, "secret", 6379, 0},
        {"redis://a%3Ab:p%40ss%2F@host", "host", NULL, "a:b", "p@ss/", 6379, 0},
        {"redis://a:p@ss@host", "host", NULL, "a", "p@ss", 6379, 0},
        {"unix:///run/redis.sock", NULL, "/run/redis.sock", NULL, NULL, 0, 0},
        {"unix:///run/a%20b?db=7", NULL, "/run/a b", NULL, NULL, 0, 7},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_address a;
        struct buf error;
        buf_init(&error, BUF_UNBOUNDED);

        assert_true(redis_url_parse(cases[i].url, &a, &error));

        assert_text(a.host, cases[i].host);
        assert_text(a.path, cases[i].path);
        assert_text(a.user, cases[i].user);
        assert_text(a.password, cases[i].password);
        assert_int_equal(a.port, cases[i].port);
        assert_int_equal(a.db, cases[i].db);
        assert_int_equal(error.len, 0);
        redis_url_release(&a);
        assert_null(a.host);
    }
}

static void what_is_no_address_is_refused_with_what_is_allowed(void **state)
{
    static const char *const bad[] = {
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://:6379",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:port",
        "redis://host:",
        "redis://host/db",
        "redis://host/10000",
        "redis://host/99999999999999999999",
        "redis://ho%st",
        "redis://ada:%zz@host",
        "unix://run/redis.sock",
        "unix://",
        "unix:///",
        "unix:///run/redis.sock?db=",
        "unix:///run/redis.sock?name=1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct redis_address a;
        struct buf error;
        buf_init(&error, BUF_UNBOUNDED);

        assert_false(redis_url_parse(bad[i], &a, &error));

        assert_true(error.len > 0);
        assert_null(a.host);
        assert_null(a.path);
        assert_null(a.password);
        buf_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused_with_what_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
