/* SPDX-License-Identifier: MIT */
#include "wire/http_request.h"

#include "base/check.h"
#include "wire/http_char.h"

struct http_field http_header_at(const struct http_request *r, size_t i)
{
    assert(i < r->headers_len);
    const struct http_span *s = &r->spans[i];

    return (struct http_field){bytes_of(r->head + s->name_at, s->name_len),
                               bytes_of(r->head + s->value_at, s->value_len)};
}

struct bytes http_header(const struct http_request *r, struct bytes name)
{
    for (size_t i = 0; i < r->headers_len; i++) {
        struct http_field field = http_header_at(r, i);
        if (same_word(field.name, name))
            return field.value;
    }
    return (struct bytes){0};
}

size_t http_header_count(const struct http_request *r, struct bytes name)
{
    size_t count = 0;

    for (size_t i = 0; i < r->headers_len; i++)
        count += same_word(http_header_at(r, i).name, name);
    return count;
}

bool http_token_next(struct http_tokens *t, struct bytes *token)
{
    for (;;) {
        while (t->rest.len) {
            size_t len = bytes_find(t->rest, ',');
            *token = trimmed(bytes_of(t->rest.ptr, len));
            t->rest = bytes_skip(t->rest, len < t->rest.len ? len + 1 : len);
            if (token->len)
                return true;
        }
        if (t->next_header == t->request->headers_len)
            return false;
        struct http_field field = http_header_at(t->request, t->next_header++);
        if (same_word(field.name, t->name))
            t->rest = field.value;
    }
}

bool http_header_lists(const struct http_request *r, struct bytes name, struct bytes token)
{
    struct http_tokens t = {.request = r, .name = name};
    struct bytes found;

    while (http_token_next(&t, &found)) {
        if (same_word(found, token))
            return true;
    }
    return false;
}
