/* SPDX-License-Identifier: MIT */
/*
 * auth_test.c - claims about whose tokens are believed: spelling, headers, signatures, keys.
 */
#include "app/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "app/config.h"
#include "app/forge_test.h"
#include "base/heap.h"

static void check_headers(const struct server *s, const struct forgery *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum auth_result result = check_forged(s, bytes_str(list[i].text), B("{\"sub\":\"ann\"}"));
        if (result != list[i].expected)
            print_error("header %s: %s\n", list[i].text, auth_result_text(result));
        assert_int_equal(result, list[i].expected);
    }
}

/* Good tokens. */

static void a_good_token_says_who_its_bearer_is(void **state)
{
    struct server s = hs256_server();
    struct buf token = hs256_token(
        B(HS256), B("{\"sub\":\"ann\",\"exp\":1700000100.9,\"topics\":[\"post:*\",\"room\"],"
                    "\"meta\": { \"name\" : \"Ann\", \"b\" : [1, 2] }}"));
    struct identity id;
    (void)state;

    enum auth_result result = auth_check(s.auth, buf_bytes(&token), NOW, &id);

    assert_int_equal(result, AUTH_OK);
    assert_true(bytes_equal(id.sub, B("ann")));
    assert_int_equal(id.exp_s, 1700000100);
    assert_int_equal(auth_session_end_s(s.auth, id.exp_s), 1700000160);
    assert_true(bytes_equal(id.meta, B("{\"name\":\"Ann\",\"b\":[1,2]}")));
    assert_true(identity_may_use(&id, B("post:7")));
    assert_true(identity_may_use(&id, B("room")));
    assert_false(identity_may_use(&id, B("rooms")));
    identity_release(&id);
    buf_release(&token);
    server_free(&s);
}

static void a_token_with_a_subject_only_opens_all_topics_for_ever(void **state)
{
    struct server s = hs256_server();
    struct buf token = hs256_token(B("{\"alg\":\"HS256\"}"), B("{\"sub\":-42}"));
    struct identity id;
    (void)state;

    enum auth_result result = auth_check(s.auth, buf_bytes(&token), NOW, &id);

    assert_int_equal(result, AUTH_OK);
    assert_true(bytes_equal(id.sub, B("-42")));
    assert_int_equal(id.exp_s, 0);
    assert_int_equal(auth_session_end_s(s.auth, id.exp_s), 0);
    assert_false(id.topics_limited);
    assert_true(identity_may_use(&id, B("anything")));
    assert_int_equal(id.meta.len, 0);
    identity_release(&id);
    buf_release(&token);
    server_free(&s);
}

static void an_empty_list_of_topics_opens_none(void **state)
{
    struct server s = hs256_server();
    struct buf token = hs256_token(B(HS256), B("{\"sub\":\"ann\",\"topics\":[]}"));
    struct identity id;
    (void)state;

    enum auth_result result = auth_check(s.auth, buf_bytes(&token), NOW, &id);

    assert_int_equal(result, AUTH_OK);
    assert_true(id.topics_limited);
    assert_false(identity_may_use(&id, B("a")));
    identity_release(&id);
    buf_release(&token);
    server_free(&s);
}

static void each_size_of_hmac_is_good_for_its_own_name_only(void **state)
{
    static const struct {
        const char *name;
        const char *setting;
        const EVP_MD *(*digest)(void);
    } sizes[] = {{"HS256", "jwt_algorithm=HS256", EVP_sha256},
                 {"HS384", "jwt_algorithm=HS384", EVP_sha384},
                 {"HS512", "jwt_algorithm=HS512", EVP_sha512}};
    (void)state;

    for (size_t configured = 0; configured < 3; configured++) {
        const char *const settings[] = {"jwt_secret=" SECRET, sizes[configured].setting, NULL};
        struct server s = server_new(settings);
        for (size_t named = 0; named < 3; named++) {
            for (size_t used = 0; used < 3; used++) {
                struct buf header, token;
                buf_init(&header, BUF_UNBOUNDED);
                buf_init(&token, BUF_UNBOUNDED);
                buf_printf(&header, "{\"alg\":\"%s\"}", sizes[named].name);
                put_parts(&token, buf_bytes(&header), B("{\"sub\":\"ann\"}"));
                put_hmac(&token, sizes[used].digest(), B(SECRET));

                enum auth_result result = check(&s, buf_bytes(&token));

                assert_int_equal(result, named != configured  ? AUTH_ALGORITHM
                                         : used != configured ? AUTH_BAD_SIGNATURE
                                                              : AUTH_OK);
                buf_release(&header);
                buf_release(&token);
            }
        }
        server_free(&s);
    }
}

/* Headers. */

static void the_header_must_name_the_configured_algorithm(void **state)
{
    static const struct forgery headers[] = {
        {"{\"alg\":\"none\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"None\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"NONE\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"nOnE\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"\"}", AUTH_ALGORITHM},
        {"{\"alg\":null}", AUTH_ALGORITHM},
        {"{\"alg\":false}", AUTH_ALGORITHM},
        {"{\"alg\":256}", AUTH_ALGORITHM},
        {"{\"alg\":[\"HS256\"]}", AUTH_ALGORITHM},
        {"{\"alg\":{\"HS256\":1}}", AUTH_ALGORITHM},
        {"{\"alg\":\"hs256\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256 \"}", AUTH_ALGORITHM},
        {"{\"alg\":\" HS256\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS2560\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS384\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"RS256\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"ES256\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"PS256\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", AUTH_ALGORITHM},
        {"{\"Alg\":\"HS256\"}", AUTH_ALGORITHM},
        {"{\"typ\":\"JWT\"}", AUTH_ALGORITHM},
        {"{}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\\u0000\"}", AUTH_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", AUTH_MALFORMED},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", AUTH_MALFORMED},
    };
    struct server s = hs256_server();
    (void)state;

    check_headers(&s, headers, ARRAY_LEN(headers));

    server_free(&s);
}

static void keys_that_a_header_names_are_not_looked_at(void **state)
{
    static const struct forgery headers[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", AUTH_OK},
        {"{\"alg\":\"HS256\",\"kid\":\"' OR 1=1 --\"}", AUTH_OK},
        {"{\"alg\":\"HS256\",\"kid\":7}", AUTH_OK},
        {"{\"alg\":\"HS256\",\"jku\":\"http://127.0.0.1:1/keys\"}", AUTH_OK},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", AUTH_OK},
        {"{\"alg\":\"HS256\",\"x5u\":\"http://127.0.0.1:1/cert\",\"x5c\":[\"AAAA\"]}", AUTH_OK},
    };
    struct server s = hs256_server();
    struct buf token;
    (void)state;
    buf_init(&token, BUF_UNBOUNDED);
    put_parts(&token, B("{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}"),
              B("{\"sub\":\"ann\"}"));
    put_hmac(&token, EVP_sha256(), bytes_of("\0\0\0", 3)); /* with the key that it brings */

    enum auth_result own_key = check(&s, buf_bytes(&token));

    assert_int_equal(own_key, AUTH_BAD_SIGNATURE);
    check_headers(&s, headers, ARRAY_LEN(headers));
    buf_release(&token);
    server_free(&s);
}

static void a_header_that_asks_for_more_is_refused(void **state)
{
    static const struct forgery headers[] = {
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"crit\":[]}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"crit\":null}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"zip\":\"DEF\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"cty\":\"JWT\"}", AUTH_ALGORITHM},
        {"{\"alg\":\"HS256\",\"typ\":\"JWE\"}", AUTH_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":1}", AUTH_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"jwt\"}", AUTH_OK},
    };
    struct server s = hs256_server();
    (void)state;

    check_headers(&s, headers, ARRAY_LEN(headers));

    server_free(&s);
}

static void what_is_not_a_json_object_is_malformed(void **state)
{
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "\"HS256\"",
                                        "1",
                                        "{",
                                        "{\"alg\":\"HS256\"",
                                        "{}{}",
                                        "{'alg':'x'}",
                                        "{\"alg\":NaN}",
                                        "\xef\xbb\xbf{}",
                                        "\xff",
                                        "{\"a\":\"\xc0\x80\"}",
                                        "{\"a\":1e400}",
                                        "{\"a\":9223372036854775808}",
                                        "{\"a\":\"\\ud800\"}",
                                        "{\"a\":01}"};
    struct server s = hs256_server();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        enum auth_result as_header = check_forged(&s, bytes_str(texts[i]), B("{\"sub\":\"ann\"}"));
        enum auth_result as_payload = check_forged(&s, B(HS256), bytes_str(texts[i]));

        assert_int_equal(as_header, AUTH_MALFORMED);
        assert_int_equal(as_payload, AUTH_MALFORMED);
    }
    server_free(&s);
}

/* The text of a token. */

static void no_change_to_a_good_token_is_accepted(void **state)
{
    struct server s = hs256_server();
    struct buf token = hs256_token(B(HS256), B("{\"sub\":\"ann\"}"));
    (void)state;
    assert_int_equal(check(&s, buf_bytes(&token)), AUTH_OK);

    for (size_t i = 0; i < token.len; i++) {
        char was = token.ptr[i];
        for (int c = 0; c < 256; c++) {
            token.ptr[i] = (char)c;
            if ((char)c != was)
                assert_int_not_equal(check(&s, buf_bytes(&token)), AUTH_OK);
        }
        token.ptr[i] = was;
        assert_int_not_equal(check(&s, bytes_of(token.ptr, i)), AUTH_OK);
    }
    buf_release(&token);
    server_free(&s);
}

static void parts_too_many_too_few_or_padded_are_malformed(void **state)
{
    static const char *const ends[] = {".", "=", "==", " ", "\n", "\t", ".x", "A", "%00"};
    static const char *const whole[] = {"",      ".",        "..",       "...",      "....",
                                        "a.b.c", "Bearer x", "e30.e30.", "e30..e30", ".e30.e30"};
    struct server s = hs256_server();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct buf token = hs256_token(B(HS256), B("{\"sub\":\"ann\"}"));
        buf_put(&token, bytes_str(ends[i]));
        enum auth_result result = check(&s, buf_bytes(&token));
        assert_int_not_equal(result, AUTH_OK);
        buf_release(&token);
    }
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        assert_int_not_equal(check(&s, bytes_str(whole[i])), AUTH_OK);
    server_free(&s);
}

static void a_token_without_signature_is_refused_whatever_it_says(void **state)
{
    static const char *const headers[] = {HS256, "{\"alg\":\"none\"}", "{\"alg\":\"NoNe\"}"};
    struct server s = hs256_server();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct buf token;
        buf_init(&token, BUF_UNBOUNDED);
        put_parts(&token, bytes_str(headers[i]), B("{\"sub\":\"ann\"}"));
        assert_int_not_equal(check(&s, buf_bytes(&token)), AUTH_OK); /* two parts */
        buf_put_char(&token, '.');

        enum auth_result result = check(&s, buf_bytes(&token));

        assert_int_equal(result, i == 0 ? AUTH_BAD_SIGNATURE : AUTH_ALGORITHM);
        buf_release(&token);
    }
    server_free(&s);
}

static void the_key_must_be_ours(void **state)
{
    static const struct bytes keys[] = {{"", 0},
                                        {"secret", 6},
                                        {SECRET "x", sizeof(SECRET)},
                                        {SECRET, sizeof(SECRET) - 2},
                                        {"0123456789ABCDEF0123456789ABCDEF", 32}};
    struct server s = hs256_server();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct buf token;
        buf_init(&token, BUF_UNBOUNDED);
        put_parts(&token, B(HS256), B("{\"sub\":\"ann\"}"));
        put_hmac(&token, EVP_sha256(), keys[i]);

        enum auth_result result = check(&s, buf_bytes(&token));

        assert_int_equal(result, AUTH_BAD_SIGNATURE);
        buf_release(&token);
    }
    server_free(&s);
}

static void a_huge_token_is_not_looked_at(void **state)
{
    struct server s = hs256_server();
    char *payload = heap_alloc(100000);
    (void)state;
    memset(payload, ' ', 100000);
    memcpy(payload, "{\"sub\":\"ann\"", 12);
    payload[99999] = '}';
    struct buf token = hs256_token(B(HS256), bytes_of(payload, 100000));
    struct buf junk;
    buf_init(&junk, BUF_UNBOUNDED);
    for (size_t i = 0; i < 100000; i++)
        buf_put_char(&junk, i % 3 ? 'A' : '.');

    assert_int_equal(check(&s, buf_bytes(&token)), AUTH_TOO_LONG);
    assert_int_equal(check(&s, buf_bytes(&junk)), AUTH_TOO_LONG);
    assert_int_not_equal(check(&s, bytes_of(junk.ptr, AUTH_TOKEN_MAX)), AUTH_OK);

    heap_free(payload);
    buf_release(&token);
    buf_release(&junk);
    server_free(&s);
}

static void a_deeply_nested_payload_does_no_harm(void **state)
{
    struct server s = hs256_server();
    struct buf payload;
    (void)state;
    buf_init(&payload, BUF_UNBOUNDED);
    buf_put(&payload, B("{\"sub\":\"ann\",\"meta\":"));
    for (size_t i = 0; i < 5000; i++)
        buf_put_char(&payload, '[');

    enum auth_result result = check_forged(&s, B(HS256), buf_bytes(&payload));

    assert_int_equal(result, AUTH_MALFORMED);
    buf_release(&payload);
    server_free(&s);
}

/* Public keys. */

static EVP_PKEY *rsa_key, *ec_key;

static void put_public_signature(struct buf *token, EVP_PKEY *key)
{
    unsigned char signature[512], raw[64];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)token->ptr, token->len), 1);
    EVP_MD_CTX_free(ctx);
    buf_put_char(token, '.');
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) { /* RFC 7518 3.4: R and S, 32 bytes each */
        const unsigned char *der = signature;
        ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &der, (long)len);
        BN_bn2binpad(ECDSA_SIG_get0_r(rs), raw, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(rs), raw + 32, 32);
        ECDSA_SIG_free(rs);
        base64url_encode(bytes_of((const char *)raw, sizeof(raw)), token);
    } else {
        base64url_encode(bytes_of((const char *)signature, len), token);
    }
}

/* The public half of `key` in a file whose name is written to `path`. */
static void write_public_key(EVP_PKEY *key, char path[64])
{
    snprintf(path, 64, "/tmp/rollcall-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_int_equal(PEM_write_PUBKEY(file, key), 1);
    fclose(file);
}

static struct server public_server(EVP_PKEY *key, const char *algorithm)
{
    char path[64], file_setting[128], algorithm_setting[64];
    const char *const settings[] = {file_setting, algorithm_setting, NULL};

    write_public_key(key, path);
    snprintf(file_setting, sizeof(file_setting), "jwt_public_key_file=%s", path);
    snprintf(algorithm_setting, sizeof(algorithm_setting), "jwt_algorithm=%s", algorithm);
    struct server s = server_new(settings);
    unlink(path);
    return s;
}

static enum auth_result check_public(const struct server *s, const char *algorithm, EVP_PKEY *key)
{
    struct buf header, token;

    buf_init(&header, BUF_UNBOUNDED);
    buf_init(&token, BUF_UNBOUNDED);
    buf_printf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithm);
    put_parts(&token, buf_bytes(&header), B("{\"sub\":\"ann\"}"));
    put_public_signature(&token, key);
    enum auth_result result = check(s, buf_bytes(&token));
    buf_release(&header);
    buf_release(&token);
    return result;
}

static void rs256_and_es256_take_their_own_key_only(void **state)
{
    EVP_PKEY *other_rsa = EVP_RSA_gen(2048), *other_ec = EVP_EC_gen("P-256");
    struct server rs = public_server(rsa_key, "RS256"), es = public_server(ec_key, "ES256");
    (void)state;

    assert_int_equal(check_public(&rs, "RS256", rsa_key), AUTH_OK);
    assert_int_equal(check_public(&rs, "RS256", other_rsa), AUTH_BAD_SIGNATURE);
    assert_int_equal(check_public(&rs, "RS256", ec_key), AUTH_BAD_SIGNATURE);
    assert_int_equal(check_public(&rs, "ES256", ec_key), AUTH_ALGORITHM);
    assert_int_equal(check_public(&rs, "RS512", rsa_key), AUTH_ALGORITHM);
    assert_int_equal(check_public(&rs, "PS256", rsa_key), AUTH_ALGORITHM);
    assert_int_equal(check_public(&es, "ES256", ec_key), AUTH_OK);
    assert_int_equal(check_public(&es, "ES256", other_ec), AUTH_BAD_SIGNATURE);
    assert_int_equal(check_public(&es, "ES256", rsa_key), AUTH_BAD_SIGNATURE);
    assert_int_equal(check_public(&es, "RS256", rsa_key), AUTH_ALGORITHM);

    server_free(&rs);
    server_free(&es);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(other_ec);
}

static void a_public_key_is_no_shared_secret(void **state)
{
    static const char *const algorithms[] = {"HS256", "RS256"};
    struct server s = public_server(rsa_key, "RS256");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        struct buf header, token;
        buf_init(&header, BUF_UNBOUNDED);
        buf_init(&token, BUF_UNBOUNDED);
        buf_printf(&header, "{\"alg\":\"%s\"}", algorithms[i]);
        put_parts(&token, buf_bytes(&header), B("{\"sub\":\"ann\"}"));
        put_hmac(&token, EVP_sha256(), s.config->jwt_key);

        enum auth_result result = check(&s, buf_bytes(&token));

        assert_int_equal(result, i == 0 ? AUTH_ALGORITHM : AUTH_BAD_SIGNATURE);
        buf_release(&header);
        buf_release(&token);
    }
    server_free(&s);
}

static void an_es256_signature_is_two_numbers_in_range(void **state)
{
    struct server s = public_server(ec_key, "ES256");
    static char signature[72];
    (void)state;

    for (size_t len = 0; len <= sizeof(signature); len++) {
        for (int fill = 0; fill < 2; fill++) { /* zeroes (CVE-2022-21449), and beyond the order */
            struct buf token;
            buf_init(&token, BUF_UNBOUNDED);
            put_parts(&token, B("{\"alg\":\"ES256\"}"), B("{\"sub\":\"ann\"}"));
            memset(signature, fill ? 0xff : 0, sizeof(signature));
            buf_put_char(&token, '.');
            base64url_encode(bytes_of(signature, len), &token);
            assert_int_equal(check(&s, buf_bytes(&token)), AUTH_BAD_SIGNATURE);
            buf_release(&token);
        }
    }
    server_free(&s);
}

static void a_key_that_does_not_fit_is_found_at_the_start(void **state)
{
    EVP_PKEY *weak = EVP_RSA_gen(1024), *p384 = EVP_EC_gen("P-384");
    struct server made[] = {public_server(ec_key, "RS256"), public_server(rsa_key, "ES256"),
                            public_server(weak, "RS256"), public_server(p384, "ES256")};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        assert_null(made[i].auth);
        server_free(&made[i]);
    }
    EVP_PKEY_free(weak);
    EVP_PKEY_free(p384);
}

/* No key, and signing. */

static void without_a_key_no_token_is_believed(void **state)
{
    static const char *const settings[] = {NULL};
    struct server s = server_new(settings);
    struct buf token;
    (void)state;
    buf_init(&token, BUF_UNBOUNDED);
    put_parts(&token, B(HS256), B("{\"sub\":\"ann\"}"));
    put_hmac(&token, EVP_sha256(), B(""));

    assert_false(auth_has_key(s.auth));
    assert_int_equal(check(&s, buf_bytes(&token)), AUTH_NO_KEY);

    buf_release(&token);
    server_free(&s);
}

static void what_we_sign_we_take(void **state)
{
    static const char *const settings[] = {"jwt_secret=" SECRET, "jwt_algorithm=HS512",
                                           "jwt_audience=us", "jwt_issuer=them", NULL};
    struct server s = server_new(settings);
    struct patterns topics;
    struct identity id;
    struct buf token, error;
    (void)state;
    patterns_init(&topics);
    patterns_add(&topics, B("post:*"));
    buf_init(&token, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    struct claims claims = {B("ann"), NOW, 60, &topics, B("{\"n\":1}")};

    bool signed_ok = auth_sign(s.auth, &claims, &token, &error);
    enum auth_result result = auth_check(s.auth, buf_bytes(&token), NOW, &id);

    assert_true(signed_ok);
    assert_int_equal(result, AUTH_OK);
    assert_true(bytes_equal(id.sub, B("ann")));
    assert_int_equal(id.exp_s, NOW + 60);
    assert_true(bytes_equal(id.meta, B("{\"n\":1}")));
    assert_true(identity_may_use(&id, B("post:1")));
    assert_false(identity_may_use(&id, B("x")));
    identity_release(&id);
    patterns_release(&topics);
    buf_release(&token);
    buf_release(&error);
    server_free(&s);
}

static void what_we_would_refuse_is_not_signed(void **state)
{
    const struct claims bad[] = {
        {.sub = B("~ann"), .now_s = NOW},
        {.sub = B(""), .now_s = NOW},
        {.sub = B("\xff"), .now_s = NOW},
        {.sub = B("ann"), .now_s = NOW, .meta = B("[]")},
        {.sub = B("ann"), .now_s = NOW, .meta = B("{")},
    };
    struct server s = hs256_server();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf token, error;
        buf_init(&token, BUF_UNBOUNDED);
        buf_init(&error, BUF_UNBOUNDED);

        bool ok = auth_sign(s.auth, &bad[i], &token, &error);

        assert_false(ok);
        assert_int_equal(token.len, 0);
        assert_true(error.len > 0);
        buf_release(&token);
        buf_release(&error);
    }
    server_free(&s);
}

static void every_result_has_a_text(void **state)
{
    (void)state;

    for (int i = AUTH_OK; i <= AUTH_CLAIM; i++)
        assert_non_null(auth_result_text((enum auth_result)i));
}

static int make_keys(void **state)
{
    (void)state;
    rsa_key = EVP_RSA_gen(2048);
    ec_key = EVP_EC_gen("P-256");
    return rsa_key && ec_key ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ec_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_says_who_its_bearer_is),
        cmocka_unit_test(a_token_with_a_subject_only_opens_all_topics_for_ever),
        cmocka_unit_test(an_empty_list_of_topics_opens_none),
        cmocka_unit_test(each_size_of_hmac_is_good_for_its_own_name_only),
        cmocka_unit_test(the_header_must_name_the_configured_algorithm),
        cmocka_unit_test(keys_that_a_header_names_are_not_looked_at),
        cmocka_unit_test(a_header_that_asks_for_more_is_refused),
        cmocka_unit_test(what_is_not_a_json_object_is_malformed),
        cmocka_unit_test(no_change_to_a_good_token_is_accepted),
        cmocka_unit_test(parts_too_many_too_few_or_padded_are_malformed),
        cmocka_unit_test(a_token_without_signature_is_refused_whatever_it_says),
        cmocka_unit_test(the_key_must_be_ours),
        cmocka_unit_test(a_huge_token_is_not_looked_at),
        cmocka_unit_test(a_deeply_nested_payload_does_no_harm),
        cmocka_unit_test(rs256_and_es256_take_their_own_key_only),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(an_es256_signature_is_two_numbers_in_range),
        cmocka_unit_test(a_key_that_does_not_fit_is_found_at_the_start),
        cmocka_unit_test(without_a_key_no_token_is_believed),
        cmocka_unit_test(what_we_sign_we_take),
        cmocka_unit_test(what_we_would_refuse_is_not_signed),
        cmocka_unit_test(every_result_has_a_text),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
