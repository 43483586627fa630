/* SPDX-License-Identifier: MIT */
#include "app/config_scan.h"

#include <stdlib.h>

#include "app/config_key.h"
#include "base/heap.h"

enum { VARIABLE_BYTES_MAX = 64 };

/* What is being looked at. */
struct cursor {
    struct config_scan *scan;
    struct bytes rest;
    struct buf *error;
    char last;          /* the last character that means something, words counted as 'w' */
    unsigned depth;     /* open braces */
    unsigned open_line; /* of the outermost open brace */
};

static bool refuse(struct cursor *at, const char *found, const char *allowed)
{
    buf_printf(at->error, "found %s, allowed: %s", found, allowed);
    return false;
}

/* Moves `n` bytes over, as they are. */
static void keep(struct cursor *at, size_t n)
{
    buf_put(&at->scan->text, bytes_of(at->rest.ptr, n));
    at->rest = bytes_skip(at->rest, n);
}

static void blank(struct cursor *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool newline = at->rest.ptr[i] == '\n';
        buf_put_char(&at->scan->text, newline ? '\n' : ' ');
        at->scan->line += newline;
    }
    at->rest = bytes_skip(at->rest, n);
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The length of the variable reference at the front, "${NAME}" or "${NAME:-default}"; 0 with the
 * error if it is not one, or the variable is not set and has no default. */
static size_t check_variable(struct cursor *at)
{
    struct bytes inner = bytes_skip(at->rest, 2);
    size_t end = bytes_find(inner, '}'), n = 0;
    char name[VARIABLE_BYTES_MAX];

    while (n < end && n + 1 < sizeof(name) &&
           (inner.ptr[n] == '_' || (inner.ptr[n] >= 'A' && inner.ptr[n] <= 'Z') ||
            (inner.ptr[n] >= 'a' && inner.ptr[n] <= 'z') ||
            (n > 0 && inner.ptr[n] >= '0' && inner.ptr[n] <= '9'))) {
        name[n] = inner.ptr[n];
        n++;
    }
    name[n] = '\0';
    struct bytes tail = bytes_of(inner.ptr + n, end - n);
    bool has_default = bytes_starts(tail, B(":-"));
    for (size_t i = 0; i < tail.len; i++) {
        if (is_control(tail.ptr[i]) || strchr("\"\\{", tail.ptr[i]))
            has_default = false;
    }
    if (end == inner.len || n == 0 || (tail.len > 0 && !has_default)) {
        refuse(at, "${", "${NAME} or ${NAME:-default} for a variable of the environment");
        return 0;
    }
    if (!has_default && !getenv(name)) {
        buf_printf(at->error, "found ${%s}, which is not set in the environment", name);
        return 0;
    }
    return 2 + end + 1;
}

static bool scan_string(struct cursor *at)
{
    char quote = at->rest.ptr[0];

    keep(at, 1);
    while (at->rest.len > 0 && at->rest.ptr[0] != quote && at->rest.ptr[0] != '\n') {
        size_t n = 1;
        if (is_control(at->rest.ptr[0]))
            return refuse(at, "a control character", "text");
        if (at->rest.ptr[0] == '\\')
            n = 2;
        else if (quote == '"' && bytes_starts(at->rest, B("${")) && (n = check_variable(at)) == 0)
            return false;
        if (n > at->rest.len || at->rest.ptr[n - 1] == '\n')
            break;
        keep(at, n);
    }
    if (at->rest.len == 0 || at->rest.ptr[0] != quote)
        return refuse(at, "a string without its closing quote", "strings that end on their line");
    keep(at, 1);
    at->last = 'w';
    return true;
}

static bool scan_comment(struct cursor *at)
{
    size_t n = bytes_find(at->rest, '\n');

    if (bytes_starts(at->rest, B("/*"))) {
        for (n = 2; n < at->rest.len && !bytes_starts(bytes_skip(at->rest, n), B("*/")); n++)
            ;
        if (n == at->rest.len)
            return refuse(at, "a comment without its end", "/* ... */");
        n += 2;
    }
    blank(at, n);
    return true;
}

static bool scan_brace(struct cursor *at)
{
    char c = at->rest.ptr[0];
    struct config_scan *s = at->scan;

    if (c == '{') {
        if (at->depth++ == 0)
            at->open_line = s->line;
        if (at->last != '=') { /* a section, not a list */
            s->section_lines =
                heap_realloc(s->section_lines, (s->section_count + 1) * sizeof(*s->section_lines));
            s->section_lines[s->section_count++] = s->line;
        } else {
            c = '['; /* so that an empty list can be told from an empty section */
        }
    } else {
        if (at->depth == 0)
            return refuse(at, "a closing brace", "one for each opening brace");
        if (at->last == '[')
            return refuse(at, "an empty list", "{ \"a value\", \"another\" }");
        at->depth--;
    }
    at->last = c;
    keep(at, 1);
    return true;
}

/* A word without quotes ends where libconfuse ends it. */
static bool ends_word(char c)
{
    return c == '\0' || strchr(" #\"'\t\n\r={}()+,*", c) || is_control(c);
}

static bool scan_word(struct cursor *at)
{
    size_t n = 0;

    while (n < at->rest.len && !ends_word(at->rest.ptr[n]))
        n++;
    if (n > 0 && at->rest.ptr[n - 1] == '$' && n < at->rest.len && at->rest.ptr[n] == '{')
        return refuse(at, "${ outside of quotes", "\"${NAME}\" in double quotes");
    if (n == 0) {
        if (at->rest.ptr[0] == '*')
            return refuse(at, "* outside of quotes", "patterns in quotes, such as \"article:*\"");
        if (strchr("+()", at->rest.ptr[0]) && at->rest.ptr[0] != '\0')
            return refuse(at, "one of + ( ) outside of quotes",
                          "key = value, values with them in quotes");
        return refuse(at, "a control character", "text");
    }
    keep(at, n);
    at->last = 'w';
    return true;
}

/* One token or blank from the front of the rest, which is not empty. */
static bool scan_next(struct cursor *at)
{
    switch (at->rest.ptr[0]) {
    case '\n':
        at->scan->line++;
        keep(at, 1);
        return true;
    case '\r':
        if (!bytes_starts(at->rest, B("\r\n")))
            return refuse(at, "a control character", "text");
        blank(at, 1);
        return true;
    case ' ':
    case '\t':
        keep(at, 1);
        return true;
    case '"':
    case '\'':
        return scan_string(at);
    case '{':
    case '}':
        return scan_brace(at);
    case '=':
    case ',':
        at->last = at->rest.ptr[0];
        keep(at, 1);
        return true;
    default:
        break;
    }
    if (at->rest.ptr[0] == '#' || bytes_starts(at->rest, B("//")) ||
        bytes_starts(at->rest, B("/*")))
        return scan_comment(at);
    if (bytes_starts(at->rest, B("+="))) {
        at->last = '=';
        keep(at, 2);
        return true;
    }
    return scan_word(at);
}

bool config_scan_init(struct config_scan *s, struct bytes text, struct buf *error)
{
    struct cursor at = {.scan = s, .rest = text, .error = error, .last = '\n'};

    *s = (struct config_scan){.line = 1};
    buf_init(&s->text, BUF_UNBOUNDED); /* as long as the file */
    while (at.rest.len > 0) {
        if (!scan_next(&at))
            return false;
    }
    if (at.depth > 0) {
        s->line = at.open_line;
        return refuse(&at, "an opening brace that is never closed", "one closing brace for each");
    }
    return true;
}

void config_scan_release(struct config_scan *s)
{
    buf_release(&s->text);
    heap_free(s->section_lines);
    *s = (struct config_scan){.line = 1};
}
