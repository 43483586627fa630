/* SPDX-License-Identifier: MIT */
/*
 * asset.h - the files below web/, which the build makes part of the program.
 *
 * scripts/embed.py writes the table; a page is served from memory and the program needs no folder
 * beside it.
 */
#ifndef APP_ASSET_H
#define APP_ASSET_H

#include <stddef.h>

struct asset {
    const char *path;          /* below web/, with '/' between and none in front: "demo/blog.js" */
    const char *type;          /* for Content-Type: "text/html; charset=utf-8" */
    const unsigned char *data; /* a zero byte stands behind the last one */
    size_t len;
};

/* `assets_len` of them, in strcmp() order of their paths. */
extern const struct asset assets[];
extern const size_t assets_len;

#endif
