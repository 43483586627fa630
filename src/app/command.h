/* SPDX-License-Identifier: MIT */
/*
 * command.h - the command line: `rollcall COMMAND [OPTION]... [OPERAND]...`.
 *
 * A command is one const struct with its options as a table, from which its help and the man page
 * are made. What is not understood is an error that says what was found and what is allowed, with
 * exit status 2.
 */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"

struct config;
struct command_line;

enum command_status {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1, /* the world's doing */
    COMMAND_MISUSED = 2 /* the command line or the configuration is wrong */
};

struct command_option {
    const char *name;  /* with its dashes */
    const char *value; /* what stands for the value in help; NULL: it takes none */
    const char
        *key; /* the configuration key that it sets, to "true" if it takes no value; or NULL */
    const char *help;
};

struct command {
    const char *name;
    const char *operands; /* for help, may be empty */
    const char *summary;  /* one line */
    const char *text;     /* more of it, whole sentences */
    const struct command_option *options;
    size_t option_count;
    bool lists_keys; /* the help ends with the configuration keys */
    bool hidden;     /* not for users */
    /* Returns the exit status. */
    int (*run)(struct command_line *line);
};

struct command_list {
    const struct command *const *items;
    size_t count;
};

struct command_line {
    const struct command *command;
    struct command_list all;
    /* private: */
    char **next; /* the rest of argv, ends with NULL */
};

/* What main() does: finds the command that argv names and runs it. */
int command_main(struct command_list all, char **argv);

enum command_token {
    COMMAND_END,
    COMMAND_OPTION,  /* one of the table, with its value or NULL */
    COMMAND_OPERAND, /* `value` only */
    COMMAND_BAD      /* not understood, and said so */
};

/* The next piece of the command line; `--name value` and `--name=value` are the same. */
NODISCARD enum command_token command_next(struct command_line *line,
                                          const struct command_option **option, const char **value);
/* Says on standard error what is wrong: "rollcall token: TEXT". Returns COMMAND_MISUSED. */
PRINTF_LIKE(2, 3) int command_misused(const struct command_line *line, const char *format, ...);
/* Writes `text` to standard output. COMMAND_DONE, or COMMAND_FAILED with the reason on standard
 * error. */
int command_print(const struct buf *text);

/* Options that change the configuration, for the tables of several commands. */
#define COMMAND_CONFIG_OPTION                                                                      \
    {                                                                                              \
        "--config", "FILE", NULL, "Read the configuration from FILE."                              \
    }
#define COMMAND_SECRET_OPTION                                                                      \
    {                                                                                              \
        "--jwt-secret", "SECRET", "jwt_secret",                                                    \
            "The secret that tokens are signed with. Everybody on the machine can see it there; "  \
            "the "                                                                                 \
            "variable ROLLCALL_JWT_SECRET or a file is better."                                    \
    }
#define COMMAND_SECRET_FILE_OPTION                                                                 \
    {                                                                                              \
        "--jwt-secret-file", "FILE", "jwt_secret_file", "A file with that secret."                 \
    }
#define COMMAND_SET_OPTION                                                                         \
    {                                                                                              \
        "--set", "KEY=VALUE", NULL, "Set a key of the configuration, whatever the file says."      \
    }

/* Does to `config` what one of these options, or one with a key, says. False, with the error on
 * standard error. */
NODISCARD bool command_configure(struct config *config, const struct command_option *option,
                                 const char *value);
/* Adds the environment and finishes the configuration. `warnings` gets config_finish()'s. False,
 * with the error on standard error. */
NODISCARD bool command_finish(struct config *config, struct buf *warnings);

#endif
