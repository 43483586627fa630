/* SPDX-License-Identifier: MIT */
/*
 * cmd_docs.h - `rollcall docs`.
 */
#ifndef APP_CMD_DOCS_H
#define APP_CMD_DOCS_H

#include "app/command.h"

extern const struct command cmd_docs;

#endif
