/* SPDX-License-Identifier: MIT */
#include "app/config_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/cmd_check_config.h"
#include "app/cmd_serve.h"
#include "app/cmd_token.h"
#include "app/command.h"
#include "app/config.h"
#include "app/config_key.h"
#include "app/read_file.h"

static const struct command *const commands[] = {&cmd_serve, &cmd_token, &cmd_check_config};
static const struct command_list all = {commands, ARRAY_LEN(commands)};

static bool contains(const struct buf *b, const char *text)
{
    struct bytes needle = bytes_str(text);

    for (size_t i = 0; i + needle.len <= b->len; i++) {
        if (bytes_equal(bytes_of(b->ptr + i, needle.len), needle))
            return true;
    }
    return false;
}

static void every_key_is_in_every_document(void **state)
{
    struct buf documents[4];
    size_t count;
    const struct config_key *keys = config_keys(&count);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        buf_init(&documents[i], BUF_UNBOUNDED);

    doc_put_command_help(&documents[0], &cmd_serve);
    doc_put_configuration(&documents[1]);
    doc_put_sample(&documents[2]);
    doc_put_man(&documents[3], &all);

    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        for (size_t k = 0; k < count; k++)
            assert_true(contains(&documents[i], keys[k].name));
        buf_release(&documents[i]);
    }
}

static void help_fits_the_width_of_a_terminal(void **state)
{
    struct buf help;
    size_t column = 0;
    (void)state;
    buf_init(&help, BUF_UNBOUNDED);

    doc_put_help(&help, &all);
    for (size_t i = 0; i < all.count; i++)
        doc_put_command_help(&help, all.items[i]);

    for (size_t i = 0; i < help.len; i++) {
        column = help.ptr[i] == '\n' ? 0 : column + 1;
        assert_in_range(column, 0, 80);
    }
    buf_release(&help);
}

/* Takes the '#' from the lines that show a setting, which have no blank behind it but those of
 * sections. */
static void uncomment(struct buf *sample)
{
    for (size_t i = 0; i + 2 < sample->len; i++) {
        bool at_start = i == 0 || sample->ptr[i - 1] == '\n';
        if (at_start && sample->ptr[i] == '#' &&
            (sample->ptr[i + 1] != ' ' || sample->ptr[i + 2] == ' '))
            sample->ptr[i] = ' ';
    }
}

static void the_sample_sets_nothing_as_it_is_and_the_defaults_without_its_comments(void **state)
{
    struct buf sample, error, warnings;
    (void)state;
    buf_init(&sample, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    doc_put_sample(&sample);
    struct config *as_it_is = config_new(), *uncommented = config_new();

    bool ok = config_load_text(as_it_is, "sample", buf_bytes(&sample), &error);
    uncomment(&sample);
    bool uncommented_ok = config_load_text(uncommented, "sample", buf_bytes(&sample), &error) &&
                          config_finish(uncommented, &error, &warnings);

    assert_true(ok);
    assert_int_equal(as_it_is->topic_count, 0);
    assert_true(uncommented_ok);
    assert_int_equal(warnings.len, 0);
    assert_int_equal(uncommented->topic_count, 1);
    assert_int_equal(uncommented->route_count, 1);
    assert_int_equal(uncommented->topic.leave_grace_ms, as_it_is->topic.leave_grace_ms);
    config_free(as_it_is);
    config_free(uncommented);
    buf_release(&sample);
    buf_release(&error);
    buf_release(&warnings);
}

/* The tests run in the root of the tree; `make docs` writes the other two documents, and a check
 * compares them. */
static void the_sample_in_the_tree_is_the_one_of_the_table(void **state)
{
    struct buf file, error, sample;
    bool world_readable;
    (void)state;
    buf_init(&file, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&sample, BUF_UNBOUNDED);

    doc_put_sample(&sample);

    assert_true(read_file("packaging/rollcall.conf", &file, &world_readable, &error));
    assert_true(bytes_equal(buf_bytes(&file), buf_bytes(&sample)));
    buf_release(&file);
    buf_release(&error);
    buf_release(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_in_every_document),
        cmocka_unit_test(help_fits_the_width_of_a_terminal),
        cmocka_unit_test(the_sample_sets_nothing_as_it_is_and_the_defaults_without_its_comments),
        cmocka_unit_test(the_sample_in_the_tree_is_the_one_of_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
