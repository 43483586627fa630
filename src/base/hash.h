/* SPDX-License-Identifier: MIT */
/*
 * hash.h - a keyed hash for tables whose keys strangers choose (SipHash-1-3, Aumasson and Bernstein
 * 2012).
 *
 * The seed is random per process, so nobody can prepare names that fall into one bucket.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

struct hash_seed {
    uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_seed *seed, struct bytes data);

#endif
