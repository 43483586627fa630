/* SPDX-License-Identifier: MIT */
/*
 * server_test.c - claims about start and stop of the whole server; under load they are in
 * server_threads_test.c.
 */
#include "app/server.h"

#include "app/crowd_test.h"
#include "app/metrics.h"

static void it_says_where_it_listens(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "listen=127.0.0.1:0", "workers=2",
                                           NULL};
    struct crowd c = crowd_start(settings);
    struct buf text;
    (void)state;

    buf_init(&text, BUF_UNBOUNDED);
    server_addresses(c.server, &text);

    size_t first = bytes_find(buf_bytes(&text), '\n');
    assert_true(bytes_starts(buf_bytes(&text), B("127.0.0.1:")));
    assert_true(bytes_starts(bytes_skip(buf_bytes(&text), first + 1), B("127.0.0.1:")));
    assert_int_equal(text.ptr[text.len - 1], '\n');
    assert_false(bytes_starts(buf_bytes(&text), B("127.0.0.1:0\n")));
    buf_release(&text);
    crowd_stop(&c);
}

static void it_answers_and_stops(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "workers=2", NULL};
    struct crowd c = crowd_start(settings);
    (void)state;

    char *body = crowd_get(&c, "/healthz");

    assert_string_equal(body, "ok\n");
    heap_free(body);
    crowd_stop(&c);
    assert_int_equal(socket_connect(c.port), -1);
}

static void a_port_that_is_taken_is_told_before_anything_runs(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "workers=1", NULL};
    struct crowd c = crowd_start(settings);
    char taken[32];
    const char *const again[] = {"listen=127.0.0.1:0", taken, "workers=3", NULL};
    struct buf error;
    (void)state;

    snprintf(taken, sizeof(taken), "listen=127.0.0.1:%u", c.port);
    struct config *config = crowd_config(again);
    buf_init(&error, BUF_UNBOUNDED);
    struct server *second = server_start(config, &error);

    assert_null(second);
    assert_true(bytes_starts(buf_bytes(&error), B("listen 127.0.0.1:")));
    buf_release(&error);
    config_free(config);
    crowd_stop(&c);
}

static void clients_are_told_to_go_when_it_stops(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "workers=2", "drain=0s", NULL};
    struct crowd c = crowd_start(settings);
    struct buf got;
    int fds[6];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = crowd_join(&c, "post:1", i);
    crowd_stop(&c); /* they never answer its close frame, and are cut off */

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        buf_init(&got, BUF_UNBOUNDED);
        while (socket_read(fds[i], &got) > 0)
            ;
        const char *bye = find_bytes(buf_bytes(&got), B("[\"bye\",\"stopping\","));
        const char *close_frame = find_bytes(buf_bytes(&got), B("\x88\x18\x03\xe9the server is"));
        assert_true(bye && close_frame && bye < close_frame);
        buf_release(&got);
        close(fds[i]);
    }
}

static void what_it_counts_is_there_after_a_turn(void **state)
{
    static const char *const settings[] = {"listen=127.0.0.1:0", "workers=2", NULL};
    struct crowd c = crowd_start(settings);
    (void)state;

    int fd = crowd_join(&c, "post:1", 1);
    struct metrics sum;
    do {
        sum = (struct metrics){0};
        server_metrics(c.server, &sum);
    } while (sum.presences != 1 || sum.websockets != 1 || sum.joins != 1);
    socket_break(fd);

    crowd_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_where_it_listens),
        cmocka_unit_test(it_answers_and_stops),
        cmocka_unit_test(a_port_that_is_taken_is_told_before_anything_runs),
        cmocka_unit_test(clients_are_told_to_go_when_it_stops),
        cmocka_unit_test(what_it_counts_is_there_after_a_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
