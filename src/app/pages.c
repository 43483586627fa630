/* SPDX-License-Identifier: MIT */
#include "app/pages.h"

#include <stdio.h>

#include "app/asset.h"
#include "app/http.h"
#include "app/inquiry.h"

enum { PLACES_MAX = 64, PATH_MAX_BYTES = 256 };

/* One `{{unit topic}}` of a page. */
struct place {
    size_t begin, end; /* offsets of its braces */
    struct bytes unit, topic;
};

static const struct asset *find(const char *path)
{
    size_t low = 0, high = assets_len;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(assets[mid].path, path);
        if (order == 0)
            return &assets[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static const struct asset *find_page(struct bytes path)
{
    char name[PATH_MAX_BYTES];

    if (bytes_equal(path, B("/")))
        path = B("/index");
    for (size_t i = 0; i < 2 && path.len < PATH_MAX_BYTES - 16; i++) {
        if (i == 0)
            snprintf(name, sizeof(name), "demo%.*s", (int)path.len, path.ptr);
        else
            snprintf(name, sizeof(name), "demo%.*s.html", (int)path.len, path.ptr);
        const struct asset *a = find(name);
        if (a)
            return a;
    }
    return NULL;
}

static size_t find_text(struct bytes page, size_t from, struct bytes text)
{
    const char *at = page.len - from < text.len
                         ? NULL
                         : memmem(page.ptr + from, page.len - from, text.ptr, text.len);

    return at ? (size_t)(at - page.ptr) : page.len;
}

/* The next place at or behind `from`, or false. */
static bool next_place(struct bytes page, size_t from, struct place *p)
{
    p->begin = find_text(page, from, B("{{"));
    size_t end = find_text(page, p->begin, B("}}"));
    if (end == page.len)
        return false;
    struct bytes inside = bytes_of(page.ptr + p->begin + 2, end - p->begin - 2);
    size_t space = bytes_find(inside, ' ');
    p->end = end + 2;
    p->unit = bytes_of(inside.ptr, space);
    p->topic = space == inside.len ? (struct bytes){0} : bytes_skip(inside, space + 1);
    return true;
}

/* Our pages have no inline script or style and come from nowhere else; `'self'` alone does not
 * allow WebSockets in every browser. */
#define CONTENT_SECURITY_POLICY                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

static void respond(struct session *s, const struct asset *a, struct bytes body)
{
    const struct http_field fields[] = {
        {B("Cache-Control"), B("no-cache")},
        {B("Content-Security-Policy"), B(CONTENT_SECURITY_POLICY)},
        {B("X-Content-Type-Options"), B("nosniff")},
    };
    struct http_response r = {
        .status = 200,
        .type = bytes_str(a->type),
        .fields = fields,
        .fields_len = ARRAY_LEN(fields),
    };

    http_respond(s, r, body);
}

static struct bytes asset_bytes(const struct asset *a)
{
    return bytes_of((const char *)a->data, a->len);
}

static void page_done(struct session *s, const struct inquiry *q)
{
    const struct asset *a = find(q->data);
    struct bytes page = asset_bytes(a);
    struct place p;
    struct buf out;
    size_t from = 0;

    buf_init(&out, BUF_UNBOUNDED);
    for (uint32_t i = 0; i < q->len && next_place(page, from, &p); i++) {
        buf_put(&out, bytes_of(page.ptr + from, p.begin - from));
        buf_put_uint(&out, bytes_equal(p.unit, B("people")) ? q->results[i].people
                                                            : q->results[i].viewers);
        from = p.end;
    }
    buf_put(&out, bytes_skip(page, from));
    respond(s, a, buf_bytes(&out));
    buf_release(&out);
}

bool pages_handle(struct session *s, const struct http_request *r)
{
    const struct asset *a = find_page(r->path);
    struct bytes topics[PLACES_MAX];
    struct place p;
    size_t len = 0;

    if (!a)
        return false;
    struct bytes page = asset_bytes(a);
    if (bytes_starts(bytes_str(a->type), B("text/html")))
        for (size_t from = 0; len < PLACES_MAX && next_place(page, from, &p); from = p.end)
            topics[len++] = p.topic;
    if (len)
        inquiry_start(s, topics, len, page_done, bytes_copy(bytes_str(a->path)));
    else
        respond(s, a, page);
    return true;
}

/* Any page may load it, with a hash (`integrity`, so CORS) or from a site that isolates itself. */
void pages_script(struct session *s)
{
    const struct asset *a = find("rollcall.js");
    const struct http_field fields[] = {
        {B("Cache-Control"), B("public, max-age=3600")},
        {B("Access-Control-Allow-Origin"), B("*")},
        {B("Cross-Origin-Resource-Policy"), B("cross-origin")},
        {B("X-Content-Type-Options"), B("nosniff")},
    };
    struct http_response r = {
        .status = 200,
        .type = bytes_str(a->type),
        .fields = fields,
        .fields_len = ARRAY_LEN(fields),
    };

    http_respond(s, r, asset_bytes(a));
}
