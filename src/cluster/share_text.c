/* SPDX-License-Identifier: MIT */
#include "cluster/share_text.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/heap.h"

void life_put(struct life life, char to[LIFE_TEXT_MAX])
{
    snprintf(to, LIFE_TEXT_MAX, "%08x.%u", life.node, life.number);
}

/* All of the digits and nothing else; strtoul() would take signs and spaces. */
static bool parse_digits(struct bytes text, unsigned base, uint64_t max, uint64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : base;
        if (digit >= base || *n > (max - digit) / base)
            return false;
        *n = *n * base + digit;
    }
    return text.len > 0;
}

bool life_parse(struct bytes text, struct life *life)
{
    uint64_t node, number;

    if (text.len < 10 || text.ptr[8] != '.' ||
        !parse_digits(bytes_of(text.ptr, 8), 16, UINT32_MAX, &node) ||
        !parse_digits(bytes_skip(text, 9), 10, UINT32_MAX, &number))
        return false;
    *life = (struct life){(uint32_t)node, (uint32_t)number};
    return true;
}

static void put_rest(struct buf *out, const struct share_entry *e)
{
    buf_printf(out, "%u,", e->rev);
    buf_put_json(out, e->key);
    buf_put_char(out, ',');
    buf_put(out, e->meta);
    buf_put_char(out, ']');
}

void share_entry_put(struct buf *out, const struct share_entry *e)
{
    buf_put_char(out, '[');
    put_rest(out, e);
}

void share_message_put(struct buf *out, const struct share_message *m)
{
    char life[LIFE_TEXT_MAX];

    life_put(m->life, life);
    if (m->gone) {
        buf_printf(out, "{\"n\":\"%s\",\"gone\":true}", life);
        return;
    }
    if (m->payload.ptr) {
        buf_printf(out, "{\"n\":\"%s\",\"e\":[", life);
        buf_put_json(out, m->event);
        buf_put_char(out, ',');
        buf_put(out, m->payload);
        buf_put(out, B("]}"));
        return;
    }
    buf_printf(out, "{\"n\":\"%s\",\"v\":%llu,\"w\":%d,\"s\":%u,\"j\":[", life,
               (unsigned long long)m->version, m->whole, m->size);
    for (size_t i = 0; i < m->joined_len; i++) {
        buf_printf(out, "%s[%llu,", i ? "," : "", (unsigned long long)m->joined[i].ref);
        put_rest(out, &m->joined[i]);
    }
    buf_put(out, B("],\"x\":["));
    for (size_t i = 0; i < m->removed_len; i++)
        buf_printf(out, "%s%llu", i ? "," : "", (unsigned long long)m->removed[i]);
    buf_put(out, B("]}"));
}

/* The parts of an entry from index `at` of its array on. The meta is dumped, and freed by the
 * entry's owner. */
static bool take_entry(const json_t *array, size_t at, struct share_entry *e)
{
    const json_t *rev = json_array_get(array, at), *key = json_array_get(array, at + 1);
    const json_t *meta = json_array_get(array, at + 2);

    if (!json_is_integer(rev) || !json_is_string(key) || !json_is_object(meta))
        return false;
    if (json_integer_value(rev) < 0 || json_integer_value(rev) > UINT16_MAX)
        return false;
    e->rev = (uint16_t)json_integer_value(rev);
    e->key = bytes_of(json_string_value(key), json_string_length(key));
    e->meta = bytes_str(json_object_size(meta) ? json_dumps(meta, JSON_COMPACT) : NULL);
    return e->key.len <= KEY_BYTES_MAX;
}

static void free_meta(struct share_entry *e)
{
    free((char *)(uintptr_t)e->meta.ptr);
}

static bool is_ref(const json_t *ref)
{
    return json_is_integer(ref) && json_integer_value(ref) >= 0;
}

static bool take_joined(const json_t *list, struct share_message *m)
{
    if (!json_is_array(list))
        return false;
    m->joined = heap_zalloc(json_array_size(list), sizeof(*m->joined));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *ref = json_array_get(entry, 0);
        struct share_entry *e = &m->joined[m->joined_len++];
        if (!is_ref(ref) || !take_entry(entry, 1, e))
            return false;
        e->ref = (uint64_t)json_integer_value(ref);
    }
    return true;
}

static bool take_removed(const json_t *list, struct share_message *m)
{
    if (!json_is_array(list))
        return false;
    m->removed = heap_zalloc(json_array_size(list), sizeof(*m->removed));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *ref = json_array_get(list, i);
        if (!is_ref(ref))
            return false;
        m->removed[m->removed_len++] = (uint64_t)json_integer_value(ref);
    }
    return true;
}

static bool take_event(const json_t *event, struct share_message *m)
{
    const json_t *name = json_array_get(event, 0), *payload = json_array_get(event, 1);

    if (!json_is_string(name) || !payload)
        return false;
    m->event = bytes_of(json_string_value(name), json_string_length(name));
    m->payload = bytes_str(json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY));
    return true;
}

bool share_message_parse(struct share_message *m, struct bytes text)
{
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    const char *life = json_string_value(json_object_get(json, "n"));

    *m = (struct share_message){.json = json};
    bool good = life && life_parse(bytes_str(life), &m->life);
    m->gone = json_is_true(json_object_get(json, "gone"));
    const json_t *event = json_object_get(json, "e");
    if (good && event) {
        good = take_event(event, m);
    } else if (good && !m->gone) {
        const json_t *version = json_object_get(json, "v"), *size = json_object_get(json, "s");
        m->version = (uint64_t)json_integer_value(version);
        m->size = (uint32_t)json_integer_value(size);
        m->whole = json_integer_value(json_object_get(json, "w")) != 0;
        good = is_ref(version) && is_ref(size) && json_integer_value(size) <= UINT32_MAX &&
               take_joined(json_object_get(json, "j"), m) &&
               take_removed(json_object_get(json, "x"), m);
    }
    if (!good)
        share_message_release(m);
    return good;
}

void share_message_release(struct share_message *m)
{
    for (size_t i = 0; i < m->joined_len; i++)
        free_meta(&m->joined[i]);
    free((char *)(uintptr_t)m->payload.ptr);
    heap_free(m->joined);
    heap_free(m->removed);
    json_decref(m->json);
    *m = (struct share_message){0};
}

bool share_entry_parse(struct share_entry *e, struct bytes ref, struct bytes text, void **json)
{
    json_t *array = json_loadb(text.ptr, text.len, 0, NULL);

    *e = (struct share_entry){0};
    *json = array;
    bool good = parse_digits(ref, 10, UINT64_MAX, &e->ref) && take_entry(array, 0, e);
    if (!good)
        share_entry_release(e, array);
    return good;
}

void share_entry_release(struct share_entry *e, void *json)
{
    free_meta(e);
    json_decref(json);
}
