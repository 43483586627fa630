/* SPDX-License-Identifier: MIT */
#include "wire/http_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"

static void check(const struct http_response *r, struct bytes body, const char *want)
{
    struct buf out;
    buf_init(&out, BUF_UNBOUNDED);

    http_response(&out, r, body);

    buf_put_char(&out, '\0');
    assert_string_equal(out.ptr, want);
    buf_release(&out);
}

static void a_response_has_its_length_and_type(void **state)
{
    (void)state;
    struct http_response r = {.status = 200, .type = B("text/plain")};

    check(&r, B("hello\n"),
          "HTTP/1.1 200 OK\r\n"
          "Content-Type: text/plain\r\n"
          "Content-Length: 6\r\n"
          "Connection: keep-alive\r\n"
          "\r\n"
          "hello\n");
}

static void the_answer_to_head_has_the_length_but_not_the_body(void **state)
{
    (void)state;
    struct http_response r = {.status = 404, .close = true, .head_only = true};

    check(&r, B("hello\n"),
          "HTTP/1.1 404 Not Found\r\n"
          "Content-Length: 6\r\n"
          "Connection: close\r\n"
          "\r\n");
}

static void an_upgrade_says_only_its_own_fields(void **state)
{
    (void)state;
    const struct http_field fields[] = {
        {B("Upgrade"), B("websocket")},
        {B("Connection"), B("Upgrade")},
    };
    struct http_response r = {.status = 101, .fields = fields, .fields_len = ARRAY_LEN(fields)};

    check(&r, B(""),
          "HTTP/1.1 101 Switching Protocols\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "\r\n");
}

static void a_stream_has_no_length(void **state)
{
    (void)state;
    struct http_response r = {
        .status = 200, .close = true, .stream = true, .type = B("text/event-stream")};

    check(&r, B(""),
          "HTTP/1.1 200 OK\r\n"
          "Content-Type: text/event-stream\r\n"
          "Connection: close\r\n"
          "\r\n");
}

static void a_status_without_a_body_has_no_length(void **state)
{
    (void)state;
    struct http_response none = {.status = 204};
    struct http_response same = {.status = 304};

    check(&none, B(""), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
    check(&same, B(""), "HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\n\r\n");
}

static void a_value_cannot_begin_a_new_line(void **state)
{
    (void)state;
    const struct http_field fields[] = {{B("Location"), B("/a\r\nSet-Cookie: b\0c\x7f\t\xc3\xa4")}};
    struct http_response r = {
        .status = 302, .type = B("a\nb"), .fields = fields, .fields_len = ARRAY_LEN(fields)};

    check(&r, B(""),
          "HTTP/1.1 302 Found\r\n"
          "Content-Type: a b\r\n"
          "Content-Length: 0\r\n"
          "Connection: keep-alive\r\n"
          "Location: /a  Set-Cookie: b c \t\xc3\xa4\r\n"
          "\r\n");
}

static void every_status_that_the_parser_gives_has_a_reason(void **state)
{
    static const int given[] = {400, 413, 414, 431, 501, 505};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        assert_string_not_equal(http_reason(given[i]), "Unknown");
    assert_string_equal(http_reason(426), "Upgrade Required");
    assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_has_its_length_and_type),
        cmocka_unit_test(the_answer_to_head_has_the_length_but_not_the_body),
        cmocka_unit_test(an_upgrade_says_only_its_own_fields),
        cmocka_unit_test(a_stream_has_no_length),
        cmocka_unit_test(a_status_without_a_body_has_no_length),
        cmocka_unit_test(a_value_cannot_begin_a_new_line),
        cmocka_unit_test(every_status_that_the_parser_gives_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
