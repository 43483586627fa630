/* SPDX-License-Identifier: MIT */
#include "app/route_template.h"

#include "app/config_key.h"
#include "app/config_value.h"
#include "base/heap.h"
#include "wire/uri.h"

enum { SEGMENTS_MAX = 16, PIECES_MAX = 2 * ROUTE_PARAMETERS_MAX + 1, NO_PARAMETER = -1 };

struct segment {
    struct bytes text; /* the literal, or the parameter's name */
    bool is_parameter;
    bool is_int;
};

/* A run of the topic: a literal or the value of a parameter. */
struct piece {
    struct bytes literal;
    int parameter; /* by position in the path, or NO_PARAMETER */
};

/* The bytes point into `path` and `topic`. */
struct route_template {
    char *path;
    char *topic;
    struct segment segments[SEGMENTS_MAX];
    size_t segment_count;
    struct piece pieces[PIECES_MAX];
    size_t piece_count;
};

/* Compiling. */

static bool refuse(struct buf *error, struct bytes found, const char *allowed)
{
    buf_put(error, B("found "));
    config_put_quoted(error, found);
    buf_printf(error, ", allowed: %s", allowed);
    return false;
}

static bool is_name(struct bytes text)
{
    if (text.len == 0 || (text.ptr[0] >= '0' && text.ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

/* The position of the parameter `name` in the path, or NO_PARAMETER. */
static int parameter_index(const struct route_template *t, struct bytes name)
{
    int index = 0;

    for (size_t i = 0; i < t->segment_count; i++) {
        if (!t->segments[i].is_parameter)
            continue;
        if (bytes_equal(t->segments[i].text, name))
            return index;
        index++;
    }
    return NO_PARAMETER;
}

static int parameter_count(const struct route_template *t)
{
    int count = 0;

    for (size_t i = 0; i < t->segment_count; i++)
        count += t->segments[i].is_parameter;
    return count;
}

static bool add_parameter(struct route_template *t, struct bytes text, struct buf *error)
{
    struct bytes inner = bytes_of(text.ptr + 1, text.len - 2);
    size_t colon = bytes_find(inner, ':');
    struct bytes name = bytes_of(inner.ptr, colon);
    struct bytes type = bytes_skip(inner, colon);

    if (!is_name(name) || (type.len > 0 && !bytes_equal(type, B(":int"))))
        return refuse(error, text, "{name} or {name:int}, where a name is of a-z, 0-9 and _");
    if (parameter_index(t, name) != NO_PARAMETER)
        return refuse(error, text, "each parameter name once");
    if (parameter_count(t) == ROUTE_PARAMETERS_MAX)
        return refuse(error, text, "at most 8 parameters");
    t->segments[t->segment_count++] = (struct segment){name, true, type.len > 0};
    return true;
}

static bool add_segment(struct route_template *t, struct bytes text, struct buf *error)
{
    size_t open = bytes_find(text, '{');

    if (t->segment_count == SEGMENTS_MAX)
        return refuse(error, bytes_str(t->path), "at most 16 segments");
    if (text.len == 0)
        return refuse(error, bytes_str(t->path),
                      "a path with no empty segment and no slash at the end");
    if (open == 0 && bytes_find(text, '}') == text.len - 1)
        return add_parameter(t, text, error);
    if (open < text.len || bytes_find(text, '}') < text.len)
        return refuse(error, text, "a parameter that is a whole segment, such as /{name}/");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || strchr("?#%", text.ptr[i]))
            return refuse(error, text, "a path without blanks, %, ? and #");
    }
    t->segments[t->segment_count++] = (struct segment){text, false, false};
    return true;
}

static bool compile_path(struct route_template *t, struct buf *error)
{
    struct bytes rest = bytes_str(t->path);

    if (!bytes_starts(rest, B("/")))
        return refuse(error, rest, "a path that begins with a slash");
    if (!value_is_clean_text(rest))
        return refuse(error, rest, "UTF-8 without control characters");
    do {
        rest = bytes_skip(rest, 1);
        size_t end = bytes_find(rest, '/');
        if (!add_segment(t, bytes_of(rest.ptr, end), error))
            return false;
        rest = bytes_skip(rest, end);
    } while (rest.len > 0);
    return true;
}

/* Takes one piece from the front of `rest`, which is not empty. */
static bool add_piece(struct route_template *t, struct bytes *rest, struct buf *error)
{
    size_t end;

    if (t->piece_count == PIECES_MAX)
        return refuse(error, bytes_str(t->topic), "each parameter once");
    if (rest->ptr[0] != '{') {
        end = bytes_find(*rest, '{');
        struct bytes literal = bytes_of(rest->ptr, end);
        if (bytes_find(literal, '}') < literal.len)
            return refuse(error, literal, "} only behind {name");
        t->pieces[t->piece_count++] = (struct piece){literal, NO_PARAMETER};
    } else {
        end = bytes_find(*rest, '}');
        struct bytes name = bytes_of(rest->ptr + 1, end - 1);
        int index = end < rest->len ? parameter_index(t, name) : NO_PARAMETER;
        if (index == NO_PARAMETER)
            return refuse(error, bytes_of(rest->ptr, end < rest->len ? end + 1 : end),
                          "{name} with the name of a parameter of the path");
        t->pieces[t->piece_count++] = (struct piece){bytes_of(NULL, 0), index};
        end++;
    }
    *rest = bytes_skip(*rest, end);
    return true;
}

static bool compile_topic(struct route_template *t, struct buf *error)
{
    struct bytes rest = bytes_str(t->topic);

    if (rest.len == 0)
        return refuse(error, rest, "a topic such as \"post:{post_id}\"");
    if (!value_is_clean_text(rest))
        return refuse(error, rest, "UTF-8 without control characters");
    while (rest.len > 0) {
        if (!add_piece(t, &rest, error))
            return false;
    }
    return true;
}

struct route_template *route_template_new(struct bytes path, struct bytes topic, bool *bad_topic,
                                          struct buf *error)
{
    struct route_template *t = heap_zalloc(1, sizeof(*t));

    t->path = bytes_copy(path);
    t->topic = bytes_copy(topic);
    *bad_topic = false;
    if (compile_path(t, error)) {
        *bad_topic = true;
        if (compile_topic(t, error))
            return t;
    }
    route_template_free(t);
    return NULL;
}

void route_template_free(struct route_template *t)
{
    if (!t)
        return;
    heap_free(t->path);
    heap_free(t->topic);
    heap_free(t);
}

/* Matching. */

/* An integer as JSON writes it, in 64 bits with a sign: so a topic has one spelling only. */
static bool is_int(struct bytes text)
{
    bool negative = bytes_starts(text, B("-"));
    struct bytes digits = bytes_skip(text, negative);
    uint64_t n;

    if (!value_count(digits, &n) || (digits.ptr[0] == '0' && text.len > 1))
        return false;
    return n <= (uint64_t)INT64_MAX + negative;
}

/* Cuts `path` into its segments, as they are; false if there are not `count`, or one is empty. */
static bool split(struct bytes path, struct bytes *segments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (path.len == 0 || path.ptr[0] != '/')
            return false;
        path = bytes_skip(path, 1);
        size_t end = bytes_find(path, '/');
        if (end == 0)
            return false;
        segments[i] = bytes_of(path.ptr, end);
        path = bytes_skip(path, end);
    }
    return path.len == 0;
}

static bool literal_matches(struct bytes literal, struct bytes segment)
{
    struct buf decoded;
    bool matches;

    if (bytes_find(segment, '%') == segment.len)
        return bytes_equal(literal, segment);
    buf_init(&decoded, BUF_UNBOUNDED);
    matches = uri_decode(segment, &decoded) && bytes_equal(literal, buf_bytes(&decoded));
    buf_release(&decoded);
    return matches;
}

static bool literals_match(const struct route_template *t, const struct bytes *segments)
{
    for (size_t i = 0; i < t->segment_count; i++) {
        if (!t->segments[i].is_parameter && !literal_matches(t->segments[i].text, segments[i]))
            return false;
    }
    return true;
}

/* Where a decoded value is in the match's text, which may still move. */
struct range {
    size_t start, len;
};

static struct bytes range_bytes(const struct buf *text, struct range range)
{
    return bytes_of(text->ptr + range.start, range.len);
}

/* Decodes the parameters one behind the other; false if a value is not what it must be. */
static bool take_values(const struct route_template *t, const struct bytes *segments,
                        struct range *values, struct route_match *out)
{
    for (size_t i = 0; i < t->segment_count; i++) {
        const struct segment *s = &t->segments[i];
        struct range value = {out->text.len, 0};
        if (!s->is_parameter)
            continue;
        if (!uri_decode(segments[i], &out->text))
            return false;
        value.len = out->text.len - value.start;
        struct bytes text = range_bytes(&out->text, value);
        if (s->is_int ? !is_int(text) : !value_is_clean_text(text))
            return false;
        values[out->parameter_count] = value;
        out->parameters[out->parameter_count++] =
            (struct route_parameter){s->text, bytes_of(NULL, 0), s->is_int};
    }
    return true;
}

static void put_topic(const struct route_template *t, const struct range *values, struct buf *text)
{
    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *p = &t->pieces[i];
        if (p->parameter == NO_PARAMETER)
            buf_put(text, p->literal);
        else if (buf_reserve(text,
                             values[p->parameter].len)) /* so that the value stays in its place */
            buf_put(text, range_bytes(text, values[p->parameter]));
    }
}

/* Fills the match; false if a parameter does not fit. */
static bool fill(const struct route_template *t, const struct bytes *segments,
                 size_t topic_bytes_max, struct route_match *out)
{
    struct range values[ROUTE_PARAMETERS_MAX], topic;

    if (!take_values(t, segments, values, out))
        return false;
    topic.start = out->text.len;
    put_topic(t, values, &out->text);
    topic.len = out->text.len - topic.start;
    if (topic.len > topic_bytes_max)
        return false;
    out->topic = range_bytes(&out->text, topic);
    for (size_t i = 0; i < out->parameter_count; i++)
        out->parameters[i].value = range_bytes(&out->text, values[i]);
    return true;
}

enum route_result route_template_match(const struct route_template *t, struct bytes path,
                                       size_t topic_bytes_max, struct route_match *out)
{
    struct bytes segments[SEGMENTS_MAX];

    *out = (struct route_match){.topic = bytes_of(NULL, 0)};
    if (!split(path, segments, t->segment_count) || !literals_match(t, segments))
        return ROUTE_NONE;
    buf_init(&out->text, BUF_UNBOUNDED); /* a path is limited where it is read */
    if (fill(t, segments, topic_bytes_max, out))
        return ROUTE_OK;
    buf_release(&out->text);
    return ROUTE_BAD_PARAMETER;
}

void route_match_release(struct route_match *m)
{
    buf_release(&m->text);
    *m = (struct route_match){.topic = bytes_of(NULL, 0)};
}
