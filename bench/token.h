/* SPDX-License-Identifier: MIT */
/*
 * token.h - HS256 tokens for clients, one subject each (RFC 7515, 7519).
 */
#ifndef BENCH_TOKEN_H
#define BENCH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

/* A token for subject `u<number>`, zero-terminated at `to`. */
void token_make(const char *secret, uint32_t number, char *to, size_t size);

#endif
