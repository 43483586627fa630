/* SPDX-License-Identifier: MIT */
#include "app/cmd_serve.h"

#include "app/auth.h"
#include "app/config.h"
#include "app/server.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"

static bool read_line(struct command_line *line, struct config *config, struct buf *warnings)
{
    const struct command_option *option;
    const char *value;

    for (;;) {
        switch (command_next(line, &option, &value)) {
        case COMMAND_OPTION:
            if (!command_configure(config, option, value))
                return false;
            break;
        case COMMAND_OPERAND:
            command_misused(line, "found \"%s\", allowed: options, see rollcall serve --help",
                            value);
            return false;
        case COMMAND_BAD:
            return false;
        case COMMAND_END:
            return command_finish(config, warnings);
        }
    }
}

static void log_warnings(struct bytes warnings)
{
    while (warnings.len > 0) {
        size_t end = bytes_find(warnings, '\n');
        log_warn("%.*s", (int)end, warnings.ptr);
        warnings = bytes_skip(warnings, end + 1);
    }
}

/* A key that cannot be used is a mistake in the configuration, better found now than by the first
 * client. */
static bool key_is_good(struct command_line *line, const struct config *config)
{
    struct buf error;
    struct auth *auth;

    buf_init(&error, BUF_UNBOUNDED);
    auth = auth_new(config, &error);
    if (!auth)
        command_misused(line, "%.*s", (int)error.len, error.ptr);
    buf_release(&error);
    auth_free(auth);
    return auth != NULL;
}

static int run(struct command_line *line)
{
    struct config *config = config_new();
    struct buf warnings;
    int status = COMMAND_MISUSED;

    buf_init(&warnings, BUF_UNBOUNDED);
    if (read_line(line, config, &warnings) && key_is_good(line, config)) {
        log_set_level(config->log_level);
        log_warnings(buf_bytes(&warnings));
        if (config->jwt_key.len == 0)
            log_info("anonymous visitors are allowed, because no jwt key is configured");
        status = server_run(config);
    }
    buf_release(&warnings);
    config_free(config);
    return status;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    {"--listen", "HOST:PORT", "listen",
     "Listen there; may be given several times. With port 0 a free one is chosen."},
    {"--workers", "N", "workers", "Threads with an event loop each."},
    COMMAND_SECRET_OPTION,
    COMMAND_SECRET_FILE_OPTION,
    {"--demo", NULL, "demo", "Serve the demo pages."},
    COMMAND_SET_OPTION,
};

const struct command cmd_serve = {
    .name = "serve",
    .operands = "",
    .summary = "run the server",
    .text =
        "Serves until SIGTERM or SIGINT; then clients are told to go, spread over the time that "
        "the key drain says, and the exit status is 0.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .lists_keys = true,
    .run = run,
};
