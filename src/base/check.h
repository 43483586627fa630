/* SPDX-License-Identifier: MIT */
/*
 * check.h - assertions that stay on in release, and the compiler attributes that we use.
 *
 * A failed assert is a mistake of ours and ends the process; what the world does wrong is returned
 * instead.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#ifdef NDEBUG
#error "assertions stay on: build without NDEBUG"
#endif

#include <assert.h>

/* The caller must look at the result. */
#define NODISCARD __attribute__((warn_unused_result))
/* `f` and `a`: the 1-based positions of the format and of its first argument. */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN __attribute__((noreturn))

/* The struct of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
