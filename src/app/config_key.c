/* SPDX-License-Identifier: MIT */
#include "app/config_key.h"

#include <stdio.h>

#include "app/config.h"
#include "app/config_value.h"
#include "base/heap.h"
#include "base/log.h"
#include "core/settings.h"

enum { SHOWN_BYTES_MAX = 80, NAME_BYTES_MAX = 48 };

/* The C type of a field of each type of the table. */
#define C_LISTEN struct config_listen *
#define C_COUNT uint32_t
#define C_DURATION uint32_t
#define C_SIZE size_t
#define C_BOOL bool
#define C_OPEN_BOOL bool
#define C_TEXT const char *
#define C_SECRET const char *
#define C_PATH const char *
#define C_KEY struct bytes
#define C_LOG_LEVEL enum log_level
#define C_ALGORITHM enum jwt_algorithm
#define C_PRESENCE enum presence_mode
#define C_CLUSTER_START enum cluster_start

#define FIELD_IS(owner, type, field)                                                               \
    _Static_assert(_Generic(((owner *)0)->field, C_##type : 1, default : 0), #field)
#define CONFIG_GROUP(title)
#define CONFIG_KEY(n, type, field, def, lo, hi, unit, help) FIELD_IS(struct config, type, field);
#define CONFIG_TOPIC_KEY(n, type, field, def, lo, hi, unit, help)                                  \
    FIELD_IS(struct topic_settings, type, field);
#include "app/config.def"
#undef CONFIG_GROUP
#undef CONFIG_KEY
#undef CONFIG_TOPIC_KEY

#define CONFIG_GROUP(title) {title, TYPE_HEADING, false, 0, NULL, 0, 0, NULL, NULL},
#define CONFIG_KEY(n, type, field, def, lo, hi, unit, help)                                        \
    {#n, TYPE_##type, false, offsetof(struct config, field), def, lo, hi, unit, help},
#define CONFIG_TOPIC_KEY(n, type, field, def, lo, hi, unit, help)                                  \
    {#n, TYPE_##type, true, offsetof(struct topic_settings, field), def, lo, hi, unit, help},
static const struct config_key table[] = {
#include "app/config.def"
};
#undef CONFIG_GROUP
#undef CONFIG_KEY
#undef CONFIG_TOPIC_KEY

static const char *const log_levels[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
static const char *const algorithms[] = {[JWT_HS256] = "HS256",
                                         [JWT_HS384] = "HS384",
                                         [JWT_HS512] = "HS512",
                                         [JWT_RS256] = "RS256",
                                         [JWT_ES256] = "ES256"};
static const char *const presences[] = {[PRESENCE_LIST] = "list", [PRESENCE_COUNT] = "count"};
static const char *const cluster_starts[] = {[CLUSTER_WAIT] = "wait", [CLUSTER_REFUSE] = "refuse"};

const struct config_key *config_keys(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

size_t config_key_index(const struct config_key *key)
{
    assert(key >= table && key < table + ARRAY_LEN(table));
    return (size_t)(key - table);
}

const struct config_key *config_key_find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].type != TYPE_HEADING && bytes_equal(name, bytes_str(table[i].name)))
            return &table[i];
    }
    return NULL;
}

/* How many characters to insert, delete or replace to make `b` from `a` (Levenshtein); neither is
 * longer than NAME_BYTES_MAX. */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

const struct config_key *config_key_nearest(struct bytes name, bool in_topics)
{
    const struct config_key *nearest = NULL;
    size_t nearest_distance = 2 + name.len / 5; /* farther is another word */

    if (name.len > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct bytes other = bytes_str(table[i].name);
        if (table[i].type == TYPE_HEADING || (in_topics && !table[i].in_topics) ||
            other.len > NAME_BYTES_MAX)
            continue;
        size_t d = distance(name, other);
        if (d <= nearest_distance) {
            nearest = &table[i];
            nearest_distance = d - (d > 0); /* of equals the first */
        }
    }
    return nearest;
}

/* Fields. */

static bool within(const struct config_key *key, uint64_t n)
{
    return n >= key->min && n <= key->max;
}

static bool number_of(const struct config_key *key, struct bytes value, uint64_t *n)
{
    switch (key->type) {
    case TYPE_COUNT:
        return value_count(value, n);
    case TYPE_DURATION:
        return value_duration(value, n);
    case TYPE_SIZE:
        return value_size(value, n);
    default:
        return false;
    }
}

static bool set_number(const struct config_key *key, void *field, struct bytes value)
{
    uint64_t n;

    if (!number_of(key, value, &n) || !within(key, n))
        return false;
    if (key->type == TYPE_SIZE)
        *(size_t *)field = (size_t)n;
    else
        *(uint32_t *)field = (uint32_t)n; /* every max of the table is below 2^32 */
    return true;
}

static bool is_path(struct bytes value)
{
    if (value.len < 2 || value.ptr[0] != '/' || value.ptr[value.len - 1] == '/')
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"#%<>?[\\]^`{|}", c) ||
            (c == '/' && value.ptr[i + 1] == '/'))
            return false;
    }
    return true;
}

static bool text_is_allowed(const struct config_key *key, struct bytes value)
{
    if (!within(key, value.len))
        return false;
    switch (key->type) {
    case TYPE_PATH:
        return is_path(value);
    case TYPE_KEY:
        /* Keys that begin with '~' are those of visitors. */
        return value_is_clean_text(value) && !bytes_starts(value, B("~"));
    case TYPE_SECRET:
        return bytes_find(value, '\0') == value.len;
    default:
        return value_is_clean_text(value);
    }
}

static bool set_text(const struct config_key *key, void *field, struct bytes value)
{
    if (!text_is_allowed(key, value))
        return false;
    if (key->type == TYPE_KEY) {
        struct bytes *bytes = field;
        char *old = (char *)bytes->ptr;
        *bytes = value.len > 0 ? bytes_of(bytes_copy(value), value.len) : bytes_of(NULL, 0);
        heap_free(old);
    } else {
        const char **text = field;
        char *old = (char *)*text;
        *text = bytes_copy(value);
        heap_free(old);
    }
    return true;
}

/* The names that a value of a choice may have. */
static const char *const *choices(const struct config_key *key, size_t *count)
{
    switch (key->type) {
    case TYPE_LOG_LEVEL:
        *count = ARRAY_LEN(log_levels);
        return log_levels;
    case TYPE_ALGORITHM:
        *count = ARRAY_LEN(algorithms);
        return algorithms;
    case TYPE_CLUSTER_START:
        *count = ARRAY_LEN(cluster_starts);
        return cluster_starts;
    default:
        assert(key->type == TYPE_PRESENCE);
        *count = ARRAY_LEN(presences);
        return presences;
    }
}

static bool set_choice(const struct config_key *key, void *field, struct bytes value)
{
    size_t count, index;
    const char *const *names = choices(key, &count);

    if (!value_choice(value, names, count, &index))
        return false;
    if (key->type == TYPE_LOG_LEVEL)
        *(enum log_level *)field = (enum log_level)index;
    else if (key->type == TYPE_ALGORITHM)
        *(enum jwt_algorithm *)field = (enum jwt_algorithm)index;
    else if (key->type == TYPE_CLUSTER_START)
        *(enum cluster_start *)field = (enum cluster_start)index;
    else
        *(enum presence_mode *)field = (enum presence_mode)index;
    return true;
}

static bool add_listen(struct config *c, struct bytes value)
{
    struct bytes host;
    uint16_t port;

    if (!value_listen(value, &host, &port))
        return false;
    c->listen = heap_realloc(c->listen, (c->listen_count + 1) * sizeof(*c->listen));
    c->listen[c->listen_count++] = (struct config_listen){bytes_copy(host), port};
    return true;
}

static void clear_listen(struct config *c)
{
    for (size_t i = 0; i < c->listen_count; i++)
        heap_free(c->listen[i].host);
    heap_free(c->listen);
    c->listen = NULL;
    c->listen_count = 0;
}

bool config_key_set(const struct config_key *key, void *base, struct bytes value)
{
    void *field = (char *)base + key->offset;

    switch (key->type) {
    case TYPE_LISTEN:
        return add_listen(base, value);
    case TYPE_COUNT:
    case TYPE_DURATION:
    case TYPE_SIZE:
        return set_number(key, field, value);
    case TYPE_BOOL:
    case TYPE_OPEN_BOOL:
        return value_bool(value, field);
    case TYPE_TEXT:
    case TYPE_SECRET:
    case TYPE_PATH:
    case TYPE_KEY:
        return set_text(key, field, value);
    case TYPE_LOG_LEVEL:
    case TYPE_ALGORITHM:
    case TYPE_PRESENCE:
    case TYPE_CLUSTER_START:
        return set_choice(key, field, value);
    case TYPE_HEADING:
        break;
    }
    assert(key->type != TYPE_HEADING);
    return false;
}

void config_key_clear(const struct config_key *key, void *base)
{
    void *field = (char *)base + key->offset;

    switch (key->type) {
    case TYPE_LISTEN:
        clear_listen(base);
        break;
    case TYPE_TEXT:
    case TYPE_SECRET:
    case TYPE_PATH:
        heap_free((char *)*(const char **)field);
        *(const char **)field = NULL;
        break;
    case TYPE_KEY:
        heap_free((char *)((struct bytes *)field)->ptr);
        *(struct bytes *)field = bytes_of(NULL, 0);
        break;
    default:
        break; /* owns nothing */
    }
}

void config_key_copy(const struct config_key *key, void *to, const void *from)
{
    const void *field = (const char *)from + key->offset;
    void *copy = (char *)to + key->offset;

    assert(key->in_topics);
    switch (key->type) {
    case TYPE_KEY:
        config_key_clear(key, to);
        if (((const struct bytes *)field)->len > 0)
            *(struct bytes *)copy = bytes_of(bytes_copy(*(const struct bytes *)field),
                                             ((const struct bytes *)field)->len);
        break;
    case TYPE_BOOL:
        *(bool *)copy = *(const bool *)field;
        break;
    case TYPE_PRESENCE:
        *(enum presence_mode *)copy = *(const enum presence_mode *)field;
        break;
    default:
        assert(key->type == TYPE_COUNT || key->type == TYPE_DURATION);
        *(uint32_t *)copy = *(const uint32_t *)field;
    }
}

/* Texts for readers. */

static void put_choices(struct buf *out, const struct config_key *key)
{
    size_t count;
    const char *const *names = choices(key, &count);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put(out, i + 1 == count ? B(" or ") : B(", "));
        buf_put(out, bytes_str(names[i]));
    }
}

void config_key_put_allowed(struct buf *out, const struct config_key *key)
{
    switch (key->type) {
    case TYPE_LISTEN:
        buf_put(out, B("HOST:PORT such as 127.0.0.1:8080 or [::1]:8080"));
        break;
    case TYPE_COUNT:
        buf_printf(out, "a whole number from %ju to %ju", (uintmax_t)key->min, (uintmax_t)key->max);
        break;
    case TYPE_DURATION:
        buf_put(out, B("a duration from "));
        value_put_duration(out, key->min);
        buf_put(out, B(" to "));
        value_put_duration(out, key->max);
        buf_put(out, B(" such as 250ms, 2s or 5m"));
        break;
    case TYPE_SIZE:
        buf_put(out, B("a size from "));
        value_put_size(out, key->min);
        buf_put(out, B(" to "));
        value_put_size(out, key->max);
        buf_put(out, B(", in bytes or with KiB or MiB"));
        break;
    case TYPE_BOOL:
    case TYPE_OPEN_BOOL:
        buf_put(out, B("true or false"));
        break;
    case TYPE_PATH:
        buf_put(out, B("a path such as /live that begins and does not end with a slash"));
        break;
    case TYPE_TEXT:
    case TYPE_SECRET:
    case TYPE_KEY:
        buf_printf(out, "a text of %ju to %ju bytes%s", (uintmax_t)key->min, (uintmax_t)key->max,
                   key->type == TYPE_KEY ? " that does not begin with ~" : "");
        break;
    case TYPE_LOG_LEVEL:
    case TYPE_ALGORITHM:
    case TYPE_PRESENCE:
    case TYPE_CLUSTER_START:
        put_choices(out, key);
        break;
    case TYPE_HEADING:
        break;
    }
}

void config_put_quoted(struct buf *out, struct bytes text)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len && i < SHOWN_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_char(out, (char)c);
    }
    buf_put(out, text.len > SHOWN_BYTES_MAX ? B("...\"") : B("\""));
}

void config_key_put_refusal(struct buf *out, const struct config_key *key, struct bytes value)
{
    buf_put(out, B("found "));
    if (key->type == TYPE_SECRET)
        buf_printf(out, "a text of %zu bytes", value.len);
    else
        config_put_quoted(out, value);
    buf_put(out, B(", allowed: "));
    config_key_put_allowed(out, key);
}

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    assert((size_t)algorithm < ARRAY_LEN(algorithms));
    return algorithms[algorithm];
}
