/* SPDX-License-Identifier: MIT */
#include "dialect/phoenix_wire.h"

#include <string.h>

/* A reference as JSON text at `to`. */
static bool dump_ref(const json_t *ref, char to[PHOENIX_REF_MAX], struct bytes *out)
{
    if (!ref) {
        *out = B("null");
        return true;
    }
    size_t len = json_dumpb(ref, to, PHOENIX_REF_MAX, JSON_COMPACT | JSON_ENCODE_ANY);
    *out = bytes_of(to, len);
    return len > 0 && len <= PHOENIX_REF_MAX;
}

static bool take_text(const json_t *value, struct bytes *out)
{
    *out = bytes_of(json_string_value(value), json_string_length(value));
    return json_is_string(value);
}

static bool parse_v1(struct phoenix_message *m, json_t **refs, json_t **text)
{
    refs[0] = json_object_get(m->json, "join_ref");
    refs[1] = json_object_get(m->json, "ref");
    text[0] = json_object_get(m->json, "topic");
    text[1] = json_object_get(m->json, "event");
    m->payload = json_object_get(m->json, "payload");
    return refs[1] != NULL;
}

static bool parse_v2(struct phoenix_message *m, json_t **refs, json_t **text)
{
    refs[0] = json_array_get(m->json, 0);
    refs[1] = json_array_get(m->json, 1);
    text[0] = json_array_get(m->json, 2);
    text[1] = json_array_get(m->json, 3);
    m->payload = json_array_get(m->json, 4);
    return true;
}

/* Phoenix routes a topic or event that is null like one that matches nothing. */
static bool take_name(const json_t *value, struct bytes *out)
{
    return json_is_null(value) || take_text(value, out);
}

bool phoenix_parse(struct phoenix_message *m, int version, struct bytes text)
{
    json_t *refs[2], *names[2];

    *m = (struct phoenix_message){.json = json_loadb(text.ptr, text.len, 0, NULL)};
    bool good =
        m->json && (version == PHOENIX_V2 ? parse_v2(m, refs, names) : parse_v1(m, refs, names));
    good = good && m->payload && take_name(names[0], &m->topic) && take_name(names[1], &m->event) &&
           dump_ref(refs[0], m->refs[0], &m->join_ref) && dump_ref(refs[1], m->refs[1], &m->ref);
    if (!good)
        phoenix_release(m);
    return good;
}

/* A reference of a binary frame is text, and none if it is empty. */
static bool quote_ref(struct bytes text, char to[PHOENIX_REF_MAX], struct bytes *out)
{
    json_t *ref = text.len ? json_stringn(text.ptr, text.len) : NULL;
    bool good = (text.len == 0 || ref) && dump_ref(ref, to, out);

    json_decref(ref);
    return good;
}

bool phoenix_parse_binary(struct phoenix_message *m, struct bytes data)
{
    enum { HEAD = 5 };
    struct bytes parts[4], rest;

    *m = (struct phoenix_message){0};
    if (data.len < HEAD || data.ptr[0] != 0)
        return false;
    rest = bytes_skip(data, HEAD);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t len = (unsigned char)data.ptr[1 + i];
        if (len > rest.len)
            return false;
        parts[i] = bytes_of(rest.ptr, len);
        rest = bytes_skip(rest, len);
    }
    m->json = json_pack("[s%, s%]", parts[2].ptr, parts[2].len, parts[3].ptr, parts[3].len);
    bool good = m->json && take_text(json_array_get(m->json, 0), &m->topic) &&
                take_text(json_array_get(m->json, 1), &m->event) &&
                quote_ref(parts[0], m->refs[0], &m->join_ref) &&
                quote_ref(parts[1], m->refs[1], &m->ref);
    if (!good)
        phoenix_release(m);
    return good;
}

void phoenix_release(struct phoenix_message *m)
{
    json_decref(m->json);
    m->json = NULL;
}

void phoenix_begin(struct buf *out, int version, const struct phoenix_head *head)
{
    if (version == PHOENIX_V2) {
        buf_put_char(out, '[');
        buf_put(out, head->join_ref);
        buf_put_char(out, ',');
        buf_put(out, head->ref);
        buf_put_char(out, ',');
        buf_put_json(out, head->topic);
        buf_put_char(out, ',');
        buf_put_json(out, head->event);
        buf_put_char(out, ',');
        return;
    }
    buf_put(out, B("{\"topic\":"));
    buf_put_json(out, head->topic);
    buf_put(out, B(",\"event\":"));
    buf_put_json(out, head->event);
    buf_put(out, B(",\"ref\":"));
    buf_put(out, head->ref);
    buf_put(out, B(",\"payload\":"));
}

void phoenix_finish(struct buf *out, int version)
{
    buf_put_char(out, version == PHOENIX_V2 ? ']' : '}');
}
