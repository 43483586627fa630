/* SPDX-License-Identifier: MIT */
#include "app/config_value.h"

#include "wire/utf8.h"

struct unit {
    struct bytes name;
    uint64_t factor;
};

/* Largest last: the writers below search from the end. */
static const struct unit time_units[] = {
    {{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60000}, {{"h", 1}, 3600000}};
static const struct unit size_units[] = {
    {{"B", 1}, 1}, {{"KiB", 3}, 1024}, {{"MiB", 3}, 1024 * 1024}, {{"GiB", 3}, 1024 * 1024 * 1024}};

/* Takes the digits from the front of `text`. */
static bool take_digits(struct bytes *text, uint64_t *out)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text->ptr[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (i == 0)
        return false;
    *text = bytes_skip(*text, i);
    *out = n;
    return true;
}

static bool scale(uint64_t n, struct bytes unit, const struct unit units[4], uint64_t *out)
{
    for (size_t i = 0; i < 4; i++) {
        if (!bytes_equal(unit, units[i].name))
            continue;
        if (n > UINT64_MAX / units[i].factor)
            return false;
        *out = n * units[i].factor;
        return true;
    }
    return false;
}

bool value_count(struct bytes text, uint64_t *out)
{
    uint64_t n;

    if (!take_digits(&text, &n) || text.len > 0)
        return false;
    *out = n;
    return true;
}

bool value_duration(struct bytes text, uint64_t *out_ms)
{
    uint64_t n;

    if (!take_digits(&text, &n))
        return false;
    if (text.len == 0 && n == 0) {
        *out_ms = 0;
        return true;
    }
    return scale(n, text, time_units, out_ms);
}

bool value_size(struct bytes text, uint64_t *out)
{
    uint64_t n;

    if (!take_digits(&text, &n))
        return false;
    return scale(n, text.len > 0 ? text : B("B"), size_units, out);
}

bool value_bool(struct bytes text, bool *out)
{
    if (!bytes_equal(text, B("true")) && !bytes_equal(text, B("false")))
        return false;
    *out = text.len == 4;
    return true;
}

static bool is_host(struct bytes host, bool in_brackets)
{
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '.' || c == '-' || c == '_';
        /* '%' names the interface of a link-local address. */
        if (!word && !(in_brackets && (c == ':' || c == '%')))
            return false;
    }
    return !in_brackets || bytes_find(host, ':') < host.len;
}

bool value_listen(struct bytes text, struct bytes *host, uint16_t *port)
{
    bool in_brackets = text.len > 0 && text.ptr[0] == '[';
    struct bytes name, digits;
    uint64_t n;

    if (in_brackets) {
        size_t end = bytes_find(text, ']');
        if (end + 1 >= text.len || text.ptr[end + 1] != ':')
            return false;
        name = bytes_of(text.ptr + 1, end - 1);
        digits = bytes_skip(text, end + 2);
    } else {
        size_t end = bytes_find(text, ':');
        if (end == text.len)
            return false;
        name = bytes_of(text.ptr, end);
        digits = bytes_skip(text, end + 1);
    }
    if (!is_host(name, in_brackets) || !value_count(digits, &n) || n > UINT16_MAX)
        return false;
    *host = name;
    *port = (uint16_t)n;
    return true;
}

bool value_choice(struct bytes text, const char *const *names, size_t count, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(text, bytes_str(names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void put_scaled(struct buf *out, uint64_t n, const struct unit units[4])
{
    size_t i = 3;

    while (i > 0 && (n < units[i].factor || n % units[i].factor != 0))
        i--;
    buf_put_uint(out, n / units[i].factor);
    buf_put(out, units[i].name);
}

void value_put_duration(struct buf *out, uint64_t ms)
{
    if (ms == 0)
        buf_put(out, B("0s"));
    else
        put_scaled(out, ms, time_units);
}

void value_put_size(struct buf *out, uint64_t bytes)
{
    if (bytes < 1024 || bytes % 1024 != 0)
        buf_put_uint(out, bytes);
    else
        put_scaled(out, bytes, size_units);
}

bool value_is_clean_text(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
        /* U+0080 to U+009F, the second set of control characters. */
        if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
            return false;
    }
    return utf8_valid(text);
}
