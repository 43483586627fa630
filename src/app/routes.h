/* SPDX-License-Identifier: MIT */
/*
 * routes.h - which path is served by what.
 */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include "app/session.h"
#include "wire/http1.h"

/* Answers a request, at once or later (then the session is in SESSION_WAITING when this returns).
 * `r` is borrowed. */
void routes_handle(struct session *s, const struct http_request *r);

#endif
