/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NORETURN void out_of_memory(size_t size)
{
    fprintf(stderr, "rollcall: out of memory (asked for %zu bytes)\n", size);
    abort();
}

void *heap_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        out_of_memory(size);
    return p;
}

void *heap_zalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        out_of_memory(count);
    return p;
}

void *heap_realloc(void *ptr, size_t size)
{
    void *p = realloc(ptr, size ? size : 1);

    if (!p)
        out_of_memory(size);
    return p;
}

char *heap_copy(const char *ptr, size_t len)
{
    char *p = heap_alloc(len + 1);

    if (len)
        memcpy(p, ptr, len);
    p[len] = '\0';
    return p;
}

void heap_free(void *ptr)
{
    free(ptr);
}
