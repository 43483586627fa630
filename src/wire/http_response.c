/* SPDX-License-Identifier: MIT */
#include "wire/http_response.h"

#include "base/check.h"
#include "wire/http_char.h"

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } table[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].status == status)
            return table[i].reason;
    }
    return "Unknown";
}

static void put_field(struct buf *out, struct bytes name, struct bytes value)
{
    assert(name.len);
    for (size_t i = 0; i < name.len; i++)
        assert(is_token((unsigned char)name.ptr[i]));
    buf_put(out, name);
    buf_put(out, B(": "));
    while (value.len) {
        size_t n = 0;
        while (n < value.len && is_value((unsigned char)value.ptr[n]))
            n++;
        buf_put(out, bytes_of(value.ptr, n));
        value = bytes_skip(value, n);
        if (value.len) {
            buf_put_char(out, ' ');
            value = bytes_skip(value, 1);
        }
    }
    buf_put(out, B("\r\n"));
}

void http_response_head(struct buf *out, const struct http_response *r)
{
    bool interim = r->status < 200;

    assert(r->status >= 100 && r->status <= 999);
    buf_put(out, B("HTTP/1.1 "));
    buf_put_uint(out, (uint64_t)r->status);
    buf_put_char(out, ' ');
    buf_put(out, bytes_str(http_reason(r->status)));
    buf_put(out, B("\r\n"));
    if (r->type.len)
        put_field(out, B("Content-Type"), r->type);
    if (!interim && r->status != 204 && r->status != 304 && !r->stream) {
        buf_put(out, B("Content-Length: "));
        buf_put_uint(out, r->length);
        buf_put(out, B("\r\n"));
    }
    if (!interim)
        put_field(out, B("Connection"), r->close ? B("close") : B("keep-alive"));
    for (size_t i = 0; i < r->fields_len; i++)
        put_field(out, r->fields[i].name, r->fields[i].value);
    buf_put(out, B("\r\n"));
}

void http_response(struct buf *out, const struct http_response *r, struct bytes body)
{
    struct http_response sized = *r;

    sized.length = body.len;
    http_response_head(out, &sized);
    if (!r->head_only)
        buf_put(out, body);
}
