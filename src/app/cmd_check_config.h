/* SPDX-License-Identifier: MIT */
/*
 * cmd_check_config.h - `rollcall check-config`.
 */
#ifndef APP_CMD_CHECK_CONFIG_H
#define APP_CMD_CHECK_CONFIG_H

#include "app/command.h"

extern const struct command cmd_check_config;

#endif
