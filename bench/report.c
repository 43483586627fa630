/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void report_add(struct report *r, const char *name, double value, const char *unit)
{
    if (r->len < FIGURES_MAX)
        r->figures[r->len++] = (struct figure){name, unit, value};
}

void report_print(const struct report *r, bool json)
{
    if (json) {
        printf("{\"scenario\":\"%s\",\"wrong\":%llu", r->scenario, (unsigned long long)r->wrong);
        for (size_t i = 0; i < r->len; i++)
            printf(",\"%s\":%.6g", r->figures[i].name, r->figures[i].value);
        printf("}\n");
        return;
    }
    printf("%s\n", r->scenario);
    for (size_t i = 0; i < r->len; i++)
        printf("  %-36s %14.6g %s\n", r->figures[i].name, r->figures[i].value, r->figures[i].unit);
    printf("  %-36s %14llu\n", "wrong numbers", (unsigned long long)r->wrong);
}

void times_init(struct times *t, size_t max)
{
    *t = (struct times){.values = malloc(max * sizeof(uint64_t)), .max = max};
}

void times_release(struct times *t)
{
    free(t->values);
}

void times_add(struct times *t, uint64_t ns)
{
    if (t->len < t->max)
        t->values[t->len++] = ns;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void times_report(struct times *t, struct report *r, const char *name)
{
    static const struct {
        const char *name;
        double at;
    } parts[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};

    if (!t->len)
        return;
    qsort(t->values, t->len, sizeof(uint64_t), compare);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t at = (size_t)((double)(t->len - 1) * parts[i].at);
        char *label = malloc(strlen(name) + 16);
        snprintf(label, strlen(name) + 16, "%s_%s_ms", name, parts[i].name);
        report_add(r, label, (double)t->values[at] / 1e6,
                   "ms"); /* the label lives as long as the report */
    }
}

static FILE *open_proc(int pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    return pid > 0 ? fopen(path, "r") : NULL;
}

double process_cpu_s(int pid)
{
    char path[300];
    double ns = 0;
    struct dirent *task;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = pid > 0 ? opendir(path) : NULL;
    if (!tasks)
        return -1;
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

double process_pss_bytes(int pid)
{
    FILE *f = open_proc(pid, "smaps_rollup");
    char line[256];
    double pss = -1;
    unsigned long kb;

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %lu kB", &kb) == 1)
            pss = (double)kb * 1024;
    if (f)
        fclose(f);
    return pss;
}

double kernel_tcp_bytes(void)
{
    FILE *f = fopen("/proc/net/sockstat", "r");
    char line[256];
    double bytes = -1;
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
