/* SPDX-License-Identifier: MIT */
/*
 * inquiry.h - an HTTP request that needs the numbers of some topics, which their homes know.
 *
 * The session waits (SESSION_WAITING) until every home has answered, then its `done` writes the
 * response. If the client goes away meanwhile the answers find nobody and the inquiry ends.
 */
#ifndef APP_INQUIRY_H
#define APP_INQUIRY_H

#include <stddef.h>
#include <stdint.h>

#include "app/session.h"
#include "base/bytes.h"

enum { INQUIRY_TOPICS_MAX = 500 };

struct counts {
    uint32_t viewers, people; /* 0 and 0 for a topic that does not exist */
};

/* Pooled. */
struct inquiry {
    struct id session;
    /* Writes the response; `data` is freed afterwards with heap_free(). */
    void (*done)(struct session *s, const struct inquiry *q);
    void *data;
    struct counts *results; /* in the order of the topics asked */
    uint32_t len, waiting;
};

/* Asks; `len` is 1 to INQUIRY_TOPICS_MAX. `data` is put, and may be NULL. */
void inquiry_start(struct session *s, const struct bytes *topics, size_t len,
                   void (*done)(struct session *s, const struct inquiry *q), void *data);
/* A home's answer. */
void inquiry_answer(struct worker *w, const struct letter *l);
/* Frees those that wait when their worker ends. */
void inquiries_release(struct worker *w);

#endif
