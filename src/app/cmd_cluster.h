/* SPDX-License-Identifier: MIT */
/*
 * cmd_cluster.h - `rollcall cluster`: what the nodes share, and whether it is so.
 */
#ifndef APP_CMD_CLUSTER_H
#define APP_CMD_CLUSTER_H

#include "app/command.h"

extern const struct command cmd_cluster;

#endif
