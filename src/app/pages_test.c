/* SPDX-License-Identifier: MIT */
/*
 * pages_test.c - claims about the demo's files and the numbers that are written into pages. The
 * table of files is the test's own.
 */
#include "app/pages.h"

#include "app/asset.h"
#include "app/node_test.h"

#define FILE(path, type, text)                                                                     \
    {                                                                                              \
        path, type, (const unsigned char *)(text), sizeof(text) - 1                                \
    }
#define HTML "text/html; charset=utf-8"

const struct asset assets[] = {
    FILE("demo/blog.js", "text/javascript; charset=utf-8", "let a = \"{{viewers post:1}}\";"),
    FILE("demo/broken.html", HTML, "{{viewers post:1}} {{nothing} {{people"),
    FILE("demo/index.html", HTML, "<b>{{viewers post:1}}</b><i>{{people post:1}}</i>{{viewers x}}"),
    FILE("demo/many.html", HTML, "{{viewers a}}{{viewers b}}{{viewers c}}{{viewers d}}"),
    FILE("demo/plain.html", HTML, "no numbers"),
    FILE("other/secret.html", HTML, "not of the demo"),
};
const size_t assets_len = ARRAY_LEN(assets);

static const char *const demo[] = {"demo=true", NULL};

/* The whole answer to a request for `path`. */
static const char *get(struct client *c, const char *path)
{
    char request[512];

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    client_bytes(c, bytes_str(request));
    node_turn(c->node);
    return client_rest(c);
}

static void assert_body(const char *answer, const char *body)
{
    const char *at = strstr(answer, "\r\n\r\n");

    assert_starts(answer, "HTTP/1.1 200 OK\r\n");
    assert_non_null(at);
    assert_string_equal(at ? at + 4 : "", body);
}

static void a_path_is_a_file_or_a_page(void **state)
{
    struct test_node *n = node_new(1, demo);
    struct client *c = client_new(n, 0);
    (void)state;

    assert_body(get(c, "/plain"), "no numbers");
    assert_body(get(c, "/plain.html"), "no numbers");
    assert_body(get(c, "/"), "<b>0</b><i>0</i>0");
    assert_body(get(c, "/index"), "<b>0</b><i>0</i>0");
    client_free(c);
    assert_nothing_is_left(n);
    node_free(n);
}

static void numbers_are_those_of_now(void **state)
{
    struct test_node *n = node_new(2, demo);
    struct client *a = client_native(n, 0, "blue"), *b = client_native(n, 1, "blue");
    struct client *c = client_new(n, 0);
    (void)state;

    client_say(a, "[\"join\",1,\"post:1\"]");
    client_say(b, "[\"join\",1,\"post:1\"]");
    assert_body(get(c, "/"), "<b>2</b><i>1</i>0");
    client_say(a, "[\"join\",2,\"x\"]");
    assert_body(get(c, "/"), "<b>2</b><i>1</i>1");

    client_free(a);
    client_free(b);
    client_free(c);
    node_free(n);
}

static void numbers_of_several_homes_stand_in_their_places(void **state)
{
    struct test_node *n = node_new(4, demo);
    struct client *all[6], *c = client_new(n, 1);
    static const char *const joins[] = {"[\"join\",1,\"a\"]", "[\"join\",2,\"b\"]",
                                        "[\"join\",3,\"c\"]", "[\"join\",4,\"d\"]"};
    (void)state;

    for (uint16_t i = 0; i < 4; i++) {
        all[i] = client_native(n, i, NULL);
        for (uint16_t k = 0; k <= i; k++)
            client_say(all[i], joins[k]);
    }

    assert_body(get(c, "/many"), "4321");
    for (uint16_t i = 0; i < 4; i++)
        client_free(all[i]);
    client_free(c);
    node_free(n);
}

static void only_pages_have_numbers(void **state)
{
    struct test_node *n = node_new(1, demo);
    struct client *c = client_new(n, 0);
    (void)state;

    const char *answer = get(c, "/blog.js");

    assert_body(answer, "let a = \"{{viewers post:1}}\";");
    assert_non_null(strstr(answer, "Content-Type: text/javascript; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
    client_free(c);
    node_free(n);
}

static void what_is_no_place_stays_as_it_is(void **state)
{
    struct test_node *n = node_new(1, demo);
    struct client *c = client_new(n, 0);
    (void)state;

    assert_body(get(c, "/broken"), "0 {{nothing} {{people");
    client_free(c);
    node_free(n);
}

static void nothing_else_is_served(void **state)
{
    static const char *const paths[] = {
        "/none",
        "/other/secret",
        "/../other/secret",
        "/%2e%2e/other/secret",
        "//other/secret",
        "/plain.html/",
        "/.",
        "/%00",
        "/demo/plain",
    };
    struct test_node *n = node_new(1, demo);
    struct client *c = client_new(n, 0);
    char path[400];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_starts(get(c, paths[i]), "HTTP/1.1 404 ");
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    for (size_t len = 230; len < 270; len++) { /* around the longest name that is looked up */
        path[len] = '\0';
        assert_starts(get(c, path), "HTTP/1.1 404 ");
        path[len] = 'a';
    }
    client_free(c);
    node_free(n);
}

static void without_the_demo_there_are_no_pages(void **state)
{
    struct test_node *n = node_new(1, NULL);
    struct client *c = client_new(n, 0);
    (void)state;

    assert_starts(get(c, "/plain"), "HTTP/1.1 404 ");
    client_free(c);
    node_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_a_file_or_a_page),
        cmocka_unit_test(numbers_are_those_of_now),
        cmocka_unit_test(numbers_of_several_homes_stand_in_their_places),
        cmocka_unit_test(only_pages_have_numbers),
        cmocka_unit_test(what_is_no_place_stays_as_it_is),
        cmocka_unit_test(nothing_else_is_served),
        cmocka_unit_test(without_the_demo_there_are_no_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
