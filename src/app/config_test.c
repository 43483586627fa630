/* SPDX-License-Identifier: MIT */
/*
 * config_test.c - claims about files, flags, their precedence, and what comes of them.
 */
#include "app/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A configuration being made, and what was said of it. */
struct made {
    struct config *c;
    struct buf error, warnings;
    bool ok;
};

static void made_init(struct made *m)
{
    m->c = config_new();
    buf_init(&m->error, BUF_UNBOUNDED);
    buf_init(&m->warnings, BUF_UNBOUNDED);
    m->ok = true;
}

static void made_release(struct made *m)
{
    config_free(m->c);
    buf_release(&m->error);
    buf_release(&m->warnings);
}

static void load(struct made *m, const char *text)
{
    m->ok = m->ok && config_load_text(m->c, "t.conf", bytes_str(text), &m->error);
}

static void set(struct made *m, const char *pair)
{
    m->ok = m->ok && config_set_pair(m->c, bytes_str(pair), &m->error);
}

static void set_secret_in_environment(struct made *m, const char *secret)
{
    struct config_origin origin = {CONFIG_ENVIRONMENT, "ROLLCALL_JWT_SECRET", 0};
    m->ok = m->ok && config_set(m->c, origin, B("jwt_secret"), bytes_str(secret), &m->error);
}

static void finish(struct made *m)
{
    m->ok = m->ok && config_finish(m->c, &m->error, &m->warnings);
}

static bool says(const struct buf *b, const char *text)
{
    struct bytes needle = bytes_str(text);

    for (size_t i = 0; i + needle.len <= b->len; i++) {
        if (bytes_equal(bytes_of(b->ptr + i, needle.len), needle))
            return true;
    }
    print_error("not said: %s\n    but: %.*s\n", text, (int)b->len, b->ptr ? b->ptr : "");
    return false;
}

/* A file with `text`, readable by `mode`; its name is written to `path`. */
static void write_file(char path[64], const char *text, mode_t mode)
{
    snprintf(path, 64, "/tmp/rollcall-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void without_a_file_everything_has_its_default(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    finish(&m);

    assert_true(m.ok);
    assert_int_equal(m.warnings.len, 0);
    assert_int_equal(m.c->listen_count, 1);
    assert_string_equal(m.c->listen[0].host, "127.0.0.1");
    assert_int_equal(m.c->listen[0].port, 8080);
    assert_in_range(m.c->workers, 1, 256);
    assert_int_equal(m.c->log_level, LOG_INFO);
    assert_false(m.c->demo);
    assert_string_equal(m.c->phoenix_path, "/socket");
    assert_string_equal(m.c->native_path, "/rollcall");
    assert_int_equal(m.c->jwt_key.len, 0);
    assert_int_equal(m.c->jwt_algorithm, JWT_HS256);
    assert_int_equal(m.c->jwt_leeway_ms, 60000);
    assert_true(m.c->anonymous);
    assert_int_equal(m.c->topic.leave_grace_ms, 2000);
    assert_int_equal(m.c->topic.presence, PRESENCE_LIST);
    assert_int_equal(m.c->topic.key.len, 0);
    assert_false(m.c->topic.client_events);
    assert_int_equal(m.c->topic.announce_rate, 100000);
    assert_int_equal(m.c->topic.announce_max_ms, 1000);
    assert_int_equal(m.c->idle_timeout_ms, 60000);
    assert_int_equal(m.c->message_bytes_max, 65536);
    assert_int_equal(m.c->queue_bytes_max, 262144);
    made_release(&m);
}

static void a_file_sets_what_it_says(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    load(&m, "# a comment with * and \" and ${X}\n"
             "listen = { \"0.0.0.0:80\", '[::1]:0' } // two\n"
             "listen = localhost:1\n"
             "log_level=debug demo = true\r\n"
             "/* a\n comment */ leave_grace = 250ms\n"
             "jwt_secret = \"a \\\"secret\\\" # of 16 bytes and more\"\n"
             "send_buffer = 0\n"
             "meta_bytes_max = 1KiB");
    finish(&m);

    assert_true(m.ok);
    assert_int_equal(m.c->listen_count, 3);
    assert_string_equal(m.c->listen[1].host, "::1");
    assert_string_equal(m.c->listen[2].host, "localhost");
    assert_int_equal(m.c->log_level, LOG_DEBUG);
    assert_true(m.c->demo);
    assert_int_equal(m.c->topic.leave_grace_ms, 250);
    assert_true(bytes_equal(m.c->jwt_key, B("a \"secret\" # of 16 bytes and more")));
    assert_false(m.c->anonymous);
    assert_int_equal(m.c->send_buffer_bytes, 0);
    assert_int_equal(m.c->meta_bytes_max, 1024);
    made_release(&m);
}

static const struct {
    const char *text, *error;
} file_mistakes[] = {
    {"\n# x\n/* y\n */\n// z\n\nleave_grace = \"abc\"\n",
     "t.conf:7: leave_grace: found \"abc\", allowed: a duration from 0s to 10m such as 250ms, "
     "2s or 5m"},
    {"leave_grace = 11m", "t.conf:1: leave_grace: found \"11m\", allowed: a duration from"},
    {"workers = 0", "t.conf:1: workers: found \"0\", allowed: a whole number from 1 to 256"},
    {"workers = 257", "t.conf:1: workers: found \"257\""},
    {"workers = 4294967297", "t.conf:1: workers: found \"4294967297\""},
    {"meta_bytes_max = 4KB", "t.conf:1: meta_bytes_max: found \"4KB\", allowed: a size from 2"},
    {"demo = yes", "t.conf:1: demo: found \"yes\", allowed: true or false"},
    {"log_level = loud", "found \"loud\", allowed: error, warn, info or debug"},
    {"jwt_algorithm = none", "found \"none\", allowed: HS256, HS384, HS512, RS256 or ES256"},
    {"listen = 8080", "t.conf:1: listen: found \"8080\", allowed: HOST:PORT such as"},
    {"listen = {\"a:1\",\n\n\"b\"}", "t.conf:3: listen: found \"b\""},
    {"native_path = rollcall", "native_path: found \"rollcall\", allowed: a path"},
    {"native_path = /", "native_path: found \"/\""},
    {"native_path = \"/a?b\"", "native_path: found \"/a?b\""},
    {"native_path = /socket", "native_path: found the same as phoenix_path"},
    {"key = \"~a\"", "key: found \"~a\", allowed: a text of 0 to 255 bytes that does not begin"},
    {"key_bytes_max = 2\nkey = abc", "t.conf:2: key: found a text of 3 bytes, allowed: at most"},
    {"jwt_secret = \"\"", "t.conf:1: jwt_secret: found a text of 0 bytes"},
    {"leave_grcae = 2s", "t.conf:1: found the unknown key \"leave_grcae\", allowed: leave_grace"},
    {"sesions_max = 2", "allowed: sessions_max"},
    {"zzz = 2", "allowed: the keys that \"rollcall serve --help\" lists"},
    {"redisx \"a\" { }", "found the unknown key \"redisx\""},
    {"\nworkers = 1\nworkers = 1", "t.conf:3: workers: found a second value, allowed: one"},
    {"workers 1", "t.conf:1: missing equal sign"},
    {"workers = { 1 }", "t.conf:1: unexpected token"},
    {"workers += 1", "t.conf:1: attempt to append"},
    {"workers =\n", "premature end of file"},
    {"listen = {}", "t.conf:1: found an empty list"},
    {"\ntopic article:* { }", "t.conf:2: found * outside of quotes, allowed: patterns in quotes"},
    {"\n\ntopic \"a\" {\n", "t.conf:3: found an opening brace that is never closed"},
    {"}", "t.conf:1: found a closing brace"},
    {"jwt_issuer = \"a\nb\"", "t.conf:1: found a string without its closing quote"},
    {"jwt_issuer = 'a", "t.conf:1: found a string without its closing quote"},
    {"/* a", "t.conf:1: found a comment without its end"},
    {"jwt_issuer = a(b)", "outside of quotes"},
    {"jwt_issuer = \"\\x07\"", "jwt_issuer: found \"\\x07\", allowed: a text"},
    {"jwt_issuer = \"\x07\"", "found a control character"},
    {"jwt_issuer = \"\xff\"", "jwt_issuer: found"},
    {"jwt_issuer = \"${ROLLCALL_TEST_UNSET}\"", "found ${ROLLCALL_TEST_UNSET}, which is not set"},
    {"jwt_issuer = \"${a b}\"", "allowed: ${NAME} or ${NAME:-default}"},
    {"jwt_issuer = ${HOME}", "found ${ outside of quotes"},
    {"\"\\001\" = a", "t.conf:1: "},
    {"topic \"\" { }", "t.conf:1: topic: found \"\", allowed: a topic"},
    {"topic { }", "missing title"},
    {"\ntopic \"a\" { }\ntopic \"a\" { }", "found a second section \"a\", allowed: one"},
    {"topic \"a\" {\n workers = 2 }", "t.conf:2: found the unknown key \"workers\", allowed: this "
                                      "key outside of topic sections only"},
    {"topic \"a\" { leave_grac = 2s }", "allowed: leave_grace, perhaps"},
    {"topic \"a\" {\n\n presence = few }",
     "t.conf:3: presence: found \"few\", allowed: list or count"},
    {"topic \"a\" { presence = list presence = list }", "presence: found a second value"},
    {"key_bytes_max = 2\ntopic \"a\" { key = abc }", "t.conf:2: key: found a text of 3 bytes"},
    {"route \"/a\" { }", "t.conf:1: route: found no topic"},
    {"route \"a\" { topic = b }", "t.conf:1: route: found \"a\", allowed: a path that begins with"},
    {"route \"/a/{b}\" {\n topic = \"{c}\" }", "t.conf:2: topic: found \"{c}\", allowed: {name}"},
    {"route \"/a\" { topik = b }", "found the unknown key \"topik\", allowed in a route: topic"},
    {"anonymous = false", "t.conf:1: anonymous: found false without a jwt key"},
    {"jwt_secret = a\njwt_secret_file = b", "found another key beside it, allowed: one of"},
    {"jwt_secret = a\njwt_algorithm = RS256",
     "t.conf:2: jwt_algorithm: found RS256, allowed with jwt_secret: HS256, HS384 or HS512"},
    {"jwt_public_key_file = a",
     "jwt_algorithm: found HS256, allowed with jwt_public_key_file: RS256 or ES256"},
    {"jwt_secret_file = \"/nowhere/at all\"",
     "t.conf:1: jwt_secret_file: /nowhere/at all cannot be read: No such file or directory"},
};

static void every_mistake_is_named_with_its_line_and_what_is_allowed(void **state)
{
    (void)state;

    unsetenv("ROLLCALL_TEST_UNSET");
    for (size_t i = 0; i < ARRAY_LEN(file_mistakes); i++) {
        struct made m;
        made_init(&m);

        load(&m, file_mistakes[i].text);
        finish(&m);

        assert_false(m.ok);
        assert_true(says(&m.error, file_mistakes[i].error));
        assert_int_equal(bytes_find(buf_bytes(&m.error), '\n'), m.error.len);
        made_release(&m);
    }
}

static void a_flag_is_checked_as_a_file_is(void **state)
{
    static const struct {
        const char *pair, *error;
    } mistakes[] = {
        {"leave_grace=abc", "--set leave_grace: found \"abc\", allowed: a duration from 0s to 10m"},
        {"leave_grace", "--set: found \"leave_grace\", allowed: key=value"},
        {"leave_grac=2s", "--set: found the unknown key \"leave_grac\", allowed: leave_grace"},
        {"topic=a", "allowed: sections in a file only"},
        {"Listening=a", "found the unknown key \"Listening\""},
        {"=", "found the unknown key \"\""},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct made m;
        made_init(&m);

        set(&m, mistakes[i].pair);

        assert_false(m.ok);
        assert_true(says(&m.error, mistakes[i].error));
        made_release(&m);
    }
}

static void flags_win_over_the_environment_and_that_over_the_file(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    set(&m, "workers=3");
    set(&m, "listen=a:1");
    set(&m, "listen=b:2");
    load(&m, "workers = 2\nlisten = c:3\njwt_secret_file = /nowhere\nleave_grace = 1s");
    set_secret_in_environment(&m, "0123456789abcdef");
    finish(&m);

    assert_true(m.ok);
    assert_int_equal(m.c->workers, 3);
    assert_int_equal(m.c->listen_count, 2);
    assert_string_equal(m.c->listen[0].host, "a");
    assert_string_equal(m.c->listen[1].host, "b");
    assert_true(bytes_equal(m.c->jwt_key, B("0123456789abcdef")));
    assert_int_equal(m.c->topic.leave_grace_ms, 1000);
    made_release(&m);
}

static void a_mistake_in_the_file_is_one_even_if_a_flag_overrides_it(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    set(&m, "workers=3");
    load(&m, "workers = many");

    assert_false(m.ok);
    assert_true(says(&m.error, "t.conf:1: workers: found \"many\""));
    made_release(&m);
}

static void a_key_closes_the_door_to_visitors_unless_it_is_opened(void **state)
{
    static const struct {
        const char *text;
        bool anonymous;
    } cases[] = {{"", true},
                 {"anonymous = true", true},
                 {"jwt_secret = 0123456789abcdef", false},
                 {"jwt_secret = 0123456789abcdef\nanonymous = false", false},
                 {"jwt_secret = 0123456789abcdef\nanonymous = true", true}};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct made m;
        made_init(&m);

        load(&m, cases[i].text);
        finish(&m);

        assert_true(m.ok);
        assert_int_equal(m.c->anonymous, cases[i].anonymous);
        made_release(&m);
    }
}

static void the_first_section_that_matches_counts_and_inherits_the_rest(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    load(&m, "topic \"article:7\" { presence = list }\n"
             "topic \"article:*\" { leave_grace = 0s  presence = count key = \"live_reading\" }\n"
             "topic \"*\" { client_events = true announce_rate = 5 announce_max = 2s\n"
             "presences_max = 9 key = \"\" }\n"
             "key = everybody leave_grace = 3s\n");
    set(&m, "announce_max=4s"); /* from outside of the sections, too */
    finish(&m);

    assert_true(m.ok);
    assert_int_equal(m.warnings.len, 0);
    const struct topic_settings *seven = config_topic_settings(m.c, B("article:7"));
    const struct topic_settings *article = config_topic_settings(m.c, B("article:77"));
    const struct topic_settings *other = config_topic_settings(m.c, B("x"));
    assert_int_equal(seven->leave_grace_ms, 3000);
    assert_int_equal(seven->announce_max_ms, 4000);
    assert_int_equal(seven->presence, PRESENCE_LIST);
    assert_true(bytes_equal(seven->key, B("everybody")));
    assert_int_equal(article->leave_grace_ms, 0);
    assert_int_equal(article->presence, PRESENCE_COUNT);
    assert_true(bytes_equal(article->key, B("live_reading")));
    assert_true(other->client_events);
    assert_int_equal(other->announce_rate, 5);
    assert_int_equal(other->announce_max_ms, 2000);
    assert_int_equal(other->presences_max, 9);
    assert_int_equal(other->key.len, 0);
    assert_ptr_equal(config_topic_settings(m.c, B("x")), other);
    made_release(&m);
}

static void a_section_that_can_never_match_is_warned_of(void **state)
{
    struct made m;
    (void)state;
    made_init(&m);

    load(&m, "topic \"a\" { }\ntopic \"ab*\" { }\ntopic \"a*\" { }\n\ntopic \"abc*\" { }\n");
    finish(&m);

    assert_true(m.ok);
    assert_true(says(&m.warnings, "t.conf:5: topic \"abc*\" is never used, since the one in line 2 "
                                  "matches first\n"));
    assert_int_equal(bytes_find(buf_bytes(&m.warnings), '\n') + 1, m.warnings.len);
    made_release(&m);
}

static void a_secret_file_is_read_without_its_newline(void **state)
{
    static const char *const endings[] = {"", "\n", "\r\n"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        struct made m;
        char path[64], text[64], pair[128];
        snprintf(text, sizeof(text), "0123456789 abcdef%s", endings[i]);
        write_file(path, text, 0600);
        snprintf(pair, sizeof(pair), "jwt_secret_file=%s", path);
        made_init(&m);

        set(&m, pair);
        finish(&m);
        unlink(path);

        assert_true(m.ok);
        assert_true(bytes_equal(m.c->jwt_key, B("0123456789 abcdef")));
        assert_int_equal(m.warnings.len, 0);
        made_release(&m);
    }
}

static void a_secret_that_is_short_or_open_to_all_is_warned_of(void **state)
{
    struct made m;
    char path[64], pair[128];
    (void)state;
    write_file(path, "short\n", 0644);
    snprintf(pair, sizeof(pair), "jwt_secret_file=%s", path);
    made_init(&m);

    set(&m, pair);
    finish(&m);
    unlink(path);

    assert_true(m.ok);
    assert_true(says(&m.warnings, "can be read by everybody on this machine"));
    assert_true(says(&m.warnings, "--set jwt_secret_file: the secret has 5 bytes"));
    made_release(&m);
}

static void an_empty_secret_file_is_an_error(void **state)
{
    struct made m;
    char path[64], pair[128];
    (void)state;
    write_file(path, "\n", 0600);
    snprintf(pair, sizeof(pair), "jwt_secret_file=%s", path);
    made_init(&m);

    set(&m, pair);
    finish(&m);
    unlink(path);

    assert_false(m.ok);
    assert_true(says(&m.error, " is empty"));
    made_release(&m);
}

static void a_file_is_loaded_from_disk_or_its_absence_named(void **state)
{
    struct made m, missing;
    char path[64];
    (void)state;
    write_file(path, "workers = 7\n", 0644);
    made_init(&m);
    made_init(&missing);

    bool ok = config_load_file(m.c, path, &m.error);
    unlink(path);
    bool missing_ok = config_load_file(missing.c, path, &missing.error);
    bool folder_ok = config_load_file(missing.c, "/", &missing.error);

    assert_true(ok);
    assert_int_equal(m.c->workers, 7);
    assert_false(missing_ok);
    assert_true(says(&missing.error, "cannot be read: No such file or directory"));
    assert_false(folder_ok);
    assert_true(says(&missing.error, "Is a directory"));
    made_release(&m);
    made_release(&missing);
}

static void a_variable_of_the_environment_is_put_in_double_quotes_only(void **state)
{
    struct made m;
    (void)state;
    setenv("ROLLCALL_TEST_NAME", "from outside", 1);
    made_init(&m);

    load(&m, "jwt_issuer = \"${ROLLCALL_TEST_NAME}\"\njwt_audience = '${ROLLCALL_TEST_NAME}'\n"
             "key = \"${ROLLCALL_TEST_UNSET:-else}\"");
    finish(&m);

    assert_true(m.ok);
    assert_string_equal(m.c->jwt_issuer, "from outside");
    assert_string_equal(m.c->jwt_audience, "${ROLLCALL_TEST_NAME}");
    assert_true(bytes_equal(m.c->topic.key, B("else")));
    made_release(&m);
}

static void routes_are_tried_in_order_and_one_is_there_by_default(void **state)
{
    struct made plain, own;
    struct route_match match;
    (void)state;
    made_init(&plain);
    made_init(&own);
    load(&own, "route \"/r/{id:int}\" { topic = \"number:{id}\" }\n"
               "route \"/r/{name}\" { topic = \"name:{name}\" }\n"
               "route \"/i/{id:int}\" { topic = \"{id}\" }\n");
    finish(&plain);
    finish(&own);
    assert_true(plain.ok && own.ok);

    assert_int_equal(config_route(plain.c, B("/ws/posts/1/live"), &match), ROUTE_OK);
    assert_true(bytes_equal(match.topic, B("post:1")));
    route_match_release(&match);
    assert_int_equal(config_route(plain.c, B("/ws/posts/one/live"), &match), ROUTE_BAD_PARAMETER);
    assert_int_equal(config_route(plain.c, B("/ws"), &match), ROUTE_NONE);

    assert_int_equal(config_route(own.c, B("/r/5"), &match), ROUTE_OK);
    assert_true(bytes_equal(match.topic, B("number:5")));
    route_match_release(&match);
    assert_int_equal(config_route(own.c, B("/r/five"), &match), ROUTE_OK);
    assert_true(bytes_equal(match.topic, B("name:five")));
    route_match_release(&match);
    assert_int_equal(config_route(own.c, B("/i/five"), &match), ROUTE_BAD_PARAMETER);
    assert_int_equal(config_route(own.c, B("/ws/posts/1/live"), &match), ROUTE_NONE);
    made_release(&plain);
    made_release(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_everything_has_its_default),
        cmocka_unit_test(a_file_sets_what_it_says),
        cmocka_unit_test(every_mistake_is_named_with_its_line_and_what_is_allowed),
        cmocka_unit_test(a_flag_is_checked_as_a_file_is),
        cmocka_unit_test(flags_win_over_the_environment_and_that_over_the_file),
        cmocka_unit_test(a_mistake_in_the_file_is_one_even_if_a_flag_overrides_it),
        cmocka_unit_test(a_key_closes_the_door_to_visitors_unless_it_is_opened),
        cmocka_unit_test(the_first_section_that_matches_counts_and_inherits_the_rest),
        cmocka_unit_test(a_section_that_can_never_match_is_warned_of),
        cmocka_unit_test(a_secret_file_is_read_without_its_newline),
        cmocka_unit_test(a_secret_that_is_short_or_open_to_all_is_warned_of),
        cmocka_unit_test(an_empty_secret_file_is_an_error),
        cmocka_unit_test(a_file_is_loaded_from_disk_or_its_absence_named),
        cmocka_unit_test(a_variable_of_the_environment_is_put_in_double_quotes_only),
        cmocka_unit_test(routes_are_tried_in_order_and_one_is_there_by_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
