/* SPDX-License-Identifier: MIT */
/*
 * listener_test.c - claims about addresses, accepted sockets and running out of file descriptors.
 */
#include "net/listener.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "net/peers_test.h"

enum { ACCEPTED_MAX = 64 };

/* The owner of a loop. */
struct owner {
    int accepted[ACCEPTED_MAX];
    int len;
};

static void on_accept(struct loop *l, int fd)
{
    struct owner *o = loop_owner(l);

    assert_true(o->len < ACCEPTED_MAX);
    o->accepted[o->len++] = fd;
}

static void on_refuse(struct loop *l, int fd)
{
    struct owner *o = loop_owner(l);

    o->len++;
    socket_refuse(fd, B("full"));
}

static int make(void **state)
{
    alarm(60);
    *state = loop_new(&side_handler, heap_zalloc(1, sizeof(struct owner)));
    return 0;
}

static int end(void **state)
{
    struct owner *o = loop_owner(*state);

    for (int i = 0; i < o->len; i++)
        if (o->accepted[i])
            close(o->accepted[i]);
    loop_free(*state);
    heap_free(o);
    alarm(0);
    return 0;
}

/* An address on the loopback with a free port. */
static struct listen_address claim(void)
{
    struct listen_address a;
    struct buf error;

    buf_init(&error, BUF_UNBOUNDED);
    assert_true(listen_address_claim(&a, "127.0.0.1", 0, &error));
    assert_int_equal(error.len, 0);
    return a;
}

static struct listener *open_on(struct loop *l, const struct listen_address *a,
                                void (*accepts)(struct loop *l, int fd))
{
    const struct listen_options options = {
        .send_buffer = 32768, .user_timeout = 60000, .backlog = 64};
    struct buf error;

    buf_init(&error, BUF_UNBOUNDED);
    struct listener *li = listener_open(l, a, &options, accepts, &error);
    assert_non_null(li);
    return li;
}

static int connect_to(const struct listen_address *a)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)(const void *)a->storage, a->len) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint16_t port_of(const struct listen_address *a)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a->storage;

    return ntohs(in->sin_port);
}

static void port_0_becomes_a_port_that_is_free(void **state)
{
    struct listen_address a = claim();
    struct buf text;
    char wanted[32];
    (void)state;

    buf_init(&text, BUF_UNBOUNDED);
    listen_address_text(&a, &text);
    snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port_of(&a));

    assert_true(port_of(&a) > 0);
    assert_true(bytes_equal(buf_bytes(&text), bytes_str(wanted)));
    buf_release(&text);
}

static void an_ipv6_address_is_written_in_brackets(void **state)
{
    struct listen_address a;
    struct buf text;
    (void)state;

    buf_init(&text, BUF_UNBOUNDED);
    if (listen_address_claim(&a, "::1", 0, &text)) { /* not every machine has it */
        listen_address_text(&a, &text);
        assert_true(bytes_starts(buf_bytes(&text), B("[::1]:")));
    }
    buf_release(&text);
}

static void an_address_that_somebody_listens_on_is_refused(void **state)
{
    struct loop *l = *state;
    struct listen_address a = claim(), again;
    struct listener *li = open_on(l, &a, on_accept);
    struct buf error;
    char wanted[32];

    buf_init(&error, BUF_UNBOUNDED);
    snprintf(wanted, sizeof(wanted), "listen 127.0.0.1:%u: ", port_of(&a));

    assert_false(listen_address_claim(&again, "127.0.0.1", port_of(&a), &error));
    assert_true(bytes_starts(buf_bytes(&error), bytes_str(wanted)));
    buf_release(&error);
    listener_close(li);
}

static void a_host_that_is_none_is_refused(void **state)
{
    struct listen_address a;
    struct buf error;
    (void)state;

    buf_init(&error, BUF_UNBOUNDED);
    assert_false(listen_address_claim(&a, "a..b", 80, &error));

    assert_true(bytes_starts(buf_bytes(&error), B("listen a..b:80: ")));
    buf_release(&error);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void accepted_sockets_have_the_options_of_the_listener(void **state)
{
    struct loop *l = *state;
    struct owner *o = loop_owner(l);
    struct listen_address a = claim();
    struct listener *li = open_on(l, &a, on_accept);

    int client = connect_to(&a);
    turn_until(l, &o->len);
    int fd = o->accepted[0];

    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_SNDBUF), 2 * 32768); /* the kernel doubles it */
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 60000);
    close(client);
    listener_close(li);
}

static void two_loops_share_the_connections_of_one_address(void **state)
{
    struct loop *first = *state;
    void *other;
    make(&other);
    struct loop *second = other;
    const struct owner *a_owner = loop_owner(first), *b_owner = loop_owner(second);
    struct listen_address a = claim();
    struct listener *one = open_on(first, &a, on_accept), *two = open_on(second, &a, on_accept);
    int clients[32];

    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = connect_to(&a);
        assert_true(clients[i] >= 0);
    }
    while (a_owner->len + b_owner->len < (int)ARRAY_LEN(clients)) {
        turn(first);
        turn(second);
    }

    assert_int_equal(a_owner->len + b_owner->len, ARRAY_LEN(clients));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        close(clients[i]);
    listener_close(one);
    listener_close(two);
    end(&other);
}

static void after_the_close_nobody_listens(void **state)
{
    struct loop *l = *state;
    struct listen_address a = claim();

    listener_close(open_on(l, &a, on_accept));
    turn(l);

    assert_int_equal(connect_to(&a), -1);
}

static void who_is_refused_gets_a_short_answer(void **state)
{
    struct loop *l = *state;
    struct owner *o = loop_owner(l);
    struct listen_address a = claim();
    struct listener *li = open_on(l, &a, on_refuse);
    char got[16];

    int client = connect_to(&a);
    turn_until(l, &o->len);

    assert_int_equal(recv(client, got, sizeof(got), MSG_WAITALL), 4);
    assert_memory_equal(got, "full", 4);
    close(client);
    listener_close(li);
}

/* No more file descriptors than are open now. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit before, now;
    int free_fd = dup(0);

    assert_true(free_fd >= 0);
    close(free_fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = (rlim_t)free_fd;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

static void without_descriptors_connections_wait_and_nobody_spins(void **state)
{
    struct loop *l = *state;
    struct owner *o = loop_owner(l);
    struct listen_address a = claim();
    struct listener *li = open_on(l, &a, on_accept);
    int client = connect_to(&a), turns = 0;

    loop_poll(l, 0);
    struct rlimit before = use_up_descriptors();
    uint64_t until = loop_now_ms(l) + 250;
    for (; loop_now_ms(l) < until; turns++)
        loop_poll(l, until);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    assert_true(turns < 20);
    if (!o->len) /* it was not accepted before the descriptors were gone */
        turn_until(l, &o->len);
    assert_int_equal(o->len, 1);
    close(client);
    listener_close(li);
}

static void a_listener_may_be_closed_while_it_waits_for_descriptors(void **state)
{
    struct loop *l = *state;
    const struct owner *o = loop_owner(l);
    struct listen_address a = claim();
    struct listener *li = open_on(l, &a, on_accept);
    int client = connect_to(&a);

    struct rlimit before = use_up_descriptors();
    loop_poll(l, loop_now_ms(l) + 20);
    listener_close(li);
    loop_poll(l, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    assert_int_equal(o->len, 0);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_0_becomes_a_port_that_is_free),
        cmocka_unit_test(an_ipv6_address_is_written_in_brackets),
        cmocka_unit_test_setup_teardown(an_address_that_somebody_listens_on_is_refused, make, end),
        cmocka_unit_test(a_host_that_is_none_is_refused),
        cmocka_unit_test_setup_teardown(accepted_sockets_have_the_options_of_the_listener, make,
                                        end),
        cmocka_unit_test_setup_teardown(two_loops_share_the_connections_of_one_address, make, end),
        cmocka_unit_test_setup_teardown(after_the_close_nobody_listens, make, end),
        cmocka_unit_test_setup_teardown(who_is_refused_gets_a_short_answer, make, end),
        cmocka_unit_test_setup_teardown(without_descriptors_connections_wait_and_nobody_spins, make,
                                        end),
        cmocka_unit_test_setup_teardown(a_listener_may_be_closed_while_it_waits_for_descriptors,
                                        make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
