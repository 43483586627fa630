/* SPDX-License-Identifier: MIT */
/*
 * forge_test.h - tokens made by hand, good and bad, and servers to show them to: for the tests of
 * auth.c.
 */
#ifndef APP_FORGE_TEST_H
#define APP_FORGE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "app/auth.h"
#include "app/config.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "wire/uri.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define NOW INT64_C(1700000000)

/* What a server under test consists of. */
struct server {
    struct config *config;
    struct auth *auth;
};

/* A server with the keys of `settings`, pairs that end with NULL. */
static inline struct server server_new(const char *const settings[])
{
    struct server s = {.config = config_new()};
    struct buf error, warnings;

    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    for (size_t i = 0; settings[i]; i++)
        assert_true(config_set_pair(s.config, bytes_str(settings[i]), &error));
    assert_true(config_finish(s.config, &error, &warnings));
    s.auth = auth_new(s.config, &error);
    buf_release(&error);
    buf_release(&warnings);
    return s;
}

static inline void server_free(struct server *s)
{
    auth_free(s->auth);
    config_free(s->config);
}

static inline struct server hs256_server(void)
{
    static const char *const settings[] = {"jwt_secret=" SECRET, NULL};
    return server_new(settings);
}

/* Forging: HEADER.PAYLOAD.SIGNATURE from texts, signed or not. */

static inline void put_parts(struct buf *token, struct bytes header, struct bytes payload)
{
    base64url_encode(header, token);
    buf_put_char(token, '.');
    base64url_encode(payload, token);
}

static inline void put_hmac(struct buf *token, const EVP_MD *digest, struct bytes key)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;

    HMAC(digest, key.ptr, (int)key.len, (const unsigned char *)token->ptr, token->len, mac, &len);
    buf_put_char(token, '.');
    base64url_encode(bytes_of((const char *)mac, len), token);
}

static inline struct buf hs256_token(struct bytes header, struct bytes payload)
{
    struct buf token;

    buf_init(&token, BUF_UNBOUNDED);
    put_parts(&token, header, payload);
    put_hmac(&token, EVP_sha256(), B(SECRET));
    return token;
}

/* What the server says to `token`; nothing of the identity may be left behind if it says no. */
static inline enum auth_result check(const struct server *s, struct bytes token)
{
    struct identity id;
    enum auth_result result = auth_check(s->auth, token, NOW, &id);

    if (result != AUTH_OK) {
        assert_null(id.sub.ptr);
        assert_null(id.meta.ptr);
        assert_int_equal(id.topics.count, 0);
    }
    identity_release(&id);
    return result;
}

static inline enum auth_result check_forged(const struct server *s, struct bytes header,
                                            struct bytes payload)
{
    struct buf token = hs256_token(header, payload);
    enum auth_result result = check(s, buf_bytes(&token));

    buf_release(&token);
    return result;
}

struct forgery {
    const char *text; /* a header or a payload */
    enum auth_result expected;
};

#endif
