/* SPDX-License-Identifier: MIT */
/*
 * config_build.h - the inside of a configuration while it is being made: for config.c and
 * config_file.c.
 */
#ifndef APP_CONFIG_BUILD_H
#define APP_CONFIG_BUILD_H

#include <stdint.h>

#include "app/config.h"
#include "app/config_key.h"
#include "app/route_template.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "core/settings.h"

/* A section topic "PATTERN" { ... }. */
struct config_topic {
    struct bytes pattern; /* owned */
    unsigned line;
    uint64_t set; /* bit config_key_index(): the section sets this key; the others it inherits */
    struct topic_settings settings; /* owned */
};

/* A section route "PATH" { ... }. */
struct config_route {
    struct route_template *template; /* owned */
};

/* The bit of `key` in config_topic.set. */
uint64_t config_key_bit(const struct config_key *key);
/* Frees what `settings` owns. */
void config_settings_release(struct topic_settings *settings);

/* Begins an error line: "rollcall.conf:7: leave_grace: " or "--set leave_grace: " or "--listen: ".
 * `name` may be empty. Returns false, for the caller to return. */
bool config_put_place(struct buf *error, const struct config_origin *origin, struct bytes name);
enum config_scope { CONFIG_IN_FILE, CONFIG_IN_TOPIC, CONFIG_IN_ROUTE, CONFIG_IN_PAIR };

/* Begins with the place, and says that there is no key `name` there, and which was perhaps meant.
 * Returns false. */
bool config_put_unknown(struct buf *error, const struct config_origin *origin, struct bytes name,
                        enum config_scope scope);

/* The pattern is copied; what the settings own goes to the configuration. */
void config_add_topic(struct config *c, struct bytes pattern, unsigned line, uint64_t set,
                      const struct topic_settings *settings);
/* The template goes to the configuration. */
void config_add_route(struct config *c, struct route_template *template);

#endif
