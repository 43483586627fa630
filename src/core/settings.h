/* SPDX-License-Identifier: MIT */
/*
 * settings.h - how one topic behaves: what the configuration says about the names that match its
 * pattern.
 *
 * Made once at the start, immutable, shared by all workers. A topic keeps a pointer to its settings
 * for its life.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum presence_mode {
    PRESENCE_LIST, /* subscribers may have the list: who is here, with metas */
    PRESENCE_COUNT /* only numbers leave the server: viewers and people */
};

struct topic_settings {
    uint32_t
        leave_grace_ms; /* how long a presence stays whose connection went away without leaving */
    enum presence_mode presence; /* what subscribers may have */
    struct bytes key;   /* the key of every presence of the topic; empty: the person's own */
    bool client_events; /* clients may publish events to the topic */
    uint32_t
        announce_rate; /* messages per second to the topic's audiences; window = audience / rate */
    uint32_t announce_max_ms; /* the longest window */
    uint32_t presences_max;   /* in one topic */
    uint32_t list_max; /* with more presences, subscribers to the list get the numbers only */
};

#endif
