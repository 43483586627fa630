/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of net/ share and nobody else sees.
 */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <stdbool.h>

#include <uv.h>

#include "base/pool.h"
#include "net/conn.h"
#include "net/loop.h"

enum {
    READ_BYTES = 64 * 1024,   /* one buffer per worker, for every read */
    SCRATCH_BYTES = 16 * 1024 /* small frames that are due together are sent from here */
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t timer; /* ends the wait in time */
    uint64_t timer_at;
    const struct conn_handler *handler;
    void *owner;
    struct pool outboxes;
    struct conn *dirty; /* have something to write or to close; linked by next_dirty */
    struct loop_counts counts;
    char read[READ_BYTES];
    char scratch[SCRATCH_BYTES];
};

#endif
