/* SPDX-License-Identifier: MIT */
/*
 * cmd_serve.h - `rollcall serve`.
 */
#ifndef APP_CMD_SERVE_H
#define APP_CMD_SERVE_H

#include "app/command.h"

extern const struct command cmd_serve;

#endif
