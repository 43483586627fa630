/* SPDX-License-Identifier: MIT */
/*
 * route_template.h - which topic a request path of the rooms dialect names.
 *
 * A template is a path whose segments may be parameters, "/ws/posts/{post_id:int}/live", with a
 * topic that may use them, "post:{post_id}". `{name}` is any one segment that is not empty;
 * `{name:int}` is a decimal integer as JSON writes it, in 64 bits with a sign. Paths are
 * percent-decoded segment by segment (RFC 3986 2.1), so an encoded slash is part of a value.
 */
#ifndef APP_ROUTE_TEMPLATE_H
#define APP_ROUTE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

struct route_template;

/* Both are copied. NULL, with "found ..., allowed: ..." in `error`, if one of them is bad;
 * `*bad_topic` then says which. Free with route_template_free(), which takes NULL. */
NODISCARD struct route_template *route_template_new(struct bytes path, struct bytes topic,
                                                    bool *bad_topic, struct buf *error);
void route_template_free(struct route_template *t);

/* As config_route(), for this one template; `topic_bytes_max` limits the topic. */
NODISCARD enum route_result route_template_match(const struct route_template *t, struct bytes path,
                                                 size_t topic_bytes_max, struct route_match *out);

#endif
