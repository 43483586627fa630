/* SPDX-License-Identifier: MIT */
/*
 * main.c - the commands of the program. Each is described where it is made.
 */
#include "app/cmd_check_config.h"
#include "app/cmd_cluster.h"
#include "app/cmd_docs.h"
#include "app/cmd_serve.h"
#include "app/cmd_token.h"
#include "app/command.h"
#include "base/check.h"

int main(int argc, char **argv)
{
    static const struct command *const commands[] = {
        &cmd_serve, &cmd_token, &cmd_check_config, &cmd_cluster, &cmd_docs,
    };

    (void)argc; /* argv ends with NULL */
    return command_main((struct command_list){commands, ARRAY_LEN(commands)}, argv);
}
