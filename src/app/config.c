/* SPDX-License-Identifier: MIT */
#include "app/config.h"

#include <sched.h>

#include "app/config_build.h"
#include "app/config_key.h"
#include "app/config_value.h"
#include "app/read_file.h"
#include "app/redis_url.h"
#include "app/route_template.h"
#include "base/heap.h"
#include "core/pattern.h"

enum { KEY_FILE_BYTES_MAX = 64 * 1024, SECRET_BYTES_GOOD = 16 };

/* Making and changing. */

/* Where the field of `key` is. */
static void *base_of(struct config *c, const struct config_key *key)
{
    return key->in_topics ? (void *)&c->topic : (void *)c;
}

/* Those that this process may use, as taskset(1) and containers say. */
static uint32_t cpu_count(void)
{
    cpu_set_t allowed;
    int n = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;

    return n < 1 ? 1 : n > 256 ? 256 : (uint32_t)n;
}

struct config *config_new(void)
{
    struct config *c = heap_zalloc(1, sizeof(*c));
    size_t count;
    const struct config_key *keys = config_keys(&count);

    c->origins = heap_zalloc(count, sizeof(*c->origins));
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type != TYPE_HEADING && keys[i].default_text) {
            bool ok =
                config_key_set(&keys[i], base_of(c, &keys[i]), bytes_str(keys[i].default_text));
            assert(ok);
        }
    }
    c->workers = cpu_count();
    return c;
}

void config_settings_release(struct topic_settings *settings)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (keys[i].in_topics)
            config_key_clear(&keys[i], settings);
    }
}

void config_free(struct config *c)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    if (!c)
        return;
    for (size_t i = 0; i < count; i++)
        config_key_clear(&keys[i], base_of(c, &keys[i]));
    for (size_t i = 0; i < c->topic_count; i++) {
        heap_free((char *)c->topics[i].pattern.ptr);
        config_settings_release(&c->topics[i].settings);
    }
    for (size_t i = 0; i < c->route_count; i++)
        route_template_free(c->routes[i].template);
    heap_free((char *)c->jwt_key.ptr);
    heap_free(c->topics);
    heap_free(c->routes);
    heap_free(c->origins);
    heap_free(c->file);
    heap_free(c);
}

uint64_t config_key_bit(const struct config_key *key)
{
    size_t index = config_key_index(key);

    assert(index < 64);
    return UINT64_C(1) << index;
}

bool config_put_place(struct buf *error, const struct config_origin *origin, struct bytes name)
{
    struct bytes where = bytes_str(origin->where);

    buf_put(error, where);
    if (origin->source == CONFIG_FILE)
        buf_printf(error, ":%u", origin->line);
    /* Other flags than --set, and the variable, are names for their key. */
    if (name.len > 0 && (origin->source == CONFIG_FILE || bytes_equal(where, B("--set")))) {
        buf_put(error, origin->source == CONFIG_FILE ? B(": ") : B(" "));
        buf_put(error, name);
    }
    buf_put(error, B(": "));
    return false;
}

bool config_put_unknown(struct buf *error, const struct config_origin *origin, struct bytes name,
                        enum config_scope scope)
{
    const struct config_key *nearest = config_key_nearest(name, scope == CONFIG_IN_TOPIC);
    const struct config_key *key = config_key_find(name);

    config_put_place(error, origin, bytes_of(NULL, 0));
    buf_put(error, B("found the unknown key "));
    config_put_quoted(error, name);
    buf_put(error, B(", allowed"));
    if (scope == CONFIG_IN_ROUTE)
        buf_put(error, B(" in a route: topic = \"TOPIC\""));
    else if (scope == CONFIG_IN_TOPIC && key)
        buf_put(error, B(": this key outside of topic sections only"));
    else if (scope == CONFIG_IN_PAIR &&
             (bytes_equal(name, B("topic")) || bytes_equal(name, B("route"))))
        buf_put(error, B(": sections in a file only"));
    else if (nearest)
        buf_printf(error, ": %s, perhaps", nearest->name);
    else
        buf_put(error, B(": the keys that \"rollcall serve --help\" lists"));
    return false;
}

bool config_set(struct config *c, struct config_origin origin, struct bytes name,
                struct bytes value, struct buf *error)
{
    const struct config_key *key = config_key_find(name);
    struct config_origin *old;
    void *base;

    assert(!c->finished);
    if (!key)
        return config_put_unknown(error, &origin, name, CONFIG_IN_PAIR);
    base = base_of(c, key);
    old = &c->origins[config_key_index(key)];
    if (old->source > origin.source) {
        /* It does not count, but a mistake in it is still one. */
        struct config *scratch = config_new();
        bool ok = config_key_set(key, base_of(scratch, key), value);
        config_free(scratch);
        if (ok)
            return true;
    } else {
        if (key->type == TYPE_LISTEN && old->source < origin.source)
            config_key_clear(key, base);
        if (config_key_set(key, base, value)) {
            *old = origin;
            return true;
        }
    }
    config_put_place(error, &origin, name);
    config_key_put_refusal(error, key, value);
    return false;
}

bool config_set_pair(struct config *c, struct bytes pair, struct buf *error)
{
    struct config_origin origin = {CONFIG_FLAG, "--set", 0};
    size_t equal = bytes_find(pair, '=');

    if (equal == pair.len) {
        buf_put(error, B("--set: found "));
        config_put_quoted(error, pair);
        buf_put(error, B(", allowed: key=value"));
        return false;
    }
    return config_set(c, origin, bytes_of(pair.ptr, equal), bytes_skip(pair, equal + 1), error);
}

void config_add_topic(struct config *c, struct bytes pattern, unsigned line, uint64_t set,
                      const struct topic_settings *settings)
{
    c->topics = heap_realloc(c->topics, (c->topic_count + 1) * sizeof(*c->topics));
    c->topics[c->topic_count++] =
        (struct config_topic){bytes_of(bytes_copy(pattern), pattern.len), line, set, *settings};
}

void config_add_route(struct config *c, struct route_template *template)
{
    c->routes = heap_realloc(c->routes, (c->route_count + 1) * sizeof(*c->routes));
    c->routes[c->route_count++] = (struct config_route){template};
}

/* Finishing. */

static const struct config_origin *origin_of(const struct config *c, const char *name)
{
    return &c->origins[config_key_index(config_key_find(bytes_str(name)))];
}

/* Begins an error about the key `name`, wherever its value came from. */
static bool put_place(const struct config *c, const char *name, struct buf *error)
{
    const struct config_origin *origin = origin_of(c, name);

    if (origin->source == CONFIG_DEFAULT)
        buf_printf(error, "%s: ", name);
    else
        config_put_place(error, origin, bytes_str(name));
    return false;
}

static const char *const key_names[] = {"jwt_secret", "jwt_secret_file", "jwt_public_key_file"};

/* Of the three ways to give a key, the one of the greatest source counts; NULL: none. `*ok` is
 * false, with the error, if that is not one. */
static const char *chosen_key(const struct config *c, bool *ok, struct buf *error)
{
    const char *chosen = NULL;
    enum config_source source = CONFIG_DEFAULT;

    *ok = true;
    for (size_t i = 0; i < ARRAY_LEN(key_names); i++) {
        const struct config_origin *origin = origin_of(c, key_names[i]);
        if (origin->source > source) {
            source = origin->source;
            chosen = key_names[i];
            *ok = true;
        } else if (chosen && origin->source == source) {
            *ok = false;
        }
    }
    if (!*ok) {
        put_place(c, chosen, error);
        buf_put(error, B("found another key beside it, allowed: one of jwt_secret, jwt_secret_file "
                         "and jwt_public_key_file"));
    }
    return chosen;
}

static bool read_key_file(struct config *c, const char *name, struct buf *error,
                          struct buf *warnings)
{
    bool is_secret = bytes_equal(bytes_str(name), B("jwt_secret_file"));
    const char *path = is_secret ? c->jwt_secret_file : c->jwt_public_key_file;
    bool world_readable = false, ok;
    struct buf text;
    size_t len;

    buf_init(&text, KEY_FILE_BYTES_MAX);
    put_place(c, name, error);
    buf_printf(error, "%s ", path);
    ok = read_file(path, &text, &world_readable, error);
    len = text.len;
    if (is_secret && len > 0 && text.ptr[len - 1] == '\n')
        len -= len > 1 && text.ptr[len - 2] == '\r' ? 2 : 1;
    if (ok && len == 0) {
        buf_put(error, B("is empty"));
        ok = false;
    }
    if (ok) {
        buf_clear(error);
        c->jwt_key = bytes_of(bytes_copy(bytes_of(text.ptr, len)), len);
        if (is_secret && world_readable)
            buf_printf(warnings, "%s can be read by everybody on this machine: chmod 600 %s\n",
                       path, path);
    }
    buf_release(&text);
    return ok;
}

static bool is_public_algorithm(enum jwt_algorithm algorithm)
{
    return algorithm == JWT_RS256 || algorithm == JWT_ES256;
}

static void warn_of_secret(const struct config *c, const char *name, struct buf *warnings)
{
    const struct config_origin *origin = origin_of(c, name);

    if (c->jwt_key.len < SECRET_BYTES_GOOD) {
        put_place(c, name, warnings);
        buf_printf(warnings, "the secret has %zu bytes and can be guessed: take %d or more\n",
                   c->jwt_key.len, SECRET_BYTES_GOOD);
    }
    if (c->file_world_readable && bytes_equal(bytes_str(name), B("jwt_secret")) &&
        origin->source == CONFIG_FILE)
        buf_printf(warnings,
                   "%s holds a secret and can be read by everybody on this machine: "
                   "chmod 600 %s\n",
                   c->file, c->file);
}

static bool finish_key(struct config *c, struct buf *error, struct buf *warnings)
{
    bool ok;
    const char *name = chosen_key(c, &ok, error);
    bool is_public;

    if (!ok || !name)
        return ok;
    is_public = bytes_equal(bytes_str(name), B("jwt_public_key_file"));
    if (is_public != is_public_algorithm(c->jwt_algorithm)) {
        put_place(c, "jwt_algorithm", error);
        buf_printf(error, "found %s, allowed with %s: %s", jwt_algorithm_name(c->jwt_algorithm),
                   name, is_public ? "RS256 or ES256" : "HS256, HS384 or HS512");
        return false;
    }
    if (bytes_equal(bytes_str(name), B("jwt_secret")))
        c->jwt_key = bytes_of(bytes_copy(bytes_str(c->jwt_secret)), strlen(c->jwt_secret));
    else if (!read_key_file(c, name, error, warnings))
        return false;
    if (!is_public)
        warn_of_secret(c, name, warnings);
    return true;
}

static bool finish_anonymous(struct config *c, struct buf *error)
{
    bool has_key = c->jwt_key.len > 0;

    if (origin_of(c, "anonymous")->source == CONFIG_DEFAULT) {
        c->anonymous = !has_key;
    } else if (!c->anonymous && !has_key) {
        put_place(c, "anonymous", error);
        buf_put(error,
                B("found false without a jwt key, so that nobody could come in, allowed: true, "
                  "or a key"));
        return false;
    }
    return true;
}

/* Does every topic that matches `later` match `earlier`? */
static bool covers(struct bytes earlier, struct bytes later)
{
    bool later_is_prefix = later.ptr[later.len - 1] == '*';

    if (later_is_prefix && earlier.ptr[earlier.len - 1] != '*')
        return false;
    return pattern_match(earlier, bytes_of(later.ptr, later.len - later_is_prefix));
}

static void warn_of_covered(const struct config *c, size_t later, struct buf *warnings)
{
    const struct config_topic *t = &c->topics[later];

    for (size_t i = 0; i < later; i++) {
        if (!covers(c->topics[i].pattern, t->pattern))
            continue;
        buf_printf(warnings, "%s:%u: topic ", c->file, t->line);
        config_put_quoted(warnings, t->pattern);
        buf_printf(warnings, " is never used, since the one in line %u matches first\n",
                   c->topics[i].line);
        return;
    }
}

/* The sections inherit what they do not set. */
static bool finish_topics(struct config *c, struct buf *error, struct buf *warnings)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    for (size_t i = 0; i <= c->topic_count; i++) {
        const struct topic_settings *s = i < c->topic_count ? &c->topics[i].settings : &c->topic;
        if (s->key.len > c->key_bytes_max) {
            if (i < c->topic_count)
                buf_printf(error, "%s:%u: key: ", c->file, c->topics[i].line);
            else
                put_place(c, "key", error);
            buf_printf(error,
                       "found a text of %zu bytes, allowed: at most key_bytes_max, which is %zu",
                       s->key.len, c->key_bytes_max);
            return false;
        }
    }
    for (size_t i = 0; i < c->topic_count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (keys[k].in_topics && !(c->topics[i].set & config_key_bit(&keys[k])))
                config_key_copy(&keys[k], &c->topics[i].settings, &c->topic);
        }
        warn_of_covered(c, i, warnings);
    }
    return true;
}

static void add_default_route(struct config *c)
{
    struct buf error;
    bool bad_topic;

    buf_init(&error, BUF_UNBOUNDED);
    struct route_template *t = route_template_new(B("/ws/posts/{post_id:int}/live"),
                                                  B("post:{post_id}"), &bad_topic, &error);
    assert(t);
    config_add_route(c, t);
    buf_release(&error);
}

static bool finish_redis(struct config *c, struct buf *error)
{
    struct redis_address address;
    struct buf allowed;
    bool good = true;

    if (!c->redis)
        return true;
    buf_init(&allowed, BUF_UNBOUNDED);
    good = redis_url_parse(c->redis, &address, &allowed);
    if (good) {
        redis_url_release(&address);
    } else {
        /* It may hold a password, so it is not repeated. */
        put_place(c, "redis", error);
        buf_printf(error, "found another kind of address, %.*s", (int)allowed.len, allowed.ptr);
    }
    buf_release(&allowed);
    return good;
}

bool config_finish(struct config *c, struct buf *error, struct buf *warnings)
{
    assert(!c->finished);
    if (bytes_equal(bytes_str(c->phoenix_path), bytes_str(c->native_path))) {
        put_place(c, "native_path", error);
        buf_put(error, B("found the same as phoenix_path, allowed: another path"));
        return false;
    }
    if (!finish_redis(c, error))
        return false;
    if (!finish_key(c, error, warnings) || !finish_anonymous(c, error) ||
        !finish_topics(c, error, warnings))
        return false;
    if (c->route_count == 0)
        add_default_route(c);
    c->finished = true;
    return true;
}

/* Looking up. */

const struct topic_settings *config_topic_settings(const struct config *c, struct bytes topic)
{
    assert(c->finished);
    for (size_t i = 0; i < c->topic_count; i++) {
        if (pattern_match(c->topics[i].pattern, topic))
            return &c->topics[i].settings;
    }
    return &c->topic;
}

enum route_result config_route(const struct config *c, struct bytes path, struct route_match *out)
{
    enum route_result worst = ROUTE_NONE;

    assert(c->finished);
    for (size_t i = 0; i < c->route_count; i++) {
        enum route_result result =
            route_template_match(c->routes[i].template, path, c->topic_bytes_max, out);
        if (result == ROUTE_OK)
            return ROUTE_OK;
        if (result == ROUTE_BAD_PARAMETER)
            worst = ROUTE_BAD_PARAMETER;
    }
    return worst;
}
