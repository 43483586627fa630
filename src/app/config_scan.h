/* SPDX-License-Identifier: MIT */
/*
 * config_scan.h - a look over a configuration file before libconfuse reads it.
 *
 * libconfuse's lexer is lenient where we must not be: it skips characters it does not know (so
 * `topic article:* {` would be the topic "article:"), takes the end of the file for a closing
 * brace, turns an unset variable into nothing, and counts lines wrongly behind comments. So all
 * that is refused here, and comments are blanked.
 *
 * It knows no keys and no values.
 */
#ifndef APP_CONFIG_SCAN_H
#define APP_CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

struct config_scan {
    struct buf text; /* the file with spaces in place of comments: same lines, same columns */
    unsigned *section_lines; /* where each section opens, in order */
    size_t section_count;
    unsigned line; /* the last one looked at, from 1: that of the error */
};

/* False, with "found ..., allowed: ..." in `error` and its line in `line`, if libconfuse would
 * misread `text`. To be released either way. */
NODISCARD bool config_scan_init(struct config_scan *s, struct bytes text, struct buf *error);
void config_scan_release(struct config_scan *s);

#endif
