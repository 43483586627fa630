/* SPDX-License-Identifier: MIT */
/*
 * config.h - every setting of the server, as plain fields.
 *
 * The keys, their types, defaults, limits and help are the table config.def; the file's syntax is
 * libconfuse's. A configuration is made in three steps: config_new() gives the defaults; a file,
 * the environment and flags change it, where flags win over the environment and that over the file;
 * config_finish() checks what only makes sense together and fills what was left open. From then on
 * it is immutable and all workers read the same one.
 *
 * No section or key is ever ignored: what is not understood is an error that names file, line, key,
 * what was found and what is allowed.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "core/settings.h"

enum jwt_algorithm { JWT_HS256, JWT_HS384, JWT_HS512, JWT_RS256, JWT_ES256 };

/* When Redis cannot be reached at the start. */
enum cluster_start { CLUSTER_WAIT, CLUSTER_REFUSE };

/* One address to listen on. */
struct config_listen {
    char *host;    /* a name or a literal address, without brackets; zero-terminated */
    uint16_t port; /* 0: any free one */
};

/* Who set a value; a later one wins. */
enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

/* Where exactly a value came from. */
struct config_origin {
    enum config_source source;
    const char *where; /* the file, variable or flag, as it shall begin an error line; must outlive
                          the configuration */
    unsigned line;     /* in the file, from 1; else 0 */
};

struct config_topic;
struct config_route;

/* Texts are owned by the configuration, zero-terminated, and NULL if not set. */
struct config {
    struct config_listen *listen; /* at least one */
    size_t listen_count;
    uint32_t workers; /* 1 to 256; by default the number of CPUs */
    enum log_level log_level;
    bool demo;                /* serve the demo pages */
    uint32_t drain_ms;        /* closes are spread over this time at shutdown */
    const char *phoenix_path; /* "/socket": the client adds "/websocket" */
    const char *native_path;  /* "/rollcall" */

    const char *jwt_secret;          /* as given; use jwt_key */
    const char *jwt_secret_file;     /* as given; use jwt_key */
    const char *jwt_public_key_file; /* as given; use jwt_key */
    struct bytes
        jwt_key; /* the shared secret, or the public key as PEM; empty: no key is configured */
    enum jwt_algorithm jwt_algorithm;
    const char *jwt_audience;
    const char *jwt_issuer;
    uint32_t jwt_leeway_ms;
    bool anonymous; /* visitors without a token are allowed */

    const char *redis; /* where the nodes meet; NULL: alone */
    const char *redis_password_file;
    const char *redis_prefix;
    uint32_t lease_ms;
    enum cluster_start cluster_start;

    struct topic_settings
        topic; /* of topics that no section matches; the sections inherit from it */

    uint32_t idle_timeout_ms;
    uint32_t head_timeout_ms; /* from the first byte of a request head to its last */
    uint32_t sessions_max;    /* in the process */
    uint32_t topics_max;      /* in the process */
    uint32_t topics_per_session_max;
    size_t meta_bytes_max;
    size_t topic_bytes_max;
    size_t key_bytes_max;
    size_t message_bytes_max;
    uint32_t messages_per_second; /* per session */
    uint32_t messages_burst;
    size_t
        queue_bytes_max; /* per session: relayed events and replies that wait for a slow reader */
    size_t send_buffer_bytes; /* SO_SNDBUF; 0: the kernel's default */
    size_t head_bytes_max;
    size_t uri_bytes_max;
    uint32_t headers_max;
    size_t body_bytes_max;

    /* private: */
    struct config_topic *topics; /* in file order */
    size_t topic_count;
    struct config_route *routes; /* in file order */
    size_t route_count;
    struct config_origin *origins; /* of each key of the table */
    char *file;                    /* the name of the file, once one was loaded */
    bool file_world_readable;
    bool finished;
};

/* The defaults. Free with config_free(), which takes NULL. */
NODISCARD struct config *config_new(void);
void config_free(struct config *c);

/* Each of these is false, with one line without a newline in `error`, if something is wrong; the
 * configuration is then of no more use.
 *
 * The file `path`: "rollcall.conf:7: leave_grace: found "abc", allowed: a duration from 0s to ..."
 * At most one. */
NODISCARD bool config_load_file(struct config *c, const char *path, struct buf *error);
/* The same from memory; `name` stands for the file in errors. */
NODISCARD bool config_load_text(struct config *c, const char *name, struct bytes text,
                                struct buf *error);
/* One key. What a greater source set already stays. A list key replaces what a lesser source set
 * and adds to what the same one set. */
NODISCARD bool config_set(struct config *c, struct config_origin origin, struct bytes key,
                          struct bytes value, struct buf *error);
/* As config_set() by the flag --set, with "key=value". */
NODISCARD bool config_set_pair(struct config *c, struct bytes pair, struct buf *error);

/* Checks what belongs together, reads the key's file, and decides what was left open. What deserves
 * a word but is no error is added to `warnings`, one line each, newline at its end. To be called
 * once, last. */
NODISCARD bool config_finish(struct config *c, struct buf *error, struct buf *warnings);

/* The settings of `topic`: those of the first section in the file whose pattern matches, else the
 * global ones. The result lives as long as the configuration. */
const struct topic_settings *config_topic_settings(const struct config *c, struct bytes topic);

enum route_result {
    ROUTE_OK,
    ROUTE_NONE,         /* no template matches: 404 */
    ROUTE_BAD_PARAMETER /* a template matches but for a parameter: not an integer, not clean UTF-8,
                           or too long: 400 */
};

#define ROUTE_PARAMETERS_MAX 8

struct route_parameter {
    struct bytes name; /* lives as long as the configuration */
    struct bytes
        value;   /* percent-decoded; UTF-8 without control characters; lives as long as the match */
    bool is_int; /* then the value is canonical decimal text of an int64_t, so valid as a JSON
                    number */
};

struct route_match {
    struct bytes topic; /* at most topic_bytes_max bytes; lives as long as the match */
    struct route_parameter parameters[ROUTE_PARAMETERS_MAX]; /* in the path's order */
    size_t parameter_count;
    /* private: */
    struct buf text;
};

/* Which topic of the rooms dialect the request path names. `path` is raw, without the query. On
 * ROUTE_OK `out` is filled, to be released with route_match_release(); otherwise there is nothing
 * to release. */
NODISCARD enum route_result config_route(const struct config *c, struct bytes path,
                                         struct route_match *out);
void route_match_release(struct route_match *m);

/* "HS256" and so on, as in a token's header. */
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

#endif
