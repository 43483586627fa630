/* SPDX-License-Identifier: MIT */
/*
 * keys.h - the people of a home's topics: one entry per topic and key, found by both.
 *
 * One table serves all topics of a home, so a topic with one person costs no table. It is open
 * addressing over pointers with a seeded hash (base/hash.h); an entry is a third of what uthash
 * needs, and there is one for nearly every viewer (docs/decisions). Its home worker owns it.
 */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

struct topic;

/* A person of one topic; counted while one of its presences is here. */
struct key {
    struct topic *topic;
    uint32_t hash;
    uint32_t presences; /* that are here */
    uint32_t refs;      /* presences that point at it, leaving ones too */
    uint16_t len;       /* of `text` */
    char text[];
};

enum { KEY_BYTES_MAX = 1024 };

/* Zeroed: empty. */
struct keys {
    struct key **slots; /* a power of two of them, NULL where empty; NULL while there are no keys */
    uint32_t cap;
    uint32_t len;
};

void keys_release(struct keys *k);

/* The key of this topic and text, at most KEY_BYTES_MAX bytes, made if need be, with one more
 * reference. */
struct key *keys_ref(struct keys *k, const struct hash_seed *seed, struct topic *topic,
                     struct bytes text);
/* One reference less; the last one frees. */
void keys_unref(struct keys *k, struct key *key);

#endif
