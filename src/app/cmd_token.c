/* SPDX-License-Identifier: MIT */
#include "app/cmd_token.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/auth.h"
#include "app/config.h"
#include "app/config_value.h"
#include "app/patterns.h"
#include "base/bytes.h"
#include "base/check.h"

static const uint64_t ttl_ms_max = UINT64_C(87600) * 3600 * 1000; /* ten years of 365 days */

struct request {
    struct config *config;
    struct claims claims;
    struct patterns topics;
};

static bool take_ttl(struct command_line *line, struct request *r, const char *value)
{
    uint64_t ms;

    if (!value_duration(bytes_str(value), &ms) || ms % 1000 != 0 || ms > ttl_ms_max) {
        command_misused(line,
                        "--ttl: found \"%s\", allowed: a duration of whole seconds from 0s "
                        "(no end) to 87600h such as 30s, 5m or 1h",
                        value);
        return false;
    }
    r->claims.ttl_s = (int64_t)(ms / 1000);
    return true;
}

static bool take_option(struct command_line *line, struct request *r,
                        const struct command_option *option, const char *value)
{
    if (strcmp(option->name, "--sub") == 0) {
        r->claims.sub = bytes_str(value);
    } else if (strcmp(option->name, "--ttl") == 0) {
        return take_ttl(line, r, value);
    } else if (strcmp(option->name, "--topics") == 0) {
        patterns_add(&r->topics, bytes_str(value));
        r->claims.topics = &r->topics;
    } else if (strcmp(option->name, "--meta") == 0) {
        r->claims.meta = bytes_str(value);
    } else {
        return command_configure(r->config, option, value);
    }
    return true;
}

static bool read_line(struct command_line *line, struct request *r)
{
    const struct command_option *option;
    const char *value;

    for (;;) {
        switch (command_next(line, &option, &value)) {
        case COMMAND_OPTION:
            if (!take_option(line, r, option, value))
                return false;
            break;
        case COMMAND_OPERAND:
            command_misused(line, "found \"%s\", allowed: options, see rollcall token --help",
                            value);
            return false;
        case COMMAND_BAD:
            return false;
        case COMMAND_END:
            if (r->claims.sub.len > 0)
                return true;
            command_misused(line, "found no --sub, allowed: --sub ID");
            return false;
        }
    }
}

static int print_token(struct command_line *line, const struct request *r)
{
    struct buf token, error;
    struct auth *auth;
    int status;

    buf_init(&token, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    auth = auth_new(r->config, &error);
    if (auth && auth_sign(auth, &r->claims, &token, &error)) {
        buf_put_char(&token, '\n');
        status = command_print(&token);
    } else {
        status = command_misused(line, "%.*s", (int)error.len, error.ptr);
    }
    auth_free(auth);
    buf_release(&token);
    buf_release(&error);
    return status;
}

static int run(struct command_line *line)
{
    struct request r = {.config = config_new(),
                        .claims = {.now_s = (int64_t)time(NULL), .ttl_s = 3600}};
    struct buf warnings;
    int status = COMMAND_MISUSED;

    patterns_init(&r.topics);
    buf_init(&warnings, BUF_UNBOUNDED);
    if (read_line(line, &r) && command_finish(r.config, &warnings)) {
        fprintf(stderr, "%.*s", (int)warnings.len, warnings.ptr ? warnings.ptr : "");
        status = print_token(line, &r);
    }
    buf_release(&warnings);
    patterns_release(&r.topics);
    config_free(r.config);
    return status;
}

static const struct command_option options[] = {
    {"--sub", "ID", NULL, "Who the bearer is: the key that others see."},
    {"--ttl", "DURATION", NULL, "How long the token is good, by default 1h; 0s: for ever."},
    {"--topics", "PATTERN", NULL,
     "A topic that the bearer may use, or how topics begin followed by *; may be given several "
     "times. Without it, all topics."},
    {"--meta", "JSON", NULL, "An object that others see with the presence."},
    COMMAND_CONFIG_OPTION,
    COMMAND_SECRET_OPTION,
    COMMAND_SECRET_FILE_OPTION,
    COMMAND_SET_OPTION,
};

const struct command cmd_token = {
    .name = "token",
    .operands = "",
    .summary = "print a signed token",
    .text =
        "Signs with the configured shared secret, for trying things out; in production a backend "
        "makes the tokens.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = run,
};
