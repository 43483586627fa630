/* SPDX-License-Identifier: MIT */
/*
 * server.h - the whole server, from its first bind to its last close.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

struct config;

/* Listens, starts the workers and serves until SIGTERM or SIGINT, then drains. `config` was
 * finished by config_finish() and outlives the call. Returns the exit status: 0 after a drain, 1 if
 * the server could not start, with the reason logged. */
int server_run(const struct config *config);

#endif
