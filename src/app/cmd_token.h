/* SPDX-License-Identifier: MIT */
/*
 * cmd_token.h - `rollcall token`.
 */
#ifndef APP_CMD_TOKEN_H
#define APP_CMD_TOKEN_H

#include "app/command.h"

extern const struct command cmd_token;

#endif
