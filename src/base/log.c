/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"

enum { LINE_MAX_BYTES = 1024 };

static _Atomic int level_max = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_max, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_max, memory_order_relaxed);
}

/* Control bytes become \xNN: a client must not be able to start a line or to move the cursor. */
static size_t escape(const char *from, char *to, size_t size)
{
    size_t n = 0;

    for (; *from && n + 5 < size; from++) {
        unsigned char c = (unsigned char)*from;
        if (c >= 0x20 && c != 0x7f)
            to[n++] = (char)c;
        else
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", c);
    }
    return n;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char text[LINE_MAX_BYTES], line[2 * LINE_MAX_BYTES];
    struct timespec now;
    struct tm tm;
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ %-5s ", now.tv_nsec / 1000000,
                          names[level]);
    n += escape(text, line + n, sizeof(line) - n - 1);
    line[n++] = '\n';
    fwrite(line, 1, n, stderr); /* one call, one line, also between threads */
}
