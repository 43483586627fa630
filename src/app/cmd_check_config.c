/* SPDX-License-Identifier: MIT */
#include "app/cmd_check_config.h"

#include <stdio.h>

#include "app/auth.h"
#include "app/config.h"

/* As `rollcall serve --config FILE` does before it listens. */
static bool check(struct config *config, const char *path, struct buf *warnings)
{
    static const struct command_option option = COMMAND_CONFIG_OPTION;
    struct buf error;
    struct auth *auth;

    if (!command_configure(config, &option, path) || !command_finish(config, warnings))
        return false;
    buf_init(&error, BUF_UNBOUNDED);
    auth = auth_new(config, &error);
    if (!auth)
        fprintf(stderr, "%s: %.*s\n", path, (int)error.len, error.ptr);
    buf_release(&error);
    auth_free(auth);
    return auth != NULL;
}

static int run(struct command_line *line)
{
    const struct command_option *option;
    const char *path, *more;
    struct config *config;
    struct buf warnings, answer;
    int status = COMMAND_MISUSED;

    switch (command_next(line, &option, &path)) {
    case COMMAND_OPERAND:
        break;
    case COMMAND_BAD:
        return COMMAND_MISUSED;
    default:
        return command_misused(line, "found no file, allowed: rollcall check-config FILE");
    }
    if (command_next(line, &option, &more) != COMMAND_END)
        return command_misused(line, "found more than one word, allowed: one file");
    config = config_new();
    buf_init(&warnings, BUF_UNBOUNDED);
    buf_init(&answer, BUF_UNBOUNDED);
    if (check(config, path, &warnings)) {
        fprintf(stderr, "%.*s", (int)warnings.len, warnings.ptr ? warnings.ptr : "");
        buf_printf(&answer, "%s: ok\n", path);
        status = command_print(&answer);
    }
    buf_release(&answer);
    buf_release(&warnings);
    config_free(config);
    return status;
}

const struct command cmd_check_config = {
    .name = "check-config",
    .operands = "FILE",
    .summary = "check a configuration file",
    .text =
        "Prints \"FILE: ok\", or what is wrong and exits with 2. The environment and files that "
        "the configuration names are looked at as by serve.",
    .run = run,
};
