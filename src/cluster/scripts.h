/* SPDX-License-Identifier: MIT */
/*
 * scripts.h - what must be one step on the server, in Lua; docs/cluster.md has the keys.
 *
 * Only commands that Redis 6.2 to 7 and Valkey have.
 */
#ifndef CLUSTER_SCRIPTS_H
#define CLUSTER_SCRIPTS_H

/* KEYS: leases, share, topic, topics of the life. ARGV: life, topic, version, whole (0, 1), seconds
 * to live, channel, message, number of set arguments, these (ref, text, ...), then the refs to
 * remove. Returns 1, or 0 if the life holds no lease. */
extern const char script_write[];
/* KEYS: leases, epoch. ARGV: life, lease in ms, fresh (0, 1), an epoch to set if there is none.
 * Returns {held, epoch, expired life...}. */
extern const char script_renew[];
/* KEYS: leases, topics of the life. ARGV: life, key prefix, leaving (0, 1), message, how many at
 * most. Returns how many topics are left. */
extern const char script_reap[];
/* KEYS: topic. ARGV: key prefix, topic. Returns {life, version, {ref, text, ...}}... */
extern const char script_read[];
/* KEYS: share, topic, topics of the life. ARGV: seconds to live. */
extern const char script_touch[];

#endif
