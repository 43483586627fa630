/* SPDX-License-Identifier: MIT */
/*
 * server.h - the whole server, from its first bind to its last close.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "base/buf.h"
#include "base/check.h"

struct config;
struct metrics;
struct server;

/* Listens and starts the workers. `config` was finished by config_finish() and outlives the server.
 * NULL, with a line in `error`, if it cannot. The workers inherit the caller's signal mask. */
NODISCARD struct server *server_start(const struct config *config, struct buf *error);
/* Appends where it listens: a line of `HOST:PORT` for each address, in the order of the
 * configuration. */
void server_addresses(const struct server *s, struct buf *out);
/* Adds what the workers counted up to their last turns. */
void server_metrics(const struct server *s, struct metrics *sum);
/* Accepts nobody any more, tells the clients to go over the time `drain`, and frees the server when
 * the last one has gone. */
void server_stop(struct server *s);

/* Listens, starts the workers and serves until SIGTERM or SIGINT, then drains. `config` was
 * finished by config_finish() and outlives the call. Returns the exit status: 0 after a drain, 1 if
 * the server could not start, with the reason logged. */
int server_run(const struct config *config);

#endif
