/* SPDX-License-Identifier: MIT */
/*
 * log_test.c - claims about log lines: one event is one line, whatever a client put into it.
 */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct capture {
    FILE *file;
    int saved; /* the real standard error */
    char text[8192];
};

static void capture_begin(struct capture *c)
{
    *c = (struct capture){.file = tmpfile()};
    assert_non_null(c->file);
    fflush(stderr);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0);
    assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

/* What was written since, zero-terminated in c->text. */
static void capture_end(struct capture *c)
{
    fflush(stderr);
    assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
    close(c->saved);
    rewind(c->file);
    size_t n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
    c->text[n] = '\0';
    fclose(c->file);
}

static void a_line_is_time_level_message(void **state)
{
    struct capture c;
    (void)state;
    log_set_level(LOG_INFO);

    capture_begin(&c);
    log_warn("port %d is taken", 8080);
    capture_end(&c);

    int at = 0, year = 0, month = 0;
    assert_int_equal(sscanf(c.text, "%4d-%2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &year, &month, &at), 2);
    assert_int_equal(at, (int)strlen("2026-01-02T03:04:05.678Z"));
    assert_true(year >= 2024 && month >= 1 && month <= 12);
    assert_string_equal(c.text + at, " warn  port 8080 is taken\n");
}

static void control_bytes_are_escaped_so_that_a_client_cannot_start_a_line(void **state)
{
    struct capture c;
    (void)state;
    log_set_level(LOG_INFO);

    capture_begin(&c);
    log_info("topic %s", "a\r\n2026 error forged \x1b[2J\x7f");
    capture_end(&c);

    assert_non_null(strstr(c.text, "topic a\\x0d\\x0a2026 error forged \\x1b[2J\\x7f\n"));
    assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
}

static void utf8_passes(void **state)
{
    struct capture c;
    (void)state;
    log_set_level(LOG_INFO);

    capture_begin(&c);
    log_info("caf\xc3\xa9");
    capture_end(&c);

    assert_non_null(strstr(c.text, "caf\xc3\xa9\n"));
}

static void a_long_message_is_cut_and_still_one_line(void **state)
{
    static char flood[5000];
    struct capture c;
    (void)state;
    log_set_level(LOG_INFO);
    memset(flood, '\n', sizeof(flood) - 1);

    capture_begin(&c);
    log_info("%s", flood);
    capture_end(&c);

    size_t len = strlen(c.text);
    assert_true(len > 1000 && len < sizeof(flood));
    assert_ptr_equal(strchr(c.text, '\n'), c.text + len - 1);
}

static void lines_above_the_level_are_dropped(void **state)
{
    struct capture c;
    (void)state;

    capture_begin(&c);
    log_set_level(LOG_ERROR);
    log_warn("not this");
    log_error("this");
    log_set_level(LOG_DEBUG);
    log_debug("and this");
    log_set_level(LOG_INFO);
    log_debug("nor this");
    capture_end(&c);

    assert_null(strstr(c.text, "not this"));
    assert_null(strstr(c.text, "nor this"));
    assert_non_null(strstr(c.text, " error this\n"));
    assert_non_null(strstr(c.text, " debug and this\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_time_level_message),
        cmocka_unit_test(control_bytes_are_escaped_so_that_a_client_cannot_start_a_line),
        cmocka_unit_test(utf8_passes),
        cmocka_unit_test(a_long_message_is_cut_and_still_one_line),
        cmocka_unit_test(lines_above_the_level_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
