/* SPDX-License-Identifier: MIT */
/*
 * token.c - a token of any bytes, and any header and payload with a good signature.
 *
 * The first byte says which: 't' for a token as it is; 's' for a header, a newline and a payload,
 * to be signed. What is accepted must keep the promises of identity, and nothing unsigned may be
 * accepted.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "app/auth.h"
#include "app/config.h"
#include "app/config_value.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "wire/uri.h"

#define SECRET "a key that no input holds, we hope"
#define NOW 1700000000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *config;
static struct auth *auth;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct buf error, warnings;
    bool ok;

    (void)argc;
    (void)argv;
    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    config = config_new();
    ok = config_set_pair(config, B("jwt_secret=" SECRET), &error) &&
         config_finish(config, &error, &warnings);
    assert(ok);
    auth = auth_new(config, &error);
    assert(auth);
    buf_release(&error);
    buf_release(&warnings);
    return 0;
}

static void sign(struct bytes input, struct buf *token)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;
    size_t end = bytes_find(input, '\n');

    base64url_encode(bytes_of(input.ptr, end), token);
    buf_put_char(token, '.');
    base64url_encode(bytes_skip(input, end + (end < input.len)), token);
    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, (const unsigned char *)token->ptr, token->len,
         mac, &len);
    buf_put_char(token, '.');
    base64url_encode(bytes_of((const char *)mac, len), token);
}

static void check(struct bytes token, bool is_signed)
{
    struct identity id;
    enum auth_result result = auth_check(auth, token, NOW, &id);

    if (result == AUTH_OK) {
        assert(is_signed);
        assert(id.sub.len > 0 && id.sub.len <= config->key_bytes_max && id.sub.ptr[0] != '~');
        assert(value_is_clean_text(id.sub));
        assert(id.meta.len <= config->meta_bytes_max);
        assert(id.exp_s == 0 || auth_session_end_s(auth, id.exp_s) > NOW);
    } else {
        assert(!id.sub.ptr && !id.meta.ptr && id.topics.count == 0);
    }
    identity_release(&id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of((const char *)data, size);
    struct buf token;

    if (size == 0)
        return 0;
    if (data[0] == 't') {
        check(bytes_skip(input, 1), false);
    } else {
        buf_init(&token, BUF_UNBOUNDED);
        sign(bytes_skip(input, 1), &token);
        check(buf_bytes(&token), true);
        buf_release(&token);
    }
    return 0;
}
