/* SPDX-License-Identifier: MIT */
/*
 * scripts.h - what must be one step on the server, in Lua; docs/cluster.md has the keys.
 *
 * Only commands that Redis 6.2 to 7 and Valkey have.
 */
#ifndef CLUSTER_SCRIPTS_H
#define CLUSTER_SCRIPTS_H

/* KEYS: leases, share, topic, topics of the life, fences of the life. ARGV: life, topic, version,
 * whole (0, 1), seconds to live, channel, message, home, number of its connection, number of set
 * arguments, these (ref, text, ...), then the refs to remove. Returns 1, or 0 if the life holds no
 * lease. A write over a connection that the home has replaced is late, and ignored. */
extern const char script_write[];
/* KEYS: leases, epoch. ARGV: life, lease in ms, fresh (0, 1), an epoch to set if there is none,
 * seconds to live. Returns {held, epoch or '', expired life...}. */
extern const char script_renew[];
/* KEYS: leases, topics of the life, fences of the life. ARGV: life, key prefix, leaving (0, 1),
 * message, how many at most. Returns how many topics are left. */
extern const char script_reap[];
/* KEYS: topic, leases, epoch. ARGV: key prefix, topic. Returns
 * {epoch or '', {life, version, {ref, text, ...}}...}; shares of lives without a lease, which
 * nobody would reap, are removed. */
extern const char script_read[];
/* KEYS: topic, leases, epoch, share, topics of the life, fences of the life. ARGV: key prefix,
 * topic, seconds to live, life. Returns {epoch or '', {life, version, size}...}; of the share of
 * the life it also notes again that it is to be reaped. */
extern const char script_check[];

#endif
