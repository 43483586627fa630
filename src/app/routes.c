/* SPDX-License-Identifier: MIT */
#include "app/routes.h"

#include "app/handshake.h"
#include "app/http.h"
#include "app/http_api.h"
#include "app/pages.h"

static void method_not_allowed(struct session *s)
{
    const struct http_field allow = {B("Allow"), B("GET, HEAD")};
    struct http_response r = {
        .status = 405,
        .type = B("text/plain; charset=utf-8"),
        .fields = &allow,
        .fields_len = 1,
    };

    http_respond(s, r, B("the methods here are GET and HEAD\n"));
}

static bool is_phoenix(const struct config *config, struct bytes path)
{
    struct bytes mount = bytes_str(config->phoenix_path);

    return bytes_starts(path, mount) && bytes_equal(bytes_skip(path, mount.len), B("/websocket"));
}

/* The route's parameters as members of a JSON object. */
static void put_parameters(const struct route_match *m, struct buf *out)
{
    for (size_t i = 0; i < m->parameter_count; i++) {
        const struct route_parameter *p = &m->parameters[i];
        buf_put(out, i ? B(",") : B(""));
        buf_put_json(out, p->name);
        buf_put_char(out, ':');
        if (p->is_int)
            buf_put(out, p->value);
        else
            buf_put_json(out, p->value);
    }
}

/* True if a route of the rooms dialect matched, and the request is answered. */
static bool handle_room(struct session *s, const struct http_request *r)
{
    struct route_match match;
    struct buf parameters;

    switch (config_route(s->worker->node->config, r->path, &match)) {
    case ROUTE_NONE:
        return false;
    case ROUTE_BAD_PARAMETER:
        http_respond_text(s, 400, "a parameter of the path is not what the route asks for");
        return true;
    case ROUTE_OK:
        break;
    }
    buf_init(&parameters, BUF_UNBOUNDED);
    put_parameters(&match, &parameters);
    struct opening o = {.request = r, .topic = match.topic, .parameters = buf_bytes(&parameters)};
    handshake(s, &rooms_dialect, &o);
    buf_release(&parameters);
    route_match_release(&match);
    return true;
}

void routes_handle(struct session *s, const struct http_request *r)
{
    const struct config *config = s->worker->node->config;
    const struct bytes topics = B("/api/v1/topics/");
    struct opening o = {.request = r};

    if (r->method != HTTP1_GET && r->method != HTTP1_HEAD)
        method_not_allowed(s);
    else if (bytes_equal(r->path, bytes_str(config->native_path)))
        handshake(s, &native_dialect, &o);
    else if (is_phoenix(config, r->path))
        handshake(s, &phoenix_dialect, &o);
    else if (bytes_equal(r->path, B("/healthz")))
        http_respond_text(s, 200, "ok");
    else if (bytes_equal(r->path, B("/metrics")))
        api_metrics(s);
    else if (bytes_equal(r->path, B("/rollcall.js")))
        pages_script(s);
    else if (bytes_starts(r->path, topics))
        api_topic(s, bytes_skip(r->path, topics.len));
    else if (!handle_room(s, r) && !(config->demo && pages_handle(s, r)))
        http_respond_text(s, 404, "nothing is served under this path");
}
