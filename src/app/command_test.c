/* SPDX-License-Identifier: MIT */
#include "app/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/cmd_check_config.h"
#include "app/cmd_docs.h"
#include "app/cmd_token.h"
#include "app/config.h"
#include "base/bytes.h"

/* A command that writes down what it was given, as "[--name=value]" and "(operand)". */
static struct buf seen;

static int note(struct command_line *line)
{
    const struct command_option *option;
    const char *value;

    for (;;) {
        switch (command_next(line, &option, &value)) {
        case COMMAND_OPTION:
            buf_printf(&seen, "[%s=%s]", option->name, value ? value : "");
            break;
        case COMMAND_OPERAND:
            buf_printf(&seen, "(%s)", value);
            break;
        case COMMAND_BAD:
            return COMMAND_MISUSED;
        case COMMAND_END:
            return COMMAND_DONE;
        }
    }
}

static const struct command_option options[] = {
    {"--level", "N", NULL, "A number."},
    {"--loud", NULL, NULL, "A flag."},
};
static const struct command cmd_note = {.name = "note",
                                        .operands = "",
                                        .summary = "note",
                                        .text = "Note.",
                                        .options = options,
                                        .option_count = ARRAY_LEN(options),
                                        .run = note};

static int run(const char *const argv[])
{
    static const struct command *const commands[] = {&cmd_note, &cmd_token, &cmd_check_config,
                                                     &cmd_docs};

    return command_main((struct command_list){commands, ARRAY_LEN(commands)}, (char **)argv);
}

static int forget(void **state)
{
    (void)state;
    buf_release(&seen);
    buf_init(&seen, BUF_UNBOUNDED);
    return 0;
}

static int release(void **state)
{
    (void)state;
    buf_release(&seen);
    return 0;
}

static void a_value_stands_behind_its_option_or_behind_an_equal_sign(void **state)
{
    const char *argv[] = {"rollcall", "note",        "--level", "1",      "--loud",
                          "x",        "--level=a=b", "--level", "--help", NULL};
    (void)state;

    int status = run(argv);

    assert_int_equal(status, 0);
    assert_true(
        bytes_equal(buf_bytes(&seen), B("[--level=1][--loud=](x)[--level=a=b][--level=--help]")));
}

static void what_is_not_understood_exits_with_2(void **state)
{
    const char *const lines[][4] = {
        {"rollcall", NULL},
        {"rollcall", "note", "--lev", NULL},
        {"rollcall", "nope", NULL},
        {"rollcall", "--nope", NULL},
        {"rollcall", "note", "--level", NULL},
        {"rollcall", "note", "--loud=1", NULL},
        {"rollcall", "note", "-l", NULL},
        {"rollcall", "token", NULL},
        {"rollcall", "token", "--sub", NULL},
        {"rollcall", "token", "--ttl=1.5h", NULL},
        {"rollcall", "token", "--set=nope=1", NULL},
        {"rollcall", "check-config", NULL},
        {"rollcall", "check-config", "/nowhere/at/all", NULL},
        {"rollcall", "docs", "nope", NULL},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(run(lines[i]), 2);
}

static void help_and_version_are_answers(void **state)
{
    const char *const lines[][4] = {
        {"rollcall", "--help", NULL},
        {"rollcall", "--version", NULL},
        {"rollcall", "note", "--help", NULL},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(run(lines[i]), 0);
    assert_int_equal(seen.len, 0);
}

static void an_option_with_a_key_sets_it_as_a_flag(void **state)
{
    static const struct command_option demo = {"--demo", NULL, "demo", ""};
    static const struct command_option workers = {"--workers", "N", "workers", ""};
    struct config *config = config_new();
    (void)state;

    bool ok = command_configure(config, &demo, NULL) && command_configure(config, &workers, "3");
    bool bad = command_configure(config, &workers, "many");

    assert_true(ok);
    assert_true(config->demo);
    assert_int_equal(config->workers, 3);
    assert_false(bad);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_value_stands_behind_its_option_or_behind_an_equal_sign, forget),
        cmocka_unit_test_setup(what_is_not_understood_exits_with_2, forget),
        cmocka_unit_test_setup(help_and_version_are_answers, forget),
        cmocka_unit_test_setup(an_option_with_a_key_sets_it_as_a_flag, forget),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
