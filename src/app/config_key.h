/* SPDX-License-Identifier: MIT */
/*
 * config_key.h - the table config.def as data: find a key, check a value, describe what is allowed,
 * set a field.
 *
 * It does not know where a value came from: that is config.c.
 */
#ifndef APP_CONFIG_KEY_H
#define APP_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

enum config_type {
    TYPE_HEADING,      /* no key: the title of the keys that follow; only `name` is set */
    TYPE_LISTEN,       /* a list of addresses */
    TYPE_COUNT,        /* uint32_t */
    TYPE_DURATION,     /* uint32_t, in milliseconds */
    TYPE_SIZE,         /* size_t, in bytes */
    TYPE_BOOL,         /* bool */
    TYPE_OPEN_BOOL,    /* bool that is decided by config_finish() if nobody sets it */
    TYPE_TEXT,         /* zero-terminated, NULL if not set */
    TYPE_SECRET,       /* a text that is never shown, of any bytes */
    TYPE_PATH,         /* a text that is an absolute URL path */
    TYPE_KEY,          /* struct bytes, the key of a topic's presences; may be empty */
    TYPE_LOG_LEVEL,    /* enum log_level */
    TYPE_ALGORITHM,    /* enum jwt_algorithm */
    TYPE_PRESENCE,     /* enum presence_mode */
    TYPE_CLUSTER_START /* enum cluster_start */
};

struct config_key {
    const char *name;
    enum config_type type;
    bool in_topics; /* the field is one of struct topic_settings, and topic sections may set it */
    size_t offset;  /* of the field in struct config or struct topic_settings */
    const char *default_text; /* NULL: not set */
    uint64_t min, max;        /* of the number, or of a text's length in bytes */
    const char *unit; /* of a count, for readers; or what it means that a value is not set */
    const char *help;
};

/* The table with its headings, in the order of the documents. */
const struct config_key *config_keys(size_t *count);
/* Where in the table `key` stands. */
size_t config_key_index(const struct config_key *key);
/* NULL if there is no such key. */
const struct config_key *config_key_find(struct bytes name);
/* The key that `name` was perhaps meant to be, of all or of those `in_topics`; or NULL. */
const struct config_key *config_key_nearest(struct bytes name, bool in_topics);

/* Sets the field in `base`, a struct config, or a struct topic_settings if the key is `in_topics`.
 * The text is copied; a list is added to. False, and nothing changed, if the value is not allowed.
 */
NODISCARD bool config_key_set(const struct config_key *key, void *base, struct bytes value);
/* The field as it is when nothing is set: frees what it owns. */
void config_key_clear(const struct config_key *key, void *base);
/* A copy of the field in `from` becomes that of `to`. For keys that are `in_topics`. */
void config_key_copy(const struct config_key *key, void *to, const void *from);

/* "a duration from 0s to 10m such as 250ms, 2s or 5m" */
void config_key_put_allowed(struct buf *out, const struct config_key *key);
/* "found "abc", allowed: a duration from ..."; a secret is not shown. */
void config_key_put_refusal(struct buf *out, const struct config_key *key, struct bytes value);
/* `text` in quotes and on one line, cut if it is long. */
void config_put_quoted(struct buf *out, struct bytes text);

#endif
