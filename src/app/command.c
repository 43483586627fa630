/* SPDX-License-Identifier: MIT */
#include "app/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "app/config_doc.h"
#include "app/config_key.h"
#include "base/bytes.h"

static const char secret_variable[] = "ROLLCALL_JWT_SECRET";

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

int command_print(const struct buf *text)
{
    if (fwrite(text->ptr, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return COMMAND_DONE;
    perror("rollcall: standard output");
    return COMMAND_FAILED;
}

static void say(const struct buf *line)
{
    fprintf(stderr, "%.*s\n", (int)line->len, line->ptr);
}

int command_misused(const struct command_line *line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "rollcall %s: ", line->command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return COMMAND_MISUSED;
}

/* Which command. */

static int print_help(const struct command_list *all, const struct command *command)
{
    struct buf text;
    int status;

    buf_init(&text, BUF_UNBOUNDED);
    if (command)
        doc_put_command_help(&text, command);
    else
        doc_put_help(&text, all);
    status = command_print(&text);
    buf_release(&text);
    return status;
}

static int print_version(void)
{
    struct buf text;
    int status;

    buf_init(&text, BUF_UNBOUNDED);
    buf_put(&text, B("rollcall " ROLLCALL_VERSION "\n"));
    status = command_print(&text);
    buf_release(&text);
    return status;
}

static int refuse_command(const struct command_list *all, const char *found)
{
    struct buf line;

    buf_init(&line, BUF_UNBOUNDED);
    buf_put(&line, B("rollcall: found "));
    if (found)
        config_put_quoted(&line, bytes_str(found));
    else
        buf_put(&line, B("no command"));
    buf_put(&line, B(", allowed: "));
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i]->hidden)
            buf_printf(&line, "%s, ", all->items[i]->name);
    }
    buf_put(&line, B("--version or --help"));
    say(&line);
    buf_release(&line);
    return COMMAND_MISUSED;
}

/* Is help asked for, as an option and not as the value of one? */
static bool wants_help(const struct command *command, char **argv)
{
    for (; *argv && !is(*argv, "--"); argv++) {
        if (is(*argv, "--help"))
            return true;
        for (size_t i = 0; i < command->option_count; i++) {
            if (command->options[i].value && is(*argv, command->options[i].name) && argv[1]) {
                argv++;
                break;
            }
        }
    }
    return false;
}

int command_main(struct command_list all, char **argv)
{
    const char *name = argv[0] ? argv[1] : NULL;

    if (!name)
        return refuse_command(&all, NULL);
    if (is(name, "--help"))
        return print_help(&all, NULL);
    if (is(name, "--version"))
        return print_version();
    for (size_t i = 0; i < all.count; i++) {
        struct command_line line = {.command = all.items[i], .all = all, .next = argv + 2};
        if (!is(name, line.command->name))
            continue;
        if (wants_help(line.command, line.next))
            return print_help(&all, line.command);
        return line.command->run(&line);
    }
    return refuse_command(&all, name);
}

/* Its options. */

static enum command_token refuse_option(const struct command_line *line, const char *found)
{
    const struct command *command = line->command;
    struct buf text;

    buf_init(&text, BUF_UNBOUNDED);
    buf_printf(&text, "rollcall %s: found ", command->name);
    config_put_quoted(&text, bytes_str(found));
    buf_put(&text, B(", allowed: "));
    for (size_t i = 0; i < command->option_count; i++)
        buf_printf(&text, "%s, ", command->options[i].name);
    buf_put(&text, B("--help"));
    say(&text);
    buf_release(&text);
    return COMMAND_BAD;
}

enum command_token command_next(struct command_line *line, const struct command_option **option,
                                const char **value)
{
    const char *word = *line->next;
    size_t name_len;

    *option = NULL;
    *value = word;
    if (!word)
        return COMMAND_END;
    line->next++;
    if (word[0] != '-')
        return COMMAND_OPERAND;
    name_len = strcspn(word, "=");
    *value = word[name_len] == '=' ? word + name_len + 1 : NULL;
    for (size_t i = 0; i < line->command->option_count; i++) {
        const struct command_option *o = &line->command->options[i];
        if (!bytes_equal(bytes_str(o->name), bytes_of(word, name_len)))
            continue;
        *option = o;
        if (!o->value && *value) {
            command_misused(line, "%s: found a value, allowed: none", o->name);
            return COMMAND_BAD;
        }
        if (o->value && !*value && *line->next)
            *value = *line->next++;
        if (o->value && !*value) {
            command_misused(line, "%s: found no value, allowed: %s %s", o->name, o->name, o->value);
            return COMMAND_BAD;
        }
        return COMMAND_OPTION;
    }
    return refuse_option(line, word);
}

/* The configuration. */

bool command_configure(struct config *config, const struct command_option *option,
                       const char *value)
{
    struct config_origin origin = {CONFIG_FLAG, option->name, 0};
    struct buf error;
    bool ok;

    buf_init(&error, BUF_UNBOUNDED);
    if (option->key)
        ok = config_set(config, origin, bytes_str(option->key),
                        option->value ? bytes_str(value) : B("true"), &error);
    else if (is(option->name, "--set"))
        ok = config_set_pair(config, bytes_str(value), &error);
    else
        ok = config_load_file(config, value, &error);
    if (!ok)
        say(&error);
    buf_release(&error);
    return ok;
}

bool command_finish(struct config *config, struct buf *warnings)
{
    struct config_origin origin = {CONFIG_ENVIRONMENT, secret_variable, 0};
    const char *secret = getenv(secret_variable);
    struct buf error;
    bool ok;

    buf_init(&error, BUF_UNBOUNDED);
    ok = !secret || config_set(config, origin, B("jwt_secret"), bytes_str(secret), &error);
    ok = ok && config_finish(config, &error, warnings);
    if (!ok)
        say(&error);
    buf_release(&error);
    return ok;
}
