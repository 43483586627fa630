/* SPDX-License-Identifier: MIT */
/*
 * heap.h - memory, or the end of the process.
 *
 * Nothing here returns NULL: when memory is gone the process says so and aborts. That is safe
 * because everything that grows has a limit in the configuration.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

#include "base/check.h"

/* `size` bytes, not initialised. Free with heap_free(). */
NODISCARD void *heap_alloc(size_t size);
/* `count * size` zero bytes; aborts if the product overflows. */
NODISCARD void *heap_zalloc(size_t count, size_t size);
/* As realloc(); `ptr` may be NULL. */
NODISCARD void *heap_realloc(void *ptr, size_t size);
/* A copy of `len` bytes at `ptr`, with a zero byte behind. */
NODISCARD char *heap_copy(const char *ptr, size_t len);
/* `ptr` may be NULL. */
void heap_free(void *ptr);

#endif
