/* SPDX-License-Identifier: MIT */
#include "app/auth.h"

#include <stdlib.h>
#include <strings.h>

#include <jansson.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "app/config.h"
#include "app/config_value.h"
#include "base/heap.h"
#include "wire/uri.h"

enum { RSA_BITS_MIN = 2048 };

/* The end of the year 9999: later ends are this one, so that sums with it stay sane. */
static const int64_t time_s_max = INT64_C(253402300799);

struct auth {
    const struct config *config;
    jwt_alg_t algorithm;
    int64_t leeway_s;
};

/* The key. */

static jwt_alg_t libjwt_algorithm(enum jwt_algorithm algorithm)
{
    switch (algorithm) {
    case JWT_HS256:
        return JWT_ALG_HS256;
    case JWT_HS384:
        return JWT_ALG_HS384;
    case JWT_HS512:
        return JWT_ALG_HS512;
    case JWT_RS256:
        return JWT_ALG_RS256;
    case JWT_ES256:
        return JWT_ALG_ES256;
    }
    return JWT_ALG_NONE;
}

static bool is_shared_secret(enum jwt_algorithm algorithm)
{
    return algorithm == JWT_HS256 || algorithm == JWT_HS384 || algorithm == JWT_HS512;
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32];
    size_t len;

    return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          &len) == 1 &&
           bytes_equal(bytes_of(group, len), B("prime256v1"));
}

/* NULL if the public key `pem` can check what `algorithm` signs; else what is wrong with it. */
static const char *public_key_fault(struct bytes pem, enum jwt_algorithm algorithm)
{
    const char *fault = NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

    if (!key)
        fault = "is not a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----";
    else if (algorithm == JWT_RS256 && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        fault = "is not an RSA key, as RS256 needs";
    else if (algorithm == JWT_RS256 && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        fault = "has less than 2048 bits";
    else if (algorithm == JWT_ES256 && (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || !is_p256(key)))
        fault = "is not a key of the curve P-256, as ES256 needs";
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return fault;
}

struct auth *auth_new(const struct config *config, struct buf *error)
{
    struct auth *auth;

    assert(config->finished);
    if (config->jwt_key.len > 0 && !is_shared_secret(config->jwt_algorithm)) {
        const char *fault = public_key_fault(config->jwt_key, config->jwt_algorithm);
        if (fault) {
            buf_printf(error, "jwt_public_key_file: %s %s", config->jwt_public_key_file, fault);
            return NULL;
        }
    }
    auth = heap_zalloc(1, sizeof(*auth));
    auth->config = config;
    auth->algorithm = libjwt_algorithm(config->jwt_algorithm);
    auth->leeway_s = config->jwt_leeway_ms / 1000;
    return auth;
}

void auth_free(struct auth *auth)
{
    heap_free(auth);
}

bool auth_has_key(const struct auth *auth)
{
    return auth->config->jwt_key.len > 0;
}

int64_t auth_session_end_s(const struct auth *auth, int64_t exp_s)
{
    return exp_s == 0 ? 0 : exp_s + auth->leeway_s;
}

/* Header and signature. */

/* Appends what a part encodes. Strict, so that a token has one spelling: base64url without padding
 * (RFC 7515 2), and no stray bits (RFC 4648 3.5). */
static bool decode_part(struct bytes part, struct buf *out)
{
    bool is_url = bytes_find(part, '+') == part.len && bytes_find(part, '/') == part.len &&
                  bytes_find(part, '=') == part.len;

    return is_url && base64_decode(part, out);
}

/* The JSON object that `part` of a token encodes, for the caller to json_decref(); NULL if it is
 * not one. */
static json_t *decode_object(struct bytes part)
{
    struct buf text;
    json_t *value = NULL;

    buf_init(&text, AUTH_TOKEN_MAX);
    if (part.len > 0 && decode_part(part, &text))
        value = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    buf_release(&text);
    if (value && !json_is_object(value)) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

static bool string_is(const json_t *value, struct bytes text)
{
    return json_is_string(value) &&
           bytes_equal(bytes_of(json_string_value(value), json_string_length(value)), text);
}

/* What a header says beside `alg` and `typ` names keys, which is ignored, or asks for what changes
 * the meaning of the rest, which is refused. */
static enum auth_result check_header(const struct auth *auth, const json_t *header)
{
    static const char *const refused[] = {"crit", "b64", "zip", "enc", "cty"};
    const json_t *type = json_object_get(header, "typ");

    if (!string_is(json_object_get(header, "alg"),
                   bytes_str(jwt_algorithm_name(auth->config->jwt_algorithm))))
        return AUTH_ALGORITHM;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (json_object_get(header, refused[i]))
            return AUTH_ALGORITHM;
    }
    if (type && (!json_is_string(type) || strcasecmp(json_string_value(type), "JWT") != 0))
        return AUTH_MALFORMED;
    return AUTH_OK;
}

/* libjwt takes the algorithm from the header, which by now is known to be ours. */
static bool signature_is_good(const struct auth *auth, struct bytes token)
{
    const struct bytes key = auth->config->jwt_key;
    char *text = bytes_copy(token);
    jwt_t *jwt = NULL;
    bool good = jwt_decode(&jwt, text, (const unsigned char *)key.ptr, (int)key.len) == 0 &&
                jwt_get_alg(jwt) == auth->algorithm;

    jwt_free(jwt);
    heap_free(text);
    ERR_clear_error(); /* OpenSSL would keep the reasons in this thread */
    return good;
}

/* Splits the token, and gives its payload if the signature is good. */
static enum auth_result open_token(const struct auth *auth, struct bytes token, json_t **payload)
{
    size_t first = bytes_find(token, '.');
    struct bytes rest = bytes_skip(token, first + (first < token.len));
    size_t second = bytes_find(rest, '.');
    struct bytes signature = bytes_skip(rest, second + (second < rest.len));
    struct buf scratch;
    enum auth_result result = AUTH_MALFORMED;

    if (bytes_find(signature, '.') < signature.len)
        return AUTH_MALFORMED;
    json_t *header = decode_object(bytes_of(token.ptr, first));
    json_t *claims = decode_object(bytes_of(rest.ptr, second));
    buf_init(&scratch, AUTH_TOKEN_MAX);
    bool canonical = decode_part(signature, &scratch);
    buf_release(&scratch);
    if (header && claims && canonical)
        result = check_header(auth, header);
    if (result == AUTH_OK && (signature.len == 0 || !signature_is_good(auth, token)))
        result = AUTH_BAD_SIGNATURE;
    if (result == AUTH_OK)
        *payload = json_incref(claims);
    json_decref(header);
    json_decref(claims);
    return result;
}

/* Claims. */

/* The claim `name` as whole seconds, a fraction rounded `up` or down, within 1970 and 9999. False
 * if it is there and no number; `*found`: it is there. */
static bool time_claim(const json_t *claims, const char *name, bool up, int64_t *out, bool *found)
{
    const json_t *value = json_object_get(claims, name);
    double n = json_number_value(value);

    *found = value != NULL;
    if (value && !json_is_number(value))
        return false;
    if (n <= 0)
        *out = 0;
    else if (n >= (double)time_s_max)
        *out = time_s_max;
    else
        *out = (int64_t)n + (up && (double)(int64_t)n < n); /* exact: below 2^53 */
    return true;
}

static enum auth_result check_times(const struct auth *auth, const json_t *claims, int64_t now_s,
                                    struct identity *out)
{
    int64_t exp_s = 0, nbf_s = 0, iat_s = 0;
    bool has_exp, has_nbf, has_iat;

    if (!time_claim(claims, "exp", false, &exp_s, &has_exp) ||
        !time_claim(claims, "nbf", true, &nbf_s, &has_nbf) ||
        !time_claim(claims, "iat", false, &iat_s, &has_iat))
        return AUTH_CLAIM;
    if (has_exp && now_s >= exp_s + auth->leeway_s)
        return AUTH_EXPIRED;
    if (has_nbf && now_s < nbf_s - auth->leeway_s)
        return AUTH_NOT_YET;
    /* An `exp` of 0 that is not over is one second late instead of never. */
    out->exp_s = has_exp && exp_s == 0 ? 1 : exp_s;
    return AUTH_OK;
}

static enum auth_result check_issuer(const struct auth *auth, const json_t *claims)
{
    const json_t *iss = json_object_get(claims, "iss");

    if (iss && !json_is_string(iss))
        return AUTH_CLAIM;
    if (auth->config->jwt_issuer && !string_is(iss, bytes_str(auth->config->jwt_issuer)))
        return AUTH_ISSUER;
    return AUTH_OK;
}

/* RFC 7519 4.1.3: a string, or an array of strings one of which is us. */
static enum auth_result check_audience(const struct auth *auth, const json_t *claims)
{
    const json_t *aud = json_object_get(claims, "aud"), *item;
    struct bytes ours = bytes_str(auth->config->jwt_audience);
    bool named = string_is(aud, ours);
    size_t i;

    if (aud && !json_is_string(aud) && !json_is_array(aud))
        return AUTH_CLAIM;
    json_array_foreach(aud, i, item)
    {
        if (!json_is_string(item))
            return AUTH_CLAIM;
        named = named || string_is(item, ours);
    }
    return auth->config->jwt_audience && !named ? AUTH_AUDIENCE : AUTH_OK;
}

static enum auth_result take_subject(const struct auth *auth, const json_t *claims,
                                     struct identity *out)
{
    const json_t *sub = json_object_get(claims, "sub");
    char digits[24];
    struct bytes text;

    if (json_is_integer(sub)) {
        int n = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(sub));
        text = bytes_of(digits, (size_t)n);
    } else if (json_is_string(sub)) {
        text = bytes_of(json_string_value(sub), json_string_length(sub));
    } else {
        return AUTH_SUBJECT;
    }
    if (text.len == 0 || text.len > auth->config->key_bytes_max || text.ptr[0] == '~' ||
        !value_is_clean_text(text))
        return AUTH_SUBJECT;
    out->sub = bytes_of(bytes_copy(text), text.len);
    return AUTH_OK;
}

static enum auth_result take_topics(const struct auth *auth, const json_t *claims,
                                    struct identity *out)
{
    const json_t *topics = json_object_get(claims, "topics"), *item;
    size_t i;

    if (!topics)
        return AUTH_OK;
    if (!json_is_array(topics))
        return AUTH_CLAIM;
    out->topics_limited = true;
    json_array_foreach(topics, i, item)
    {
        struct bytes pattern = bytes_of(json_string_value(item), json_string_length(item));
        if (pattern.len == 0 || pattern.len > auth->config->topic_bytes_max)
            return AUTH_CLAIM;
        patterns_add(&out->topics, pattern);
    }
    return AUTH_OK;
}

static enum auth_result take_meta(const struct auth *auth, const json_t *claims,
                                  struct identity *out)
{
    const json_t *meta = json_object_get(claims, "meta");
    char *text;

    if (!meta)
        return AUTH_OK;
    if (!json_is_object(meta))
        return AUTH_CLAIM;
    text = json_dumps(meta, JSON_COMPACT);
    assert(text);
    struct bytes bytes = bytes_str(text);
    bool fits = bytes.len <= auth->config->meta_bytes_max;
    if (fits)
        out->meta = bytes_of(bytes_copy(bytes), bytes.len);
    free(text);
    return fits ? AUTH_OK : AUTH_CLAIM;
}

static enum auth_result check_claims(const struct auth *auth, const json_t *claims, int64_t now_s,
                                     struct identity *out)
{
    enum auth_result result = check_times(auth, claims, now_s, out);

    if (result == AUTH_OK)
        result = check_issuer(auth, claims);
    if (result == AUTH_OK)
        result = check_audience(auth, claims);
    if (result == AUTH_OK)
        result = take_subject(auth, claims, out);
    if (result == AUTH_OK)
        result = take_topics(auth, claims, out);
    if (result == AUTH_OK)
        result = take_meta(auth, claims, out);
    return result;
}

enum auth_result auth_check(const struct auth *auth, struct bytes token, int64_t now_s,
                            struct identity *out)
{
    json_t *claims = NULL;
    enum auth_result result;

    identity_init(out);
    if (!auth_has_key(auth))
        return AUTH_NO_KEY;
    if (token.len > AUTH_TOKEN_MAX)
        return AUTH_TOO_LONG;
    result = open_token(auth, token, &claims);
    if (result == AUTH_OK)
        result = check_claims(auth, claims, now_s, out);
    json_decref(claims);
    if (result != AUTH_OK)
        identity_release(out);
    return result;
}

const char *auth_result_text(enum auth_result result)
{
    static const char *const texts[] = {[AUTH_OK] = "ok",
                                        [AUTH_NO_KEY] = "tokens are not accepted here",
                                        [AUTH_TOO_LONG] = "token too long",
                                        [AUTH_MALFORMED] = "malformed token",
                                        [AUTH_ALGORITHM] = "algorithm not allowed",
                                        [AUTH_BAD_SIGNATURE] = "bad signature",
                                        [AUTH_EXPIRED] = "token expired",
                                        [AUTH_NOT_YET] = "token not yet valid",
                                        [AUTH_AUDIENCE] = "wrong audience",
                                        [AUTH_ISSUER] = "wrong issuer",
                                        [AUTH_SUBJECT] = "unusable subject",
                                        [AUTH_CLAIM] = "unusable claim"};

    assert((size_t)result < ARRAY_LEN(texts));
    return texts[result];
}

void identity_init(struct identity *id)
{
    *id = (struct identity){.exp_s = 0};
    patterns_init(&id->topics);
}

void identity_release(struct identity *id)
{
    heap_free((char *)id->sub.ptr);
    heap_free((char *)id->meta.ptr);
    patterns_release(&id->topics);
    identity_init(id);
}

bool identity_may_use(const struct identity *id, struct bytes topic)
{
    return !id->topics_limited || patterns_match(&id->topics, topic);
}

/* Signing. */

static json_t *json_text(struct bytes text)
{
    return json_stringn(text.len > 0 ? text.ptr : "", text.len);
}

/* The payload as JSON text, for the caller to free(); NULL with the error if a claim is not JSON or
 * not UTF-8. */
static char *claims_text(const struct auth *auth, const struct claims *claims, struct buf *error)
{
    json_t *root = json_object(), *topics = NULL;
    bool ok = json_object_set_new(root, "sub", json_text(claims->sub)) == 0;
    char *text = NULL;

    json_object_set_new(root, "iat", json_integer(claims->now_s));
    if (claims->ttl_s > 0)
        json_object_set_new(root, "exp", json_integer(claims->now_s + claims->ttl_s));
    if (auth->config->jwt_audience)
        json_object_set_new(root, "aud", json_string(auth->config->jwt_audience));
    if (auth->config->jwt_issuer)
        json_object_set_new(root, "iss", json_string(auth->config->jwt_issuer));
    if (claims->topics) {
        topics = json_array();
        for (size_t i = 0; i < claims->topics->count; i++)
            ok = json_array_append_new(topics, json_text(claims->topics->items[i])) == 0 && ok;
        json_object_set_new(root, "topics", topics);
    }
    if (claims->meta.len > 0) {
        json_t *meta = json_loadb(claims->meta.ptr, claims->meta.len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(meta)) {
            buf_put(
                error,
                B("meta: found what is not a JSON object, allowed: such as {\"name\":\"Ann\"}"));
            json_decref(meta);
            json_decref(root);
            return NULL;
        }
        json_object_set_new(root, "meta", meta);
    }
    if (ok)
        text = json_dumps(root, JSON_COMPACT);
    else
        buf_put(error, B("found text that is not UTF-8, allowed: UTF-8"));
    json_decref(root);
    return text;
}

/* The signed token of the payload `text`, for the caller to free(). */
static char *sign(const struct auth *auth, const char *text)
{
    const struct bytes key = auth->config->jwt_key;
    char *token = NULL;
    jwt_t *jwt = NULL;

    if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, text) == 0 &&
        jwt_set_alg(jwt, auth->algorithm, (const unsigned char *)key.ptr, (int)key.len) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    assert(token); /* the payload is JSON and the key is there: only memory could be missing */
    return token;
}

bool auth_sign(const struct auth *auth, const struct claims *claims, struct buf *out,
               struct buf *error)
{
    struct identity id;
    enum auth_result result;
    char *text, *token;

    if (!auth_has_key(auth) || !is_shared_secret(auth->config->jwt_algorithm)) {
        buf_put(error, auth_has_key(auth) ? B("a public key cannot sign: give the jwt_secret")
                                          : B("no key is configured: give a jwt_secret"));
        return false;
    }
    text = claims_text(auth, claims, error);
    if (!text)
        return false;
    token = sign(auth, text);
    free(text);
    /* What we would not take, we do not give out. */
    result = auth_check(auth, bytes_str(token), claims->now_s, &id);
    identity_release(&id);
    if (result == AUTH_OK)
        buf_put(out, bytes_str(token));
    else
        buf_printf(error, "this server would refuse the token: %s", auth_result_text(result));
    free(token);
    return result == AUTH_OK;
}
