/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event worth reading, on standard error.
 *
 * The line is `TIME LEVEL message`; control bytes that reach it from a client are escaped, so one
 * event is one line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/check.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped. The level is the one mutable global of the program. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
PRINTF_LIKE(2, 3) void log_line(enum log_level level, const char *format, ...);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)

#endif
