/* SPDX-License-Identifier: MIT */
/*
 * pages.h - files of web/: the script for pages that count, and the demo, with the numbers of
 * topics written into the HTML before it leaves.
 *
 * In a page `{{viewers post:1}}` and `{{people post:1}}` stand for the numbers now; so the first
 * picture is right, and the page's script only has to patch it.
 */
#ifndef APP_PAGES_H
#define APP_PAGES_H

#include <stdbool.h>

#include "app/session.h"
#include "wire/http1.h"

/* False if no file belongs to the path, and nothing was answered. `/` is demo/index.html, `/x` is
 * demo/x or demo/x.html. */
bool pages_handle(struct session *s, const struct http_request *r);

/* The script that makes <live-count> an element of a page on any site (client/src/script.ts). */
void pages_script(struct session *s);

#endif
