/* SPDX-License-Identifier: MIT */
/*
 * config.c - a configuration file of any bytes: read, finished and asked, or refused with one line.
 */
#include <stddef.h>
#include <stdint.h>

#include "app/config.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct config *config)
{
    static const char *const paths[] = {"/ws/posts/42/live", "/a/b%2fc", "/", "//",
                                        "/ws/posts/x/live"};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct route_match match;
        assert(config_topic_settings(config, bytes_str(paths[i])));
        if (config_route(config, bytes_str(paths[i]), &match) == ROUTE_OK) {
            assert(match.topic.len <= config->topic_bytes_max);
            route_match_release(&match);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = config_new();
    struct buf error, warnings;
    bool ok;

    buf_init(&error, BUF_UNBOUNDED);
    buf_init(&warnings, BUF_UNBOUNDED);
    ok = config_load_text(config, "fuzz.conf", bytes_of((const char *)data, size), &error);
    if (ok && !config->jwt_secret_file && !config->jwt_public_key_file) {
        ok = config_finish(config, &error, &warnings);
        if (ok)
            ask(config);
    }
    assert(ok == (error.len == 0));
    assert(bytes_find(buf_bytes(&error), '\n') == error.len);
    buf_release(&error);
    buf_release(&warnings);
    config_free(config);
    return 0;
}
