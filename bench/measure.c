/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static double process_cpu_s(int pid)
{
    char path[300];
    double ns = 0;
    struct dirent *task;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return NAN;
    while ((task = readdir(tasks))) {
        unsigned long long run = 0;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%llu", &run) == 1)
            ns += (double)run;
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return ns / 1e9;
}

static double process_pss_bytes(int pid)
{
    char path[64], line[256];
    double pss = NAN;
    unsigned long kb;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %lu kB", &kb) == 1)
            pss = (double)kb * 1024;
    if (f)
        fclose(f);
    return pss;
}

double pids_cpu_s(const struct pids *p)
{
    double sum = p->len ? 0 : NAN;

    for (size_t i = 0; i < p->len; i++)
        sum += process_cpu_s(p->list[i]);
    return sum;
}

double pids_pss_bytes(const struct pids *p)
{
    double sum = p->len ? 0 : NAN;

    for (size_t i = 0; i < p->len; i++)
        sum += process_pss_bytes(p->list[i]);
    return sum;
}

double kernel_tcp_bytes(void)
{
    FILE *f = fopen("/proc/net/sockstat", "r");
    char line[256];
    double bytes = NAN;
    unsigned long pages;

    while (f && fgets(line, sizeof(line), f)) {
        const char *mem = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " mem ") : NULL;
        if (mem && sscanf(mem, " mem %lu", &pages) == 1)
            bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
    }
    if (f)
        fclose(f);
    return bytes;
}

/* Until the end, the figures hold what the clocks said at the beginning. */
void span_begin(struct span *s, const struct pids *server)
{
    *s = (struct span){.server = server, .start_ns = now_ns()};
    s->server_s = pids_cpu_s(server);
    s->own_s = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

void span_end(struct span *s)
{
    s->seconds = (double)(now_ns() - s->start_ns) / 1e9;
    s->own_s = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9 - s->own_s;
    s->server_s = pids_cpu_s(s->server) - s->server_s;
}
