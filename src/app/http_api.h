/* SPDX-License-Identifier: MIT */
/*
 * http_api.h - what a backend may ask: docs/http-api.md.
 */
#ifndef APP_HTTP_API_H
#define APP_HTTP_API_H

#include "app/session.h"
#include "base/bytes.h"

/* GET /api/v1/topics/{topic}; `encoded` is what stands behind the last slash, percent-encoded. */
void api_topic(struct session *s, struct bytes encoded);
/* GET /metrics */
void api_metrics(struct session *s);

#endif
