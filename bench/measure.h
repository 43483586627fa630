/* SPDX-License-Identifier: MIT */
/*
 * measure.h - what the processes of a server and the bench itself use, as Linux tells it.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum { PIDS_MAX = 16 };

/* The processes of the server; none if they are not known. */
struct pids {
    int list[PIDS_MAX];
    size_t len;
};

uint64_t now_ns(void);

/* CPU seconds that the threads of all of them have used, to the nanosecond, and their memory (PSS,
 * bytes). Not a number (NAN) if none are known or one may not be read. */
double pids_cpu_s(const struct pids *p);
double pids_pss_bytes(const struct pids *p);
/* Bytes that the kernel holds for TCP sockets on the whole machine. */
double kernel_tcp_bytes(void);

/* A stretch of time that is measured. */
struct span {
    const struct pids *server; /* borrowed */
    uint64_t start_ns;
    double seconds;         /* wall time */
    double server_s, own_s; /* CPU of the server, and of this process */
};

void span_begin(struct span *s, const struct pids *server);
/* Sets the figures; once for a beginning. */
void span_end(struct span *s);

#endif
