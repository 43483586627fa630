/* SPDX-License-Identifier: MIT */
/*
 * read_file.h - a small file as a whole, at the start of the program.
 */
#ifndef APP_READ_FILE_H
#define APP_READ_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"

/* Appends what `path` holds to `out`, at most its maximum. `*world_readable`: everybody on the
 * machine may read it. False, with the reason such as "cannot be read: Permission denied" in
 * `error`, if that fails. */
NODISCARD bool read_file(const char *path, struct buf *out, bool *world_readable,
                         struct buf *error);

#endif
