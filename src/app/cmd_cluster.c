/* SPDX-License-Identifier: MIT */
#include "app/cmd_cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "app/clustering.h"
#include "app/config.h"
#include "app/redis_url.h"
#include "base/heap.h"
#include "cluster/share_text.h"
#include "net/fetch.h"
#include "net/redis_sync.h"

enum {
    TIMEOUT_MS = 3000,
    NODES_MAX = 64,
    LOOKS = 6, /* at a topic, before a difference is one: numbers move */
    LOOK_PAUSE_MS = 300
};

/* A run of the command. */
struct run {
    struct config *config;
    const char *what; /* status or verify */
    const char *nodes[NODES_MAX];
    size_t nodes_len;
    redisContext *redis;
    struct buf out;
};

struct numbers {
    uint32_t viewers, people;
};

/* Asking Redis. */

/* The reply, or NULL with the reason on standard error. Lives and topics have no zero bytes. */
__attribute__((format(printf, 2, 3))) static redisReply *ask(struct run *r, const char *format, ...)
{
    redisReply *reply;
    va_list args;

    va_start(args, format);
    reply = redisvCommand(r->redis, format, args);
    va_end(args);
    if (reply && reply->type != REDIS_REPLY_ERROR)
        return reply;
    fprintf(stderr, "rollcall cluster: redis: %s\n", reply ? reply->str : r->redis->errstr);
    if (reply)
        freeReplyObject(reply);
    return NULL;
}

static struct bytes text_of(const redisReply *reply)
{
    return bytes_of(reply->str, reply->len);
}

/* The server's time, which leases are measured by. Below 0: no answer. */
static double server_ms(struct run *r)
{
    redisReply *time = ask(r, "TIME");
    double ms = -1;

    if (time && time->type == REDIS_REPLY_ARRAY && time->elements == 2)
        ms = strtod(time->element[0]->str, NULL) * 1e3 + strtod(time->element[1]->str, NULL) / 1e3;
    if (time)
        freeReplyObject(time);
    return ms;
}

static uint32_t count_topics(struct run *r, const char *life)
{
    redisReply *reply = ask(r, "SCARD %stopics:%s", r->config->redis_prefix, life);
    uint32_t n = reply && reply->type == REDIS_REPLY_INTEGER ? (uint32_t)reply->integer : 0;

    if (reply)
        freeReplyObject(reply);
    return n;
}

/* status */

static void put_life(struct run *r, const redisReply *life, double left_ms, bool ending)
{
    buf_printf(&r->out, "%-16.*s ", (int)life->len, life->str);
    if (ending)
        buf_put(&r->out, B("being removed"));
    else if (left_ms < 0)
        buf_printf(&r->out, "over %6.1f s", -left_ms / 1e3);
    else
        buf_printf(&r->out, "%11.1f s", left_ms / 1e3);
    buf_printf(&r->out, " %8u\n", count_topics(r, life->str));
}

static bool put_lives(struct run *r)
{
    redisReply *leases = ask(r, "ZRANGE %sleases 0 -1 WITHSCORES", r->config->redis_prefix);
    double now = server_ms(r);

    if (!leases || now < 0) {
        if (leases)
            freeReplyObject(leases);
        return false;
    }
    buf_put(&r->out, B("life                lease left   topics\n"));
    for (size_t i = 0; i + 1 < leases->elements; i += 2) {
        double score = strtod(leases->element[i + 1]->str, NULL);
        put_life(r, leases->element[i], score - now, score <= 0);
    }
    buf_printf(&r->out, "%zu nodes\n", leases->elements / 2);
    freeReplyObject(leases);
    return true;
}

/* The figures of a node's /metrics that belong to the cluster. */
static bool put_node(struct run *r, const char *node)
{
    static const char *const names[] = {"degraded", "followed", "share_writes_total",
                                        "share_gaps_total", "share_repairs_total"};
    struct buf body, error;

    buf_init(&body, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    bool good = fetch(node, B("/metrics"), TIMEOUT_MS, &body, &error);
    buf_printf(&r->out, "%s", node);
    if (good) {
        buf_put_char(&body, '\0');
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            char line[64];
            snprintf(line, sizeof(line), "\nrollcall_%s ", names[i]);
            const char *at = strstr(body.ptr, line);
            buf_printf(&r->out, "%s %s %lld", i ? "," : ":", names[i],
                       at ? strtoll(at + strlen(line), NULL, 10) : 0);
        }
        buf_put_char(&r->out, '\n');
    } else {
        buf_printf(&r->out, ": %.*s\n", (int)error.len, error.ptr);
    }
    buf_release(&body);
    buf_release(&error);
    return good;
}

static int status(struct run *r)
{
    struct timespec before, after;
    bool good = true;

    clock_gettime(CLOCK_MONOTONIC, &before);
    if (server_ms(r) < 0)
        return COMMAND_FAILED;
    clock_gettime(CLOCK_MONOTONIC, &after);
    buf_printf(&r->out, "redis answers in %.1f ms\n",
               (double)(after.tv_sec - before.tv_sec) * 1e3 +
                   (double)(after.tv_nsec - before.tv_nsec) / 1e6);
    if (!put_lives(r))
        return COMMAND_FAILED;
    for (size_t i = 0; i < r->nodes_len; i++)
        good &= put_node(r, r->nodes[i]);
    return good ? COMMAND_DONE : COMMAND_FAILED;
}

/* verify */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts texts and returns how many distinct ones there are, which are then the first; the others
 * are freed. */
static size_t make_distinct(char **texts, size_t len)
{
    size_t kept = 0;

    if (len)
        qsort(texts, len, sizeof(*texts), by_text);
    for (size_t i = 0; i < len; i++) {
        if (kept && strcmp(texts[i], texts[kept - 1]) == 0)
            heap_free(texts[i]);
        else
            texts[kept++] = texts[i];
    }
    return kept;
}

/* Texts that were gathered, each owned. */
struct texts {
    char **list;
    size_t len, cap;
};

static void texts_add(struct texts *t, struct bytes text)
{
    if (t->len == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->list = heap_realloc(t->list, t->cap * sizeof(*t->list));
    }
    t->list[t->len++] = bytes_copy(text);
}

static void texts_release(struct texts *t)
{
    for (size_t i = 0; i < t->len; i++)
        heap_free(t->list[i]);
    heap_free(t->list);
}

/* Adds the keys of a life's share to `keys`, one per presence. */
static bool read_share(struct run *r, const char *life, const char *topic, struct texts *keys)
{
    redisReply *share = ask(r, "HGETALL %sshare:%s:%s", r->config->redis_prefix, life, topic);
    struct share_entry e;
    void *json;

    if (!share)
        return false;
    for (size_t i = 0; i + 1 < share->elements; i += 2) {
        if (!share_entry_parse(&e, text_of(share->element[i]), text_of(share->element[i + 1]),
                               &json))
            continue;
        texts_add(keys, e.key);
        share_entry_release(&e, json);
    }
    freeReplyObject(share);
    return true;
}

/* What the shares of a topic come to. */
static bool read_topic(struct run *r, const char *topic, struct numbers *out)
{
    redisReply *lives = ask(r, "HKEYS %stopic:%s", r->config->redis_prefix, topic);
    struct texts keys = {0};
    bool good = lives != NULL;

    for (size_t i = 0; good && i < lives->elements; i++)
        good = read_share(r, lives->element[i]->str, topic, &keys);
    out->viewers = (uint32_t)keys.len;
    keys.len = make_distinct(keys.list, keys.len);
    out->people = (uint32_t)keys.len;
    texts_release(&keys);
    if (lives)
        freeReplyObject(lives);
    return good;
}

static void put_encoded(struct buf *out, struct bytes text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";

    for (size_t i = 0; i < text.len; i++) {
        if (memchr(plain, text.ptr[i], sizeof(plain) - 1))
            buf_put_char(out, text.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
    }
}

/* What a node says of a topic. */
static bool ask_node(const char *node, const char *topic, struct numbers *out)
{
    struct buf path, body, error;

    buf_init(&path, BUF_UNBOUNDED);
    buf_init(&body, BUF_UNBOUNDED);
    buf_init(&error, BUF_UNBOUNDED);
    buf_put(&path, B("/api/v1/topics/"));
    put_encoded(&path, bytes_str(topic));
    bool good = fetch(node, buf_bytes(&path), TIMEOUT_MS, &body, &error);
    if (good) {
        json_t *json = json_loadb(body.ptr, body.len, 0, NULL);
        out->viewers = (uint32_t)json_integer_value(json_object_get(json, "viewers"));
        out->people = (uint32_t)json_integer_value(json_object_get(json, "people"));
        json_decref(json);
    } else {
        fprintf(stderr, "rollcall cluster: %s: %.*s\n", node, (int)error.len, error.ptr);
    }
    buf_release(&path);
    buf_release(&body);
    buf_release(&error);
    return good;
}

enum verdict { SAME, DIFFERENT, UNKNOWN };

/* One look at a topic, on a difference with a line about it in `line`. */
static enum verdict compare(struct run *r, const char *topic, struct buf *line)
{
    struct numbers redis, node;
    enum verdict verdict = SAME;

    buf_clear(line);
    if (!read_topic(r, topic, &redis))
        return UNKNOWN;
    buf_printf(line, "%s: in Redis %u viewers, %u people", topic, redis.viewers, redis.people);
    for (size_t i = 0; i < r->nodes_len; i++) {
        if (!ask_node(r->nodes[i], topic, &node))
            return UNKNOWN;
        if (node.viewers == redis.viewers && node.people == redis.people)
            continue;
        buf_printf(line, "; %s says %u, %u", r->nodes[i], node.viewers, node.people);
        verdict = DIFFERENT;
    }
    buf_put_char(line, '\n');
    return verdict;
}

static enum verdict verify_topic(struct run *r, const char *topic)
{
    const struct timespec pause = {.tv_nsec = LOOK_PAUSE_MS * 1000000L};
    enum verdict verdict = DIFFERENT;
    struct buf line;

    buf_init(&line, BUF_UNBOUNDED);
    for (int looks = LOOKS; looks && verdict == DIFFERENT; looks--) {
        verdict = compare(r, topic, &line);
        if (verdict == DIFFERENT && looks > 1)
            nanosleep(&pause, NULL);
    }
    if (verdict == DIFFERENT)
        buf_put(&r->out, buf_bytes(&line));
    buf_release(&line);
    return verdict;
}

/* Every topic that somebody has a share of. */
static bool list_topics(struct run *r, struct texts *topics)
{
    const char *prefix = r->config->redis_prefix;
    size_t skip = strlen(prefix) + strlen("topic:");
    char cursor[32] = "0", pattern[160], *at = pattern;

    for (const char *c = prefix; *c; c++) { /* the prefix may have characters of patterns */
        if (strchr("*?[]\\", *c))
            *at++ = '\\';
        *at++ = *c;
    }
    snprintf(at, sizeof(pattern) - (size_t)(at - pattern), "topic:*");
    do {
        redisReply *page = ask(r, "SCAN %s MATCH %s COUNT 1000", cursor, pattern);
        if (!page)
            return false;
        snprintf(cursor, sizeof(cursor), "%s", page->element[0]->str);
        for (size_t i = 0; i < page->element[1]->elements; i++)
            texts_add(topics, bytes_skip(text_of(page->element[1]->element[i]), skip));
        freeReplyObject(page);
    } while (strcmp(cursor, "0") != 0);
    topics->len = make_distinct(topics->list, topics->len);
    return true;
}

static int verify(struct run *r)
{
    struct texts topics = {0};
    size_t different = 0;
    bool good = list_topics(r, &topics);

    for (size_t i = 0; good && i < topics.len; i++) {
        enum verdict verdict = verify_topic(r, topics.list[i]);
        different += verdict == DIFFERENT;
        good = verdict != UNKNOWN;
    }
    if (good)
        buf_printf(&r->out, "%zu topics, %zu nodes: %zu differences\n", topics.len, r->nodes_len,
                   different);
    texts_release(&topics);
    return good && different == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

/* The command line. */

static bool read_line(struct command_line *line, struct run *r)
{
    const struct command_option *option;
    const char *value;

    for (;;) {
        switch (command_next(line, &option, &value)) {
        case COMMAND_OPTION:
            if (strcmp(option->name, "--node") != 0) {
                if (!command_configure(r->config, option, value))
                    return false;
            } else if (r->nodes_len == NODES_MAX) {
                command_misused(line, "--node: allowed: %d of them", NODES_MAX);
                return false;
            } else {
                r->nodes[r->nodes_len++] = value;
            }
            break;
        case COMMAND_OPERAND:
            if (r->what || (strcmp(value, "status") != 0 && strcmp(value, "verify") != 0)) {
                command_misused(line, "found \"%s\", allowed: status or verify", value);
                return false;
            }
            r->what = value;
            break;
        case COMMAND_BAD:
            return false;
        case COMMAND_END:
            return true;
        }
    }
}

static bool is_complete(struct command_line *line, const struct run *r)
{
    if (!r->what)
        command_misused(line, "found no word, allowed: status or verify");
    else if (!r->config->redis)
        command_misused(line, "found no address, allowed: --redis URL or --config FILE");
    else if (strcmp(r->what, "verify") == 0 && r->nodes_len == 0)
        command_misused(line, "found no node, allowed: --node URL for each");
    else
        return true;
    return false;
}

static int connect_and_run(struct command_line *line, struct run *r)
{
    struct redis_address address;
    struct buf error;
    int result = COMMAND_FAILED;

    buf_init(&error, BUF_UNBOUNDED);
    if (!clustering_address(r->config, &address, &error)) {
        result = command_misused(line, "redis: %.*s", (int)error.len, error.ptr);
        buf_release(&error);
        return result;
    }
    r->redis = redis_sync_open(&address, TIMEOUT_MS, &error);
    if (r->redis) {
        result = strcmp(r->what, "status") == 0 ? status(r) : verify(r);
        redisFree(r->redis);
        if (r->out.len && command_print(&r->out) != COMMAND_DONE)
            result = COMMAND_FAILED;
    } else {
        fprintf(stderr, "rollcall cluster: redis: %.*s\n", (int)error.len, error.ptr);
    }
    buf_release(&error);
    redis_url_release(&address);
    return result;
}

static int run(struct command_line *line)
{
    struct run r = {.config = config_new()};
    int result = COMMAND_MISUSED;

    buf_init(&r.out, BUF_UNBOUNDED);
    if (read_line(line, &r) && is_complete(line, &r))
        result = connect_and_run(line, &r);
    buf_release(&r.out);
    config_free(r.config);
    return result;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    {"--redis", "URL", "redis", "Where the nodes meet."},
    {"--redis-password-file", "FILE", "redis_password_file", "A file with the password."},
    {"--redis-prefix", "TEXT", "redis_prefix", "What every key begins with."},
    {"--node", "URL", NULL, "A node, as http://HOST:PORT; may be given several times."},
};

const struct command cmd_cluster = {
    .name = "cluster",
    .operands = "status|verify",
    .summary = "look at a cluster, or check its numbers",
    .text =
        "status prints the nodes' lives, how long their leases last and how many topics each has; "
        "and what each --node says of itself. verify adds up the shares of every topic in Redis, "
        "asks each --node for the same, and exits with 1 if one differs for longer than 1.5 s.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = run,
};
