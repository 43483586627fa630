/* SPDX-License-Identifier: MIT */
/*
 * auth_claims_test.c - claims about what a well-signed token may say.
 */
#include "app/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/forge_test.h"

static void check_payloads(const struct server *s, const struct forgery *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum auth_result result = check_forged(s, B(HS256), bytes_str(list[i].text));
        if (result != list[i].expected)
            print_error("payload %s: %s\n", list[i].text, auth_result_text(result));
        assert_int_equal(result, list[i].expected);
    }
}

/* Claims. */

static void times_are_kept_to_with_the_leeway(void **state)
{
    /* now is 1700000000, the leeway 60 s */
    static const struct forgery payloads[] = {
        {"{\"sub\":1,\"exp\":1699999940}", AUTH_EXPIRED},
        {"{\"sub\":1,\"exp\":1699999940.9}", AUTH_EXPIRED},
        {"{\"sub\":1,\"exp\":1699999941}", AUTH_OK},
        {"{\"sub\":1,\"exp\":1700000001}", AUTH_OK},
        {"{\"sub\":1,\"exp\":1e18}", AUTH_OK},
        {"{\"sub\":1,\"exp\":9223372036854775807}", AUTH_OK},
        {"{\"sub\":1,\"exp\":0}", AUTH_EXPIRED},
        {"{\"sub\":1,\"exp\":-1}", AUTH_EXPIRED},
        {"{\"sub\":1,\"exp\":-9223372036854775808}", AUTH_EXPIRED},
        {"{\"sub\":1,\"nbf\":1700000060}", AUTH_OK},
        {"{\"sub\":1,\"nbf\":1700000060.5}", AUTH_NOT_YET},
        {"{\"sub\":1,\"nbf\":1700000061}", AUTH_NOT_YET},
        {"{\"sub\":1,\"nbf\":9223372036854775807}", AUTH_NOT_YET},
        {"{\"sub\":1,\"nbf\":-5}", AUTH_OK},
        {"{\"sub\":1,\"nbf\":1e300}", AUTH_NOT_YET},
        {"{\"sub\":1,\"iat\":1800000000}", AUTH_OK},
    };
    struct server s = hs256_server();
    (void)state;

    check_payloads(&s, payloads, ARRAY_LEN(payloads));

    server_free(&s);
}

static void times_must_be_numbers(void **state)
{
    static const struct forgery payloads[] = {
        {"{\"sub\":1,\"exp\":\"9999999999\"}", AUTH_CLAIM},
        {"{\"sub\":1,\"exp\":null}", AUTH_CLAIM},
        {"{\"sub\":1,\"exp\":true}", AUTH_CLAIM},
        {"{\"sub\":1,\"exp\":[9999999999]}", AUTH_CLAIM},
        {"{\"sub\":1,\"exp\":{}}", AUTH_CLAIM},
        {"{\"sub\":1,\"nbf\":\"0\"}", AUTH_CLAIM},
        {"{\"sub\":1,\"nbf\":false}", AUTH_CLAIM},
        {"{\"sub\":1,\"iat\":\"now\"}", AUTH_CLAIM},
        {"{\"sub\":1,\"exp\":9223372036854775808}", AUTH_MALFORMED},
        {"{\"sub\":1,\"exp\":1e400}", AUTH_MALFORMED},
        {"{\"sub\":1,\"exp\":+1}", AUTH_MALFORMED},
        {"{\"sub\":1,\"exp\":0x10}", AUTH_MALFORMED},
        {"{\"sub\":1,\"exp\":1,\"exp\":9999999999}", AUTH_MALFORMED},
    };
    struct server s = hs256_server();
    (void)state;

    check_payloads(&s, payloads, ARRAY_LEN(payloads));

    server_free(&s);
}

static void a_subject_must_be_usable_as_a_key(void **state)
{
    static const struct forgery payloads[] = {
        {"{}", AUTH_SUBJECT},
        {"{\"sub\":\"\"}", AUTH_SUBJECT},
        {"{\"sub\":null}", AUTH_SUBJECT},
        {"{\"sub\":true}", AUTH_SUBJECT},
        {"{\"sub\":1.0}", AUTH_SUBJECT},
        {"{\"sub\":1e3}", AUTH_SUBJECT},
        {"{\"sub\":[\"ann\"]}", AUTH_SUBJECT},
        {"{\"sub\":{\"id\":1}}", AUTH_SUBJECT},
        {"{\"sub\":\"~visitor\"}", AUTH_SUBJECT},
        {"{\"sub\":\"a\\nb\"}", AUTH_SUBJECT},
        {"{\"sub\":\"a\\u0001\"}", AUTH_SUBJECT},
        {"{\"sub\":\"a\\u007f\"}", AUTH_SUBJECT},
        {"{\"sub\":\"a\\u0085\"}", AUTH_SUBJECT},
        {"{\"sub\":\"ann\\u0000bob\"}", AUTH_MALFORMED},
        {"{\"sub\":\"\xff\"}", AUTH_MALFORMED},
        {"{\"sub\":\"\xed\xa0\x80\"}", AUTH_MALFORMED},
        {"{\"sub\":\"ann\",\"sub\":\"bob\"}", AUTH_MALFORMED},
        {"{\"sub\":9223372036854775808}", AUTH_MALFORMED},
        {"{\"sub\":9223372036854775807}", AUTH_OK},
        {"{\"sub\":\"a~b\"}", AUTH_OK},
        {"{\"sub\":\"\xc3\xa9\\u00e9 \xf0\x9f\x98\x80\"}", AUTH_OK},
    };
    struct server s = hs256_server();
    struct buf payload;
    (void)state;
    buf_init(&payload, BUF_UNBOUNDED);
    buf_put(&payload, B("{\"sub\":\""));
    for (size_t i = 0; i < s.config->key_bytes_max; i++)
        buf_put_char(&payload, 'a');

    check_payloads(&s, payloads, ARRAY_LEN(payloads));
    buf_put(&payload, B("\"}"));
    assert_int_equal(check_forged(&s, B(HS256), buf_bytes(&payload)), AUTH_OK);
    payload.len -= 2;
    buf_put(&payload, B("a\"}"));
    assert_int_equal(check_forged(&s, B(HS256), buf_bytes(&payload)), AUTH_SUBJECT);

    buf_release(&payload);
    server_free(&s);
}

static void the_configured_audience_and_issuer_must_be_named(void **state)
{
    static const char *const settings[] = {"jwt_secret=" SECRET, "jwt_audience=us",
                                           "jwt_issuer=them", NULL};
    static const struct forgery payloads[] = {
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":\"us\"}", AUTH_OK},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":[\"x\",\"us\"]}", AUTH_OK},
        {"{\"sub\":1,\"iss\":\"them\"}", AUTH_AUDIENCE},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":\"US\"}", AUTH_AUDIENCE},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":\"us2\"}", AUTH_AUDIENCE},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":\"\"}", AUTH_AUDIENCE},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":[]}", AUTH_AUDIENCE},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":[[\"us\"]]}", AUTH_CLAIM},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":{\"us\":1}}", AUTH_CLAIM},
        {"{\"sub\":1,\"iss\":\"them\",\"aud\":null}", AUTH_CLAIM},
        {"{\"sub\":1,\"aud\":\"us\"}", AUTH_ISSUER},
        {"{\"sub\":1,\"iss\":\"\",\"aud\":\"us\"}", AUTH_ISSUER},
        {"{\"sub\":1,\"iss\":\"them/\",\"aud\":\"us\"}", AUTH_ISSUER},
        {"{\"sub\":1,\"iss\":[\"them\"],\"aud\":\"us\"}", AUTH_CLAIM},
    };
    struct server s = server_new(settings);
    (void)state;

    check_payloads(&s, payloads, ARRAY_LEN(payloads));

    server_free(&s);
}

static void topics_and_meta_must_be_of_their_types_and_within_limits(void **state)
{
    static const char *const settings[] = {"jwt_secret=" SECRET, "meta_bytes_max=9",
                                           "topic_bytes_max=6", NULL};
    static const struct forgery payloads[] = {
        {"{\"sub\":1,\"topics\":\"post:*\"}", AUTH_CLAIM},
        {"{\"sub\":1,\"topics\":null}", AUTH_CLAIM},
        {"{\"sub\":1,\"topics\":[1]}", AUTH_CLAIM},
        {"{\"sub\":1,\"topics\":[\"\"]}", AUTH_CLAIM},
        {"{\"sub\":1,\"topics\":[\"a\",null]}", AUTH_CLAIM},
        {"{\"sub\":1,\"topics\":[\"post:*\"]}", AUTH_OK},
        {"{\"sub\":1,\"topics\":[\"posts:*\"]}", AUTH_CLAIM},
        {"{\"sub\":1,\"meta\":[]}", AUTH_CLAIM},
        {"{\"sub\":1,\"meta\":\"{}\"}", AUTH_CLAIM},
        {"{\"sub\":1,\"meta\":null}", AUTH_CLAIM},
        {"{\"sub\":1,\"meta\":{ \"a\" : 123 }}", AUTH_OK},
        {"{\"sub\":1,\"meta\":{\"a\":1234}}", AUTH_CLAIM},
    };
    struct server s = server_new(settings);
    (void)state;

    check_payloads(&s, payloads, ARRAY_LEN(payloads));

    server_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_kept_to_with_the_leeway),
        cmocka_unit_test(times_must_be_numbers),
        cmocka_unit_test(a_subject_must_be_usable_as_a_key),
        cmocka_unit_test(the_configured_audience_and_issuer_must_be_named),
        cmocka_unit_test(topics_and_meta_must_be_of_their_types_and_within_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
