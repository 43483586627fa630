/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 5 };

static void fail(const char *what)
{
    perror(what);
    exit(3);
}

/* The pipes to all others are of no use to a new process, and would keep them open. */
static void become_member(struct crew *crew, uint32_t rank, int in, int out)
{
    for (uint32_t i = 1; i < rank; i++) {
        close(crew->in[i]);
        close(crew->out[i]);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    crew->rank = rank;
    crew->in[0] = in;
    crew->out[0] = out;
}

void crew_start(struct crew *crew, uint32_t size, uint32_t clients)
{
    *crew = (struct crew){.size = size, .rank = 0};
    fflush(NULL);
    for (uint32_t rank = 1; rank < size; rank++) {
        int up[2], down[2];
        if (pipe(up) < 0 || pipe(down) < 0)
            fail("pipe");
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0) {
            close(up[0]);
            close(down[1]);
            become_member(crew, rank, down[0], up[1]);
            break;
        }
        close(up[1]);
        close(down[0]);
        crew->in[rank] = up[0];
        crew->out[rank] = down[1];
    }
    crew->first = (uint32_t)((uint64_t)clients * crew->rank / size);
    crew->clients = (uint32_t)((uint64_t)clients * (crew->rank + 1) / size) - crew->first;
}

static void put(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno != EINTR)
            fail("another process of the bench is gone");
        done += n > 0 ? (size_t)n : 0;
    }
}

static void take(int fd, struct crowd *c, void *to, size_t len)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, 0) == 0)
        crowd_step(c, LOOK_MS);
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, (char *)to + done, len - done);
        if (n == 0)
            errno = EPIPE;
        if (n == 0 || (n < 0 && errno != EINTR))
            fail("another process of the bench is gone");
        done += n > 0 ? (size_t)n : 0;
    }
}

static double fold(struct crew *crew, struct crowd *c, double mine, bool largest)
{
    double result = mine, other;

    if (crew->rank) {
        put(crew->out[0], &mine, sizeof(mine));
        take(crew->in[0], c, &result, sizeof(result));
        return result;
    }
    for (uint32_t i = 1; i < crew->size; i++) {
        take(crew->in[i], c, &other, sizeof(other));
        if (!largest)
            result += other;
        else if (other > result)
            result = other;
    }
    for (uint32_t i = 1; i < crew->size; i++)
        put(crew->out[i], &result, sizeof(result));
    return result;
}

double crew_sum(struct crew *crew, struct crowd *c, double mine)
{
    return fold(crew, c, mine, false);
}

double crew_max(struct crew *crew, struct crowd *c, double mine)
{
    return fold(crew, c, mine, true);
}

void crew_meet(struct crew *crew, struct crowd *c)
{
    fold(crew, c, 0, false);
}

void crew_times(struct crew *crew, struct crowd *c, struct times *t)
{
    if (crew->rank) {
        put(crew->out[0], t, sizeof(*t));
        return;
    }
    struct times *other = times_new();
    for (uint32_t i = 1; i < crew->size; i++) {
        take(crew->in[i], c, other, sizeof(*other));
        times_merge(t, other);
    }
    times_free(other);
}

void crew_end(struct crew *crew)
{
    if (crew->rank)
        exit(0);
    for (uint32_t i = 1; i < crew->size; i++) {
        close(crew->in[i]);
        close(crew->out[i]);
    }
    while (wait(NULL) > 0)
        ;
}
