/* SPDX-License-Identifier: MIT */
/*
 * auth.h - who a token says its bearer is, and whether to believe it.
 *
 * Before stage 4: a session asks once, when it opens. Tokens are JSON Web Tokens (RFC 7519, RFC
 * 7515) checked as RFC 8725 asks: the algorithm is that of the configured key and the token's
 * header only has to agree; key material that a header names (kid, jku, jwk, x5u, x5c) is never
 * looked at; `crit` is refused; base64url must be canonical; duplicate JSON names are refused.
 * Nothing of a token is used before its signature is good.
 *
 * A `struct auth` is read only after auth_new(), so all workers share one. No clock: the time is an
 * argument. It does not close sessions whose token expires: that is the session's, by
 * identity.exp_s.
 */
#ifndef APP_AUTH_H
#define APP_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "app/patterns.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

struct config;
struct auth;

/* The longest token that is looked at, in bytes. */
#define AUTH_TOKEN_MAX 8192

enum auth_result {
    AUTH_OK,
    AUTH_NO_KEY,    /* no key is configured, so no token can be believed */
    AUTH_TOO_LONG,  /* above AUTH_TOKEN_MAX */
    AUTH_MALFORMED, /* not three canonical base64url parts of strict JSON objects */
    AUTH_ALGORITHM, /* `alg` is not the configured one, or a header asks for what we do not do
                       (crit, zip, JWE) */
    AUTH_BAD_SIGNATURE,
    AUTH_EXPIRED,  /* now >= exp + leeway */
    AUTH_NOT_YET,  /* now < nbf - leeway */
    AUTH_AUDIENCE, /* jwt_audience is configured and `aud` does not name it */
    AUTH_ISSUER,   /* jwt_issuer is configured and `iss` is another */
    AUTH_SUBJECT,  /* `sub` is missing or not usable as a key */
    AUTH_CLAIM     /* another claim is of the wrong type or over its limit */
};

/* What a good token says. */
struct identity {
    struct bytes sub; /* owned; never empty, UTF-8 without control characters, never begins with
                         '~', at most key_bytes_max bytes; an integer `sub` as decimal text */
    int64_t exp_s; /* seconds since 1970 at which the token ends, leeway not included; 0: never */
    bool topics_limited;    /* false: every topic is open */
    struct patterns topics; /* the topics that are open, if limited; an empty list opens none */
    struct bytes
        meta; /* owned; a compact JSON object, at most meta_bytes_max bytes; empty: none given */
};

/* Checks the configured key and makes what auth_check() needs. NULL, with one line in `error`, if
 * the key does not fit the algorithm. `config` was finished and outlives the result. Free with
 * auth_free(), which takes NULL. */
NODISCARD struct auth *auth_new(const struct config *config, struct buf *error);
void auth_free(struct auth *auth);

/* Is a key configured? Without one, auth_check() is always AUTH_NO_KEY. A client that offers a
 * token then should be refused rather than counted as somebody else. */
bool auth_has_key(const struct auth *auth);

/* Checks `token` at `now_s`, seconds since 1970. Fills `out` on AUTH_OK, for the caller to release;
 * otherwise `out` is as after identity_init(). Safe from several threads. Takes tens of
 * microseconds (RS256 and ES256 more). */
NODISCARD enum auth_result auth_check(const struct auth *auth, struct bytes token, int64_t now_s,
                                      struct identity *out);

/* When a session with this `exp_s` has to end: exp plus the configured leeway, in seconds since
 * 1970; 0: never. */
int64_t auth_session_end_s(const struct auth *auth, int64_t exp_s);

/* A short text for clients and logs, such as "token expired". Says nothing secret. */
const char *auth_result_text(enum auth_result result);

void identity_init(struct identity *id);
/* Leaves it as after identity_init(). */
void identity_release(struct identity *id);
/* May the bearer use `topic`? */
bool identity_may_use(const struct identity *id, struct bytes topic);

/* What a new token shall say. */
struct claims {
    struct bytes sub;
    int64_t now_s;                 /* becomes `iat` */
    int64_t ttl_s;                 /* `exp` is this much later; 0: no `exp` */
    const struct patterns *topics; /* NULL: no `topics` claim */
    struct bytes meta;             /* JSON object text; empty: no `meta` claim */
};

/* Appends a signed token to `out`; the configured audience and issuer become its `aud` and `iss`.
 * False, with one line in `error`, if the claims are not ones that auth_check() would take or no
 * shared secret is configured. */
NODISCARD bool auth_sign(const struct auth *auth, const struct claims *claims, struct buf *out,
                         struct buf *error);

#endif
