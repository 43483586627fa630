/* SPDX-License-Identifier: MIT */
#include "app/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 4096 };

static bool refuse(struct buf *error, int number)
{
    buf_printf(error, "cannot be read: %s", strerror(number));
    return false;
}

static bool read_all(int fd, struct buf *out, struct buf *error)
{
    char step[STEP];
    ssize_t n;

    while ((n = read(fd, step, sizeof(step))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse(error, errno);
        if (!buf_put(out, bytes_of(step, (size_t)n))) {
            buf_printf(error, "is larger than %zu bytes", out->max);
            return false;
        }
    }
    return true;
}

bool read_file(const char *path, struct buf *out, bool *world_readable, struct buf *error)
{
    struct stat status;
    bool ok;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return refuse(error, errno);
    if (fstat(fd, &status) != 0) {
        ok = refuse(error, errno);
    } else {
        *world_readable = S_ISREG(status.st_mode) && (status.st_mode & S_IROTH);
        ok = read_all(fd, out, error);
    }
    close(fd);
    return ok;
}
