/* SPDX-License-Identifier: MIT */
/*
 * main.c - rollcall-bench: measures a presence server from outside.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "scenario.h"

static const struct {
    const char *name, *help;
    void (*run)(const struct options *o, struct report *r);
} scenarios[] = {
    {"idle", "memory of joined viewers that do nothing", scenario_idle},
    {"storm", "all join one topic at once; then half of them vanish", scenario_storm},
    {"fanout", "counts to the members of one topic", scenario_fanout},
    {"churn", "visitors come and go in many topics; time to the last observer", scenario_churn},
    {"busy", "visitors come and go in one topic; age of the numbers shown", scenario_busy},
    {"slow", "a tenth of the readers stop reading", scenario_slow},
    {"connect", "short visits: connect, join, first number, close", scenario_connect},
    {"floor-fanout", "the same as fanout against rollcall-floor", scenario_floor_fanout},
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, 'H'},
    {"port", required_argument, NULL, 'p'},
    {"dialect", required_argument, NULL, 'd'},
    {"clients", required_argument, NULL, 'n'},
    {"topics", required_argument, NULL, 't'},
    {"seconds", required_argument, NULL, 's'},
    {"rate", required_argument, NULL, 'r'},
    {"secret", required_argument, NULL, 'k'},
    {"path", required_argument, NULL, 'a'},
    {"pid", required_argument, NULL, 'P'},
    {"control", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static void usage(FILE *to)
{
    fprintf(to, "rollcall-bench SCENARIO --port PORT [options]\n\nscenarios:\n");
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        fprintf(to, "  %-14s %s\n", scenarios[i].name, scenarios[i].help);
    fprintf(to, "\noptions:\n"
                "  --host ADDRESS    IPv4, default 127.0.0.1\n"
                "  --dialect NAME    rooms (default), native, phoenix or socketio\n"
                "  --path PATH       of the rooms dialect, with %%u for the topic; default "
                "/ws/posts/%%u/live\n"
                "  --clients N       default 1000\n"
                "  --topics N        over which clients are spread, default 1\n"
                "  --seconds N       how long to measure, default 5\n"
                "  --rate N          changes per second (churn, busy, slow), default 200\n"
                "  --secret TEXT     sign an HS256 token per client; else each is a visitor\n"
                "  --pid PID         the server's, to measure its CPU and memory\n"
                "  --control FD      of the floor's standard input (floor-fanout)\n"
                "  --json --quiet\n"
                "The exit status is 1 if a number was wrong, 2 for bad arguments.\n");
}

static bool set_dialect(struct target *t, const char *name)
{
    static const char *const names[] = {"rooms", "native", "phoenix", "socketio"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            t->speech = (enum speech)i;
            return true;
        }
    }
    fprintf(stderr, "--dialect: found \"%s\", allowed: rooms, native, phoenix, socketio\n", name);
    return false;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static bool parse(int argc, char **argv, struct options *o)
{
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (c) {
        case 'H':
            snprintf(o->target.host, sizeof(o->target.host), "%s", optarg);
            break;
        case 'p':
            o->target.port = (uint16_t)number(optarg);
            break;
        case 'd':
            if (!set_dialect(&o->target, optarg))
                return false;
            break;
        case 'n':
            o->clients = number(optarg);
            break;
        case 't':
            o->topics = number(optarg);
            break;
        case 's':
            o->seconds = number(optarg);
            break;
        case 'a':
            o->target.path = optarg;
            break;
        case 'r':
            o->rate = number(optarg);
            break;
        case 'k':
            o->target.secret = optarg;
            break;
        case 'P':
            o->pid = (int)number(optarg);
            break;
        case 'c':
            o->control = (int)number(optarg);
            break;
        case 'j':
            o->json = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc - 1 && o->target.port && o->clients;
}

int main(int argc, char **argv)
{
    struct options o = {
        .target = {.host = "127.0.0.1", .path = "/ws/posts/%u/live"},
        .clients = 1000,
        .topics = 1,
        .seconds = 5,
        .rate = 200,
    };
    struct rlimit files;

    if (!parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct report r = {.scenario = scenarios[i].name};
        if (strcmp(argv[optind], scenarios[i].name) != 0)
            continue;
        scenarios[i].run(&o, &r);
        if (!o.quiet)
            fprintf(stderr, "\n");
        report_print(&r, o.json);
        return r.wrong ? 1 : 0;
    }
    fprintf(stderr, "no scenario \"%s\"\n", argv[optind]);
    usage(stderr);
    return 2;
}
