/* SPDX-License-Identifier: MIT */
/*
 * main.c - rollcall-bench: measures a presence server from outside.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "scenario.h"

static const struct scenario {
    const char *name, *help;
    void (*run)(const struct options *o, struct report *r);
    bool in_processes; /* may run in several */
} scenarios[] = {
    {"idle", "memory of joined viewers that do nothing", scenario_idle, true},
    {"storm", "all join one topic at once; then half of them vanish", scenario_storm, true},
    {"fanout", "counts, or events, to the members of one topic", scenario_fanout, true},
    {"churn", "visitors come and go in many topics; time to the last observer", scenario_churn,
     false},
    {"busy", "visitors come and go in one topic; time to every observer", scenario_busy, false},
    {"deliver", "more and more changes, until 1 % are told later than 50 ms", scenario_deliver,
     false},
    {"slow", "a tenth of the readers stop reading", scenario_slow, false},
    {"connect", "short visits: connect, join, first number, close", scenario_connect, false},
    {"floor-fanout", "the same as fanout against rollcall-floor", scenario_floor_fanout, false},
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, 'H'},
    {"port", required_argument, NULL, 'p'},
    {"dialect", required_argument, NULL, 'd'},
    {"clients", required_argument, NULL, 'n'},
    {"topics", required_argument, NULL, 't'},
    {"seconds", required_argument, NULL, 's'},
    {"rate", required_argument, NULL, 'r'},
    {"patience", required_argument, NULL, 'w'},
    {"processes", required_argument, NULL, 'm'},
    {"secret", required_argument, NULL, 'k'},
    {"path", required_argument, NULL, 'a'},
    {"pid", required_argument, NULL, 'P'},
    {"control", required_argument, NULL, 'c'},
    {"events", no_argument, NULL, 'e'},
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
    fprintf(
        to,
        "\noptions:\n"
        "  --host ADDRESS    IPv4, default 127.0.0.1\n"
        "  --dialect NAME    rooms (default), native, phoenix or socketio\n"
        "  --path PATH       of the rooms dialect, with %%u for the topic; default "
        "/ws/posts/%%u/live\n"
        "  --clients N       default 1000; connect: how many visit at a time\n"
        "  --topics N        over which clients are spread, default 1 (idle, churn, deliver)\n"
        "  --seconds N       how long to measure, default 5; deliver: each step\n"
        "  --rate N          changes per second (churn, busy, slow), default 200; deliver: "
        "the first step\n"
        "  --events          fanout: relayed events; the server must allow client events\n"
        "  --secret TEXT     sign an HS256 token per client; else each is a visitor\n"
        "  --pid PID[,PID]   the server's processes, to measure their CPU and memory\n"
        "  --patience N      seconds until what must come is given up, default 60\n"
        "  --processes N     idle, storm, fanout: share the clients; default one per %d\n"
        "  --control FD      of the floor's standard input (floor-fanout)\n"
        "  --json            one object instead of a table\n"
        "  --quiet           no progress line on a terminal\n"
        "The exit status is 1 if a number was wrong, 2 for bad arguments, 3 if the bench cannot "
        "go on.\n",
        CREW_SHARE_MAX);
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

static bool set_pids(struct pids *p, const char *text)
{
    char *end = NULL;

    for (p->len = 0; p->len < PIDS_MAX; text = end + 1) {
        long pid = strtol(text, &end, 10);
        if (end == text || pid <= 0)
            break;
        p->list[p->len++] = (int)pid;
        if (*end == '\0')
            return true;
        if (*end != ',')
            break;
    }
    fprintf(stderr, "--pid: allowed are up to %d numbers with commas between them\n", PIDS_MAX);
    return false;
}

/* The number that an option sets, or NULL if it sets none. */
static uint32_t *number_of(struct options *o, int c)
{
    switch (c) {
    case 'n':
        return &o->clients;
    case 't':
        return &o->topics;
    case 's':
        return &o->seconds;
    case 'r':
        return &o->rate;
    case 'w':
        return &o->patience;
    case 'm':
        return &o->processes;
    default:
        return NULL;
    }
}

static bool set_number(uint32_t *to, const char *text)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > 10000000) {
        fprintf(stderr, "found \"%s\", allowed is a whole number from 1 to 10000000\n", text);
        return false;
    }
    *to = (uint32_t)value;
    return true;
}

static bool set_option(struct options *o, int c)
{
    uint32_t *number = number_of(o, c), value = 0;

    if (number)
        return set_number(number, optarg);
    switch (c) {
    case 'H':
        snprintf(o->target.host, sizeof(o->target.host), "%s", optarg);
        return true;
    case 'p':
        if (!set_number(&value, optarg))
            return false;
        o->target.port = (uint16_t)value;
        return value == o->target.port;
    case 'd':
        return set_dialect(&o->target, optarg);
    case 'a':
        o->target.path = optarg;
        return true;
    case 'k':
        o->target.secret = optarg;
        return true;
    case 'P':
        return set_pids(&o->server, optarg);
    case 'c':
        o->control = (int)strtol(optarg, NULL, 10);
        return true;
    case 'e':
        return o->events = true;
    case 'j':
        return o->json = true;
    case 'q':
        return o->quiet = true;
    case 'h':
        usage(stdout);
        exit(0);
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!set_option(o, c))
            return false;
    return optind == argc - 1 && o->target.port;
}

/* How many processes, or 0 if that is not possible. */
static uint32_t count_processes(const struct scenario *s, const struct options *o)
{
    uint32_t wanted = (o->clients + CREW_SHARE_MAX - 1) / CREW_SHARE_MAX;

    if (o->processes)
        wanted = o->processes;
    if (wanted > 1 && !s->in_processes) {
        fprintf(stderr, "%s runs in one process, with %d clients at most\n", s->name,
                CREW_SHARE_MAX);
        return 0;
    }
    if (wanted > CREW_MAX || wanted > o->clients) {
        fprintf(stderr, "%u processes are too many; %d are allowed, and a client for each\n",
                wanted, CREW_MAX);
        return 0;
    }
    return wanted;
}

static int run(const struct scenario *s, struct options *o)
{
    struct report r = {.scenario = s->name};
    struct progress progress;
    struct crew crew;
    uint32_t processes = count_processes(s, o);

    if (!processes)
        return 2;
    crew_start(&crew, processes, o->clients);
    progress_init(&progress, s->name, o->quiet || crew.rank);
    o->crew = &crew;
    o->progress = &progress;
    s->run(o, &r);
    crew_end(&crew);
    progress_clear(&progress);
    report_print(&r, o->json);
    if (r.bottleneck)
        fprintf(stderr,
                "%s: the bench itself was the bottleneck: it used more than 90 %% of a "
                "core, so the server could have done more or sooner\n",
                s->name);
    return r.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {
        .target = {.host = "127.0.0.1", .path = "/ws/posts/%u/live"},
        .clients = 1000,
        .topics = 1,
        .seconds = 5,
        .rate = 200,
        .patience = 60,
    };
    struct rlimit files;

    if (!parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (strcmp(argv[optind], scenarios[i].name) == 0)
            return run(&scenarios[i], &o);
    fprintf(stderr, "no scenario \"%s\"\n", argv[optind]);
    usage(stderr);
    return 2;
}
